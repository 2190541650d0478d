/*
 * One engine on a virtual clock, with its driver and all that happens around
 * it: what a schedule of a simulation is made of. The driver steps only when
 * the engine has asked for it, by a deadline or a wake-up, so that a lost
 * wake-up shows as an event that is never settled.
 */
#ifndef OPTLY_FAKES_WORLD_H
#define OPTLY_FAKES_WORLD_H

#include "fakes/census.h"
#include "fakes/witness.h"

enum {
    WORLD_PROJECTS = 4, /* two revisions in two regions */
    WORLD_MOST_ADDED = WITNESS_EVENTS - 8
};

/* What a host's metrics were told. */
enum { WORLD_METRICS = 7 };
typedef struct world_metrics {
    double values[WORLD_METRICS];
    bool told[WORLD_METRICS]; /* in this step */
} world_metrics;

typedef struct world {
    optly__engine_config config;
    optly__engine engine;
    int64_t now;
    int64_t wake_at; /* when the driver comes back by itself */
    bool woken;
    bool ended;           /* the driver has lost the engine for good */
    size_t failing_calls; /* allocations up to a failing one; 0: none */
    int added;
    bool queue_fails; /* the host's queue refuses what comes next */
    optly_queue ring; /* behind a host's queue */
    world_metrics metrics;

    /* What a schedule decides; may be NULL. */
    void (*before_rest)(struct world *w); /* the driver is not asleep yet */
    bool (*naps)(struct world *w);
    void (*on_dispatch)(struct world *w, uint32_t attempt);
    void (*on_report)(struct world *w);
    void (*on_cancel)(struct world *w);

    witness witness; /* last: it zeroes itself */
} world;

/* Once per program: the projects, and a failing allocator. The latter returns
 * what was left alive. */
void world_set_up(void);
size_t world_tear_down(void);

/* How an event is made; `size` 0 is the plain one. */
typedef struct world_event {
    int project;
    size_t size;     /* bytes of JSON, else at least 1024 */
    int64_t late_ms; /* its clock was read so long ago */
} world_event;

/*
 * Opens a zeroed world; `config` is all but queue, dispatcher and wake. With
 * `host_queue` the queue is one that is told how events end, and
 * `from_before` events are in it already.
 */
void world_open(world *w, const optly__engine_config *config, bool host_queue,
                int from_before);
/* All must be settled. Leaves the world zeroed. */
void world_close(world *w);

/* --- operations --- */

void world_add(world *w, const world_event *how);
void world_run_due(world *w);
void world_poll(world *w); /* the driver looks up before its time */
void world_advance(world *w, int64_t ms);
void world_flush(world *w, int64_t timeout_ms);
void world_begin_close(world *w);

/* Answers, the first one to an attempt and any other. Out of range: nothing. */
void world_answer(world *w, uint32_t attempt, optly_outcome outcome,
                  int64_t retry_after_ms);

/* The attempt under way that is number `skip` among them; UINT32_MAX: none. */
uint32_t world_open_attempt(const world *w, uint32_t skip);

/* A forked child has the engine, and completes an attempt there: nothing of
 * the parent's may change. */
void world_fork(world *w, uint32_t attempt);

/* From within dispatch: the driver hangs there, close's time is up, and the
 * closing thread takes the engine over. */
void world_hang_in_dispatch(world *w);

/* From within a report: close's time is up while the callback runs. */
void world_hang_in_report(world *w);

/* --- ends --- */

/* The endpoints work: `answer_next` answers what is under way, until all is
 * settled. */
void world_settle(world *w, void (*answer_next)(world *w));

/* Close's time is up; then `between` is run, and the dispatcher is gone. With
 * `steps` the driver notices before. */
void world_cut_short(world *w, bool steps, void (*between)(world *w));

/* Within `between`, when the driver hangs: destroy reports what the dispatcher
 * holds, which may read it on, and answer. */
void world_leave_behind(world *w);

/* A hash of what an engine's state comes to: counts up to a few, flags, and
 * the time to its deadlines by magnitude. */
uint64_t world_state(const world *w);

/* --- between the files of it --- */

extern const optly_queue_ops world_queue_ops;
optly_metrics world_metrics_hook(world_metrics *metrics);
/* After a step. */
void world_metrics_check(world_metrics *metrics, const optly_stats *stats);
void world_rouse(world *w);
/* Whatever waits, and not for an answer, has the driver come back some day. */
void world_check_awake(const world *w);

#endif
