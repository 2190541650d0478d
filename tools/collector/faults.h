/* Faults that wait to be given, and the delays under way. */
#ifndef COLLECTOR_FAULTS_H
#define COLLECTOR_FAULTS_H

#include <pthread.h>

#include "collector.h"

/* Guarded by `lock`. */
typedef struct collector_faults {
    pthread_mutex_t lock;
    pthread_cond_t cleared;
    collector_fault waiting[COLLECTOR_MAX_FAULTS]; /* a ring */
    size_t first, count;
    uint64_t clearings;
    bool stopped; /* no more delays */
} collector_faults;

void collector_faults_init(collector_faults *faults);
void collector_faults_cleanup(collector_faults *faults);
bool collector_faults_add(collector_faults *faults,
                          const collector_fault *fault);
void collector_faults_clear(collector_faults *faults, bool stop);

/*
 * Takes one request's share of the first fault. Returns false, and a zeroed
 * `out`, when there is none. `*mark` is for collector_faults_delay.
 */
bool collector_faults_take(collector_faults *faults, collector_fault *out,
                           uint64_t *mark);

/* Waits `delay_ms`, or until the faults were cleared since `mark`. */
void collector_faults_delay(collector_faults *faults, uint32_t delay_ms,
                            uint64_t mark);

#endif
