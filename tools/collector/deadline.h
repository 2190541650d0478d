/* Timed waits on the monotonic clock. */
#ifndef COLLECTOR_DEADLINE_H
#define COLLECTOR_DEADLINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline void collector_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

static inline struct timespec collector_deadline(uint32_t ms)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += (time_t)(ms / 1000);
    deadline.tv_nsec += (long)(ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_nsec -= 1000000000;
        deadline.tv_sec++;
    }
    return deadline;
}

/* False when the deadline has passed. */
static inline bool collector_cond_wait(pthread_cond_t *cond,
                                       pthread_mutex_t *lock,
                                       const struct timespec *deadline)
{
    return pthread_cond_timedwait(cond, lock, deadline) == 0;
}

#endif
