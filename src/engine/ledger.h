/*
 * The books: the counters of optly_stats, the sequence numbers of accepted
 * events, and the barriers of flushes under way. All of it is guarded by the
 * engine's lock.
 */
#ifndef OPTLY__LEDGER_H
#define OPTLY__LEDGER_H

#include <optly/processor.h>

#include "event/user_event.h"

/* Where a pending event is counted. */
typedef enum optly__stage {
    OPTLY__QUEUED,
    OPTLY__IN_FLIGHT,
    OPTLY__RETRY_WAIT
} optly__stage;

/*
 * One flush under way: it is over when `remaining` is 0. It counts the events
 * that were pending when it began, by their sequence numbers, so that later
 * ones neither hold it up nor end it.
 */
typedef struct optly__barrier {
    struct optly__barrier *next;
    uint64_t number;    /* 1, 2, ... in the order of the flushes */
    uint64_t target;    /* the last sequence number that it waits for */
    uint64_t remaining; /* events not yet settled and reported */
    bool dropped;       /* one of them was dropped */
} optly__barrier;

typedef struct optly__ledger {
    optly_stats stats;
    uint64_t pending_bytes;
    uint64_t last_sequence;
    int64_t last_arrival_ms;
    uint64_t flush_target; /* the last number that a flush has asked for, also
                            * one that did not wait until it was sent */
    uint64_t barriers_made;
    optly__barrier *barriers;
} optly__ledger;

/* Counts an accepted event and numbers it. Arrivals stand in the order of the
 * numbers: none is before the last one. */
void optly__ledger_accept(optly__ledger *ledger, optly_user_event *event,
                          int64_t now_ms);

/* Counts an event that was refused with `status`. */
void optly__ledger_reject(optly__ledger *ledger, optly_status status);

void optly__ledger_move(optly__ledger *ledger, optly__stage from,
                        optly__stage to, uint64_t count);

/*
 * Counts `count` events linked from `first`, of `bytes` in all and in the
 * order of their numbers, as settled and reported.
 */
void optly__ledger_settle(optly__ledger *ledger, optly__stage stage,
                          const optly_user_event *first, uint64_t count,
                          uint64_t bytes, optly_drop_reason reason);

/* Counts without events at hand; ends no barrier. */
void optly__ledger_count(optly__ledger *ledger, optly__stage stage,
                         uint64_t count, optly_drop_reason reason);

/*
 * Counts a queued event as displaced by a newer one; its report comes later,
 * and optly__ledger_displaced_reported with it.
 */
void optly__ledger_displace(optly__ledger *ledger, optly_user_event *event);
void optly__ledger_displaced_reported(optly__ledger *ledger,
                                      const optly_user_event *event);

/* Begins and ends a flush; `barrier` is the caller's. */
void optly__ledger_open_barrier(optly__ledger *ledger, optly__barrier *barrier);
void optly__ledger_close_barrier(optly__ledger *ledger,
                                 optly__barrier *barrier);

#endif
