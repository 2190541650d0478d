/*
 * Threads, clocks and randomness: the only place that knows the system's.
 * Deadlines are absolute, in ms of the monotonic clock.
 */
#ifndef OPTLY__PLATFORM_H
#define OPTLY__PLATFORM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A deadline that never comes. */
#define OPTLY__NEVER INT64_MAX

typedef struct optly__mutex {
    pthread_mutex_t handle;
} optly__mutex;

bool optly__mutex_init(optly__mutex *mutex);
void optly__mutex_cleanup(optly__mutex *mutex);
void optly__mutex_lock(optly__mutex *mutex);
void optly__mutex_unlock(optly__mutex *mutex);

/* A condition whose timed waits are on the monotonic clock. */
typedef struct optly__cond {
    pthread_cond_t handle;
} optly__cond;

bool optly__cond_init(optly__cond *cond);
void optly__cond_cleanup(optly__cond *cond);
void optly__cond_broadcast(optly__cond *cond);

/* Waits; may return early, so call it in a loop on a predicate. */
void optly__cond_wait_until(optly__cond *cond, optly__mutex *mutex,
                            int64_t deadline_ms);

typedef struct optly__thread {
    pthread_t handle;
} optly__thread;

/*
 * Starts a thread with all signals blocked. `name` has 15 bytes at most;
 * `stack_bytes` 0 is the system's default.
 */
bool optly__thread_start(optly__thread *thread, void (*run)(void *argument),
                         void *argument, size_t stack_bytes, const char *name);
void optly__thread_join(optly__thread *thread);

/* Lets others run first. */
void optly__thread_yield(void);

/* The thread goes on; nobody will join it. */
void optly__thread_detach(optly__thread *thread);
optly__thread optly__thread_self(void);
bool optly__thread_is_self(optly__thread thread);

/* Never goes back; the coarse one lags by up to a tick and costs less. */
int64_t optly__monotonic_ms(void);
int64_t optly__monotonic_coarse_ms(void);

/* Ms since 1970, as the host's clock has it. */
int64_t optly__wall_ms(void);

/* Fills `bytes` from the system's generator; false if it has none. */
bool optly__random_bytes(void *bytes, size_t size);

/*
 * A number, never 0, that differs between a process and what was forked from
 * it: what was made under another number belongs to the parent.
 */
uint64_t optly__fork_generation(void);

#endif
