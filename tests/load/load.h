/* What the load programs share: events by number, books, and measures. */
#ifndef OPTLY_LOAD_LOAD_H
#define OPTLY_LOAD_LOAD_H

#include <optly/event.h>

#include "sink.h"

enum { LOAD_ACCEPTED = 1, LOAD_DELIVERED = 2, LOAD_DROPPED = 4 };

/* Ends the program with a message unless it is true. */
#define LOAD_CHECK(truth) load_check((truth), #truth, __FILE__, __LINE__)
void load_check(bool truth, const char *what, const char *file, int line);

/* Event `number`, a purchase of some 500 bytes. */
optly_user_event *load_event(const optly_project *project, uint64_t number);

/* An optly_delivery_fn that marks events in a sink, which is its user. */
void load_report(const optly_delivery_report *report, void *user);

/* What became of events `first` to `first + count - 1`. */
typedef struct load_sums {
    uint64_t accepted, delivered, dropped, seen, twice;
    uint64_t lost;     /* accepted, with no report */
    uint64_t invented; /* seen or reported, and not accepted */
    uint64_t unproven; /* delivered, and not seen */
} load_sums;
load_sums load_sum_up(sink *s, uint64_t first, uint64_t count);

/* Of this process: private memory in KiB, threads, descriptors. */
long load_private_kib(void);
long load_threads(void);
long load_descriptors(void);

int64_t load_now_ns(void);

/* Argument number `i` as a number, or `fallback`. */
uint64_t load_argument(int argc, char **argv, int i, uint64_t fallback);

#endif
