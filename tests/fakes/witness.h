/*
 * A witness of an engine under simulation: it sees every event accepted, every
 * attempt, answer and report, keeps books of its own, and fails the test when
 * the engine breaks a promise. It is the engine's dispatcher, its handlers and
 * what its queue settles with, and decides nothing.
 *
 * witness.c keeps the books, witness_rules.c holds what happens against the
 * promises, and witness_books.c the engine's counters against the books.
 */
#ifndef OPTLY_FAKES_WITNESS_H
#define OPTLY_FAKES_WITNESS_H

#include "engine/engine.h"

enum {
    WITNESS_EVENTS = 512,    /* accepted in one schedule */
    WITNESS_ATTEMPTS = 2048, /* of one schedule */
    WITNESS_BARRIERS = 8,    /* open at once */
    WITNESS_TICK_MS = 32     /* the longest nap of a driver */
};

typedef struct witness_event {
    const optly__context *context;
    char uuid[37];
    uint64_t json_hash;
    size_t json_len, size;
    int64_t arrival_ms;
    int64_t retry_after_until_ms;
    uint32_t attempts, refused_in; /* the size of the batch that was refused */
    optly_outcome outcome;         /* of the last attempt that was answered */
    bool in_flight, displaced, reported, dropped, flushed, announced, settled;
} witness_event;

typedef struct witness_attempt {
    optly_delivery delivery;
    uint32_t lane, count;
    uint64_t *events; /* the sequence numbers, `count` of them */
    bool open, is_probe;
} witness_attempt;

/* A flush under way, and what it has to wait for. */
typedef struct witness_barrier {
    optly__barrier barrier; /* the engine's */
    bool used;
    int64_t until_ms;               /* its time-out */
    bool waits_for[WITNESS_EVENTS]; /* by sequence number */
} witness_barrier;

typedef struct witness_lane {
    bool backing_off, had_trouble;
    int64_t failed_ms; /* the last time */
    int64_t retry_after_until_ms;
    uint32_t asked_after;   /* attempts had left when it was asked for */
    int64_t asked_until_ms; /* the same, also when it has answered since */
    int64_t patience_ms;    /* how long that may last with the jitter */
    uint32_t probes, open;
    uint32_t attempts_in_step;
} witness_lane;

typedef struct witness {
    optly__engine *engine;
    const int64_t *now;
    bool memory_failed; /* an allocation may have failed: fewer promises */
    bool aborting;      /* as of the step under way: nothing may be sent */
    bool taken;         /* by a close that did not wait for the driver */
    bool in_report;
    /* The last event of a flush that no step has seen, and of the one that the
     * step under way sees first; or 0. */
    uint64_t flush_target, hasten_target;

    uint64_t first_live; /* all before it are reported */
    uint64_t accepted, reported, by_reason[OPTLY_REASON_SLOTS];
    uint64_t rejected[OPTLY_REASON_SLOTS], settled;
    uint32_t attempt_count, open_count;
    uint64_t open_events;
    uint64_t retries, payload_bytes, delivered_batches, refused_batches;
    witness_lane lanes[OPTLY__ENDPOINTS];
    witness_barrier barriers[WITNESS_BARRIERS];
    uint32_t cancels, open_before; /* the step */

    /* What the schedule does inside of foreign code; may be NULL. */
    void (*on_dispatch)(void *user, uint32_t attempt);
    void (*on_report)(void *user);
    void (*on_cancel)(void *user);
    void *user;

    /* Last, so that a used one is soon zeroed. */
    witness_event events[WITNESS_EVENTS]; /* by sequence number, from 1 */
    witness_attempt attempts[WITNESS_ATTEMPTS];
} witness;

extern const optly_dispatcher_ops witness_dispatcher_ops;

/* An optly_delivery_fn and an optly_event_dispatch_fn. */
void witness_report(const optly_delivery_report *report, void *user);
void witness_announce(const optly_log_event *log, void *user);

/* What a host's queue is told; `settle` of its table. */
void witness_settle(witness *w, const optly_user_event *const *events,
                    size_t count, optly_drop_reason reason);

/* Frees what it holds, and zeroes it. */
void witness_cleanup(witness *w);

/* The engine has accepted the newest event, or refused one. */
void witness_accept(witness *w, const optly_user_event *event);
void witness_refuse(witness *w, const optly_user_event *event,
                    optly_status status, bool queue_fails);

/* Answers an attempt, open or not: the first answer counts. */
void witness_complete(witness *w, uint32_t attempt, optly_outcome outcome,
                      int64_t retry_after_ms);

/* Begins a flush if there is room for one more. */
void witness_flush(witness *w, int64_t until_ms);

/* Somebody else flushes, or closes: part batches may leave from here on. */
void witness_note_flush(witness *w);

/* Around each step of the engine. */
void witness_begin_step(witness *w);
void witness_end_step(witness *w);

/* Checks what holds at every instant. */
void witness_check(witness *w);

/* Ends the flushes that are over or out of time. */
void witness_end_flushes(witness *w);

/* Checks what holds once all is settled, and ends all flushes. */
void witness_check_end(witness *w);

/* --- between the files of it --- */

/* Not reported, not displaced, and with no dispatcher. */
bool witness_waits(const witness_event *event);
uint64_t witness_hash(const char *bytes, size_t len);
uint32_t witness_lane_of(const witness *w, const witness_event *event);

/* After an add, accepted or not: what it displaced. */
void witness_note_displaced(witness *w, bool accepted);

/* The promises about a batch that is handed to the dispatcher, and about an
 * end that is told. */
void witness_check_batch(witness *w, const optly_log_event *log, uint32_t lane);
void witness_check_report(const witness *w, const witness_event *event,
                          const optly_delivery_report *report,
                          uint64_t sequence);
/* What is reported with `reason` is not counted yet. */
void witness_check_not_counted(const witness *w, optly_drop_reason reason);
/* The promises about waiting, once a step is over. */
void witness_check_waiting(const witness *w);

#endif
