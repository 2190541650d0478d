/*
 * The engine: decides what to batch, send, retry, split and drop, calls the
 * dispatcher and the callbacks, and keeps the books. It has no thread, no
 * clock and no I/O of its own: a driver calls optly__engine_step with the time
 * and is told when to call again.
 *
 *   producers ── intake.c ──► queue ── engine.c ──► open batch of the context
 *                                                      │ full, old or flushed
 *        settle.c ◄── completions ◄── dispatcher ◄── ready, by lane (retry.c)
 *
 * Events are owned by the queue until the driver takes them out, by their
 * batch from then on, and are destroyed in settle.c once they are reported.
 *
 * One thread at a time is the driver. It may hang in foreign code (a
 * dispatcher or a callback); then a closing thread takes the engine over, as
 * `place` allows, and the driver finds `taken_over` when it comes back and
 * touches nothing more.
 */
#ifndef OPTLY__ENGINE_H
#define OPTLY__ENGINE_H

#include <optly/processor.h>

#include "base/error.h"
#include "dispatch/delivery.h"
#include "engine/batch.h"
#include "engine/ledger.h"
#include "engine/notification.h"
#include "engine/retry.h"
#include "platform/platform.h"

/* Where the driver is. */
typedef enum optly__place {
    OPTLY__IN_ENGINE,
    OPTLY__IN_DISPATCHER, /* in dispatch or poll */
    OPTLY__IN_CALLBACK,   /* in a handler, a hook, or the queue's settle */
    OPTLY__WAITING        /* on the condition, or nobody drives */
} optly__place;

/* How soundly the driver sleeps: who has to wake it. */
typedef enum optly__sleep {
    OPTLY__AWAKE,
    OPTLY__NAPPING, /* comes back within a tick: only many events wake it */
    OPTLY__ASLEEP   /* the first event wakes it */
} optly__sleep;

/* The events that a tick aims at. */
enum { OPTLY__TICK_FEW_EVENTS = 32, OPTLY__TICK_MANY_EVENTS = 128 };

/* An attempt under way. */
typedef struct optly__slot {
    uint64_t id; /* of the delivery; its remainder is the slot's number */
    optly__batch *batch; /* NULL: the slot is free */
    bool completed;
    optly_dispatch_result result;
    struct optly__slot *next; /* among the completed, or the free ones */
} optly__slot;

/* A line for the log hook. */
enum { OPTLY__NOTES = 4 };
typedef struct optly__note {
    optly_log_level level;
    char text[256];
} optly__note;

/* Set by create, then read-only. */
typedef struct optly__engine_config {
    uint32_t batch_size, queue_size, flush_interval_ms, max_in_flight;
    uint64_t queue_bytes, max_payload_bytes;
    optly_overflow overflow;
    optly__backoff backoff;
    uint32_t max_attempts, max_age_ms;
    const char *endpoint; /* NULL: by the region; borrowed */
    optly_queue_ops queue;
    void *queue_self; /* taken */
    optly_dispatcher_ops dispatcher;
    void *dispatcher_self; /* not taken */
    optly__log log;
    optly_metrics metrics;
    /* Wakes the driver. Called by any thread, no lock held. */
    void (*wake)(void *host);
    void *host;
    uint64_t seed; /* of the jitter */
} optly__engine_config;

