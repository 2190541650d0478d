/* Deliveries that record what became of them, instead of a processor. */
#ifndef OPTLY_FAKE_DELIVERIES_H
#define OPTLY_FAKE_DELIVERIES_H

#include "dispatch/delivery.h"
#include "platform/platform.h"

enum { FAKE_MAX_DELIVERIES = 256 };

/* "At once", on a machine that has other things to do as well; what it is told
 * apart from takes 5 s or more. */
enum { FAKE_SOON_MS = 1000 };

typedef struct fake_deliveries {
    optly__delivery_core core; /* first: deliveries point here */
    optly__mutex lock;
    optly__cond changed;
    /* Guarded by `lock`; by id, the first is 0. */
    size_t issued, completed;
    uint32_t completions[FAKE_MAX_DELIVERIES];
    optly_dispatch_result results[FAKE_MAX_DELIVERIES];
} fake_deliveries;

void fake_deliveries_init(fake_deliveries *deliveries);
void fake_deliveries_cleanup(fake_deliveries *deliveries);

/* The next delivery. */
optly_delivery fake_deliveries_issue(fake_deliveries *deliveries);

/* How many deliveries are complete; any thread. */
size_t fake_deliveries_completed(fake_deliveries *deliveries);

/* Waits until `count` are complete; false when `timeout_ms` is over first. */
bool fake_deliveries_wait(fake_deliveries *deliveries, size_t count,
                          int timeout_ms);

/* Polls `dispatcher` until `count` are complete; false as above. */
bool fake_deliveries_drive(fake_deliveries *deliveries,
                           optly_dispatcher dispatcher, size_t count,
                           int timeout_ms);

/* An event for `endpoint` with `body`, which both are borrowed. */
optly_log_event fake_log_event(const char *endpoint, const char *body);

#endif
