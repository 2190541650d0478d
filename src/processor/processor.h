/*
 * The processor: an engine, its dispatcher, and whoever drives it - a worker
 * thread, or a thread of the host inside run_once, flush or close.
 *
 * One lock, the engine's, guards everything that changes. It is never held
 * over foreign code.
 */
#ifndef OPTLY__PROCESSOR_H
#define OPTLY__PROCESSOR_H

#include <optly/processor.h>

#include "engine/engine.h"

struct optly_processor {
    optly__engine engine;

    /* Set by create, then read-only. */
    char *endpoint; /* or NULL */
    optly_dispatcher_ops dispatcher;
    void *dispatcher_self;
    uint32_t overflow_block_ms;
    void (*on_worker_start)(void *user);
    void (*on_worker_stop)(void *user);
    void *worker_user;
    void (*on_wake)(void *user);
    void *wake_user;
    size_t worker_stack_bytes;

    /* Guarded by the engine's lock. */
    optly__cond work; /* the driver waits here if it cannot poll */
    optly__thread worker;
    optly__thread driver; /* valid while `driving` */
    bool started;         /* there is a worker */
    bool in_hook;         /* the worker is in on_worker_start or _stop */
    bool exited;          /* the worker is done with the processor */
    bool driving;         /* some thread drives */
    bool looping;         /* some thread is inside run_once */
    bool stopping;        /* the worker shall leave */
    bool closed;          /* close is through */
    bool orphaned;   /* destroy is through: the worker frees the processor */
    int64_t next_ms; /* as the last step left it */

    /* Driver only: the wake rule. */
    uint32_t tick_ms;
    int64_t nap_until_ms;
};

/* --- processor.c --- */

/* Whether this process may use the processor: OPTLY_ERR_INVALID for NULL,
 * OPTLY_ERR_FORKED for one of its parent's. Takes no lock. */
optly_status optly__processor_check(const optly_processor *processor);

/* Frees the processor; its dispatcher is gone. No thread is left. */
void optly__processor_free(optly_processor *processor);

/* --- driver.c --- */

/* Wakes the driver; the engine's `wake`. Any thread, no lock held. */
void optly__processor_wake(void *host);

/* Whether the calling thread drives, or runs a callback. Lock held. */
bool optly__processor_is_driver(const optly_processor *processor);

/*
 * Drives on the calling thread, at least one step, until `barrier` (NULL:
 * none) is over, all is settled and no more can come, or `until_ms`. Lock held
 * at entry and exit, not in between; nobody else drives.
 */
void optly__processor_drive(optly_processor *processor,
                            const optly__barrier *barrier, int64_t until_ms);

/* The worker thread. */
void optly__processor_run_worker(void *argument);

/* --- config.c --- */

/*
 * Checks the settings and fills in the defaults. Takes queue and dispatcher as
 * optly_processor_create does; makes the default ones.
 */
optly_status optly__processor_configure(optly_processor *processor,
                                        optly__engine_config *engine,
                                        const optly_processor_config *given,
                                        optly_error *err);

/* Destroys the dispatcher and the queue that are not taken after all. */
void optly__processor_refuse_parts(const optly_processor_config *config);

#endif