typedef struct optly__engine {
    optly__delivery_core core; /* deliveries point here */
    optly__engine_config config;
    uint64_t generation; /* of the process that made it */

    optly__mutex lock;
    optly__cond changed; /* settled, room, closed: for those who wait */
    /* Guarded by `lock`. */
    optly__ledger ledger;
    size_t queued[OPTLY__ENDPOINTS]; /* events in the queue, by lane */
    uint64_t queued_bytes;           /* of all of them */
    optly_user_event *displaced_first, *displaced_last;
    uint64_t displaced_count, displaced_bytes;
    optly__slot *slots; /* max_in_flight of them */
    optly__slot *completed_first, *completed_last;
    optly__handlers dispatch_handlers, delivery_handlers;
    optly__thread callback_thread; /* valid IN_CALLBACK */
    /* What becomes of the events in `hand` once they are reported. */
    optly__stage hand_stage;
    optly_drop_reason hand_reason;
    uint32_t hand_count;
    optly__place place;
    optly__sleep sleep;
    bool poked; /* something came up since the step began */
    bool wants_events[OPTLY__ENDPOINTS]; /* the lane could send more */
    bool closing;                        /* nothing is accepted any more */
    bool aborting;   /* drop what the dispatcher does not hold */
    bool counted;    /* and it is counted as dropped already */
    bool taken_over; /* by `taker`; the thread that drove has lost it */
    optly__thread taker;
    uint64_t hastened; /* the newest flush that shortened the backoffs */

    /* Driver only. */
    optly__lane lanes[OPTLY__ENDPOINTS];
    optly__group_table groups;
    optly__batch hand; /* events being settled; its group is NULL */
    optly_user_event *displaced_hand; /* displaced ones being reported */
    optly_user_event *backlog_first, *backlog_last; /* taken, not batched */
    optly__slot *free_slots;
    uint32_t in_flight;
    uint32_t taken; /* events out of the queue, and displaced ones reported,
                       since the driver rested */
    uint64_t next_order, next_id, scan;
    uint64_t random;
    uint64_t flush_target;           /* as of this step */
    bool aborted;                    /* a step has done what aborting asks */
    bool cancelled;                  /* the driver has called cancel for it */
    optly__note notes[OPTLY__NOTES]; /* for the log, at a safe point */
    uint32_t note_count;
    int64_t next_expiry_ms;  /* at or before the first expiry */
    int64_t memory_retry_ms; /* after an allocation failed; or NEVER */
    uint32_t first_lane;
    bool region_logged, memory_logged;
    uint64_t failed_batches; /* dropped ones */
    optly_stats metered;     /* what the metrics hook has been told */
    uint64_t metered_failed;
} optly__engine;

static inline int64_t optly__earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/*
 * Makes an engine; takes `config->queue_self` when it succeeds. Events in the
 * queue count as accepted at `now_ms`.
 */
optly_status optly__engine_init(optly__engine *engine,
                                const optly__engine_config *config,
                                int64_t now_ms);

/*
 * Does all that is due at `now_ms`. `*next_ms` is when to call again, unless
 * something is added or completed before: OPTLY__NEVER if nothing is due.
 * Returns false when the engine was taken over. Driver only, no lock held.
 */
bool optly__engine_step(optly__engine *engine, int64_t now_ms,
                        int64_t *next_ms);

/*
 * Drops, as `reason`, one load of what the dispatcher does not hold. Sets
 * `*dropped` unless there was nothing. Driver only. False: taken over.
 */
bool optly__engine_drop_some(optly__engine *engine, optly_drop_reason reason,
                             bool *dropped);

/* The same for all of it. */
bool optly__engine_drop_waiting(optly__engine *engine,
                                optly_drop_reason reason);

/*
 * answer.c: settles what the dispatcher holds as ABANDONED, answers that have
 * come in first. Unless the dispatcher `is_gone` the events stay in memory,
 * since it may still read them, and so do detached ones. Driver only. Returns
 * false when it was taken over.
 */
bool optly__engine_abandon(optly__engine *engine, bool is_gone);

/* Frees all events without a word, the queue with them. No thread left. */
void optly__engine_cleanup(optly__engine *engine);

/* --- intake.c: lock held --- */

/*
 * Accepts `event` into the queue, making room as the policy says, and sets
 * `*wake` if the driver has to be woken afterwards (sleep is AWAKE then).
 * Takes the event only on OPTLY_OK; a refusal is not counted yet.
 */
optly_status optly__engine_add(optly__engine *engine, optly_user_event *event,
                               int64_t now_ms, bool *wake);

/* Takes up to `max` of the oldest out of the queue. */
size_t optly__engine_take(optly__engine *engine, optly_user_event **events,
                          size_t max);

uint32_t optly__engine_lane_of(const optly__engine *engine,
                               const optly_user_event *event);

/* Whether the queue has events that could be sent now. */
bool optly__engine_has_events(const optly__engine *engine);

/* The driver shall step at once; returns whether it has to be woken for that,
 * once the lock is free. */
bool optly__engine_rouse(optly__engine *engine);

/* --- fill.c: driver only --- */

/* Takes events out of the queue until every lane that may send has a batch
 * ready, or the queue has nothing for it. */
