/*
 * A witness of an engine under simulation: it sees every event accepted, every
 * attempt, answer and report, keeps books of its own, and fails the test when
 * the engine breaks a promise. It is the engine's dispatcher and its delivery
 * handler, and decides nothing.
 */
#ifndef OPTLY_FAKES_WITNESS_H
#define OPTLY_FAKES_WITNESS_H

#include "engine/engine.h"

enum {
    WITNESS_EVENTS = 512,    /* accepted in one schedule */
    WITNESS_ATTEMPTS = 2048, /* of one schedule */
    WITNESS_BARRIERS = 8     /* open at once */
};

typedef struct witness_event {
    const optly__context *context;
    int64_t arrival_ms;
    int64_t retry_after_until_ms;
    uint32_t attempts;
    optly_outcome outcome; /* of the last attempt that was answered */
    bool in_flight, displaced, reported, dropped;
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
    bool waits_for[WITNESS_EVENTS]; /* by sequence number */
} witness_barrier;

typedef struct witness_lane {
    bool backing_off, had_trouble;
    int64_t retry_after_until_ms;
    uint32_t probes;
} witness_lane;

typedef struct witness {
    optly__engine *engine;
    const int64_t *now;
    bool memory_failed; /* an allocation may have failed: fewer promises */
    bool aborting;      /* as of the step under way: nothing may be sent */

    witness_event events[WITNESS_EVENTS]; /* by sequence number, from 1 */
    uint64_t accepted, reported, by_reason[OPTLY_REASON_SLOTS];
    witness_attempt attempts[WITNESS_ATTEMPTS];
    uint32_t attempt_count, open_count;
    uint64_t open_events;
    witness_lane lanes[OPTLY__ENDPOINTS];
    witness_barrier barriers[WITNESS_BARRIERS];

    /* What the schedule does inside of foreign code; may be NULL. */
    void (*on_dispatch)(void *user, uint32_t attempt);
    void (*on_report)(void *user);
    void *user;
} witness;

extern const optly_dispatcher_ops witness_dispatcher_ops;

/* An optly_delivery_fn. */
void witness_report(const optly_delivery_report *report, void *user);

void witness_cleanup(witness *w);

/* The engine has accepted the newest event. */
void witness_accept(witness *w, const optly_user_event *event);

/* Answers an attempt, open or not: the first answer counts. */
void witness_complete(witness *w, uint32_t attempt, optly_outcome outcome,
                      int64_t retry_after_ms);

/* Begins a flush if there is room for one more. */
void witness_flush(witness *w);

/* Checks what holds at every instant. */
void witness_check(witness *w);

/* Ends the flushes that are over. */
void witness_end_flushes(witness *w);

/* Checks what holds once all is settled, and ends all flushes. */
void witness_check_end(witness *w);

#endif
