/* A dispatcher that does as it is told and remembers all it was given. */
#ifndef OPTLY_FAKES_SCRIPTED_DISPATCHER_H
#define OPTLY_FAKES_SCRIPTED_DISPATCHER_H

#include <optly/event.h>

#include "platform/platform.h"

enum { FAKE_ATTEMPTS = 4096, FAKE_SCRIPT = 256 };

/* One call of dispatch. */
typedef struct fake_attempt {
    optly_delivery delivery;
    bool open; /* not completed */
    char endpoint[128];
    char revision[32];
    char first_visitor[64];
    char first_uuid[37];
    uint32_t event_count;
    uint32_t attempt;
    size_t body_len;
    uint64_t body_hash;
    int64_t at_ms; /* of *clock, if there is one */
} fake_attempt;

typedef struct fake_dispatcher {
    /* Set by the test before it starts. */
    bool hold; /* leave attempts open; the test completes them */
    bool complete_on_cancel;
    optly_outcome script[FAKE_SCRIPT]; /* then `otherwise` */
    int script_len;
    optly_outcome otherwise; /* UNSET counts as DELIVERED */
    int32_t http_status;
    int64_t retry_after_ms;
    const int64_t *clock;
    /* Refuses batches that hold an event of this visitor; may be NULL. */
    const char *poison;
    /* Fails those that do, for another try; may be NULL. */
    const char *unlucky;
    /* Called at each dispatch before it is answered; may be NULL. */
    void (*on_dispatch)(struct fake_dispatcher *self);
    void *user;

    /* Guarded by `lock`. */
    optly__mutex lock;
    optly__cond changed;
    fake_attempt attempts[FAKE_ATTEMPTS];
    int attempt_count;
    int cancels, destroys;
} fake_dispatcher;

void fake_dispatcher_init(fake_dispatcher *fake);
void fake_dispatcher_cleanup(fake_dispatcher *fake);

/* A dispatcher on it; its destroy only counts. */
optly_dispatcher fake_dispatcher_as_dispatcher(fake_dispatcher *fake);
extern const optly_dispatcher_ops fake_dispatcher_ops;

/* Completes attempt number `i`, open or not. */
void fake_dispatcher_complete(fake_dispatcher *fake, int i,
                              optly_outcome outcome);
int fake_dispatcher_count(fake_dispatcher *fake);

/* Waits until there were `count` attempts, 10 s at most; then false. */
bool fake_dispatcher_wait(fake_dispatcher *fake, int count);

/* --- what on_delivery saw --- */

enum { FAKE_REPORTED = 20000 };

typedef struct fake_reports {
    int reports, events;
    int by_reason[OPTLY_REASON_SLOTS];
    char visitors[FAKE_REPORTED][16];
    optly_drop_reason reasons[FAKE_REPORTED];
    uint32_t attempts[FAKE_REPORTED];
    int32_t http_status;
} fake_reports;

/* An optly_delivery_fn; `reports` is its user. */
void fake_reports_add(const optly_delivery_report *report, void *reports);

#endif