void optly__engine_fill(optly__engine *engine, int64_t now_ms);

/* Closes open batches that are old enough or that a flush waits for. */
void optly__engine_close_due(optly__engine *engine, int64_t now_ms);

/* When the first open batch of the lane has to leave, full or not. */
int64_t optly__engine_open_due_ms(const optly__engine *engine,
                                  const optly__lane *lane, int64_t now_ms);

/* Settles what is older than max_age_ms. False: taken over. */
bool optly__engine_expire(optly__engine *engine, int64_t now_ms);

/* --- send.c: driver only --- */

/* The batch that the lane sends next, or NULL. */
optly__batch *optly__engine_next_batch(optly__engine *engine, optly__lane *lane,
                                       int64_t now_ms);

/* Whether the lane may send now, as far as limits and backoff go. */
bool optly__engine_may_send(const optly__engine *engine,
                            const optly__lane *lane, int64_t now_ms);

/* Hands batches to the dispatcher; stops at the first answer, so that it
 * counts before more is sent. False: taken over. */
bool optly__engine_send(optly__engine *engine, int64_t now_ms);

/* When the lane has something to send, OPTLY__NEVER if an event or an answer
 * has to come first. */
int64_t optly__engine_lane_due_ms(optly__engine *engine, optly__lane *lane,
                                  int64_t now_ms);

/* An allocation failed: everything stays where it is, and is tried again. */
void optly__engine_out_of_memory(optly__engine *engine, int64_t now_ms);

/* --- answer.c: driver only --- */

/* Acts on the answers that have come in. False: taken over. */
bool optly__engine_answer(optly__engine *engine, int64_t now_ms);

/* --- detach.c --- */

/* Leaves the batch of a delivery to who still reads it: the core's `detach`. */
optly__kept *optly__engine_detach(optly__delivery_core *core, uint64_t id);

/* --- takeover.c --- */

/* Leaves for foreign code and comes back. False: taken over. */
void optly__engine_leave(optly__engine *engine, optly__place place);
bool optly__engine_enter(optly__engine *engine);

/* The rest with the lock held. */

/* Whether the calling thread may touch the engine after foreign code. */
bool optly__engine_is_ours(const optly__engine *engine);

/*
 * Makes the calling thread the driver instead of one that hangs in foreign
 * code, which must not be IN_ENGINE.
 */
void optly__engine_take_over(optly__engine *engine);

/*
 * Counts all that the dispatcher does not hold as CLOSED ahead of its reports,
 * for a close whose time is up while a callback runs. The driver reports it
 * when it comes back, if it ever does.
 */
void optly__engine_count_waiting(optly__engine *engine);

/* --- note.c: driver only --- */

/* Keeps a line for the log; a hook may block, so it runs at safe points. */
void optly__engine_note(optly__engine *engine, optly_log_level level,
                        const char *format, ...) OPTLY__FORMAT(3, 4);

/* Hands the lines to the log hook. False: taken over. */
bool optly__engine_tell(optly__engine *engine);

/* --- settle.c: driver only --- */

/* Destroys what is in `hand` without a word: a callback that came back too
 * late has left it there. */
void optly__engine_discard_hand(optly__engine *engine);

/*
 * Reports the events in `hand`, counts them and destroys them. `stage` is
 * where they are counted now. Returns false when the engine was taken over.
 */
bool optly__engine_settle_hand(optly__engine *engine, optly__stage stage,
                               optly_drop_reason reason);

/* Moves the first `count` events of a batch to `hand` and settles them. */
bool optly__engine_settle(optly__engine *engine, optly__batch *batch,
                          uint32_t count, optly__stage stage,
                          optly_drop_reason reason);

/* Reports and counts a batch in flight, and leaves it in memory. */
bool optly__engine_settle_in_place(optly__engine *engine,
                                   const optly__batch *batch,
                                   optly_drop_reason reason);

/* Reports what DROP_OLDEST displaced. */
bool optly__engine_report_displaced(optly__engine *engine);

/* Tells the handlers of on_event_dispatch. */
bool optly__engine_announce(optly__engine *engine, const optly_log_event *log);

/* Feeds the metrics hook with what has changed. */
bool optly__engine_meter(optly__engine *engine);

#endif
