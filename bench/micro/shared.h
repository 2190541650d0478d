/* What several threads do at once to the same object. */
#ifndef OPTLY_BENCH_SHARED_H
#define OPTLY_BENCH_SHARED_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A ring under a lock, as the engine has it. */
typedef struct shared_ring shared_ring;

shared_ring *shared_ring_create(size_t capacity);

/* Puts an event in, for one locking of it; whoever finds the ring full takes
 * 250 out first. Any thread. */
void shared_ring_put(shared_ring *ring);
void shared_ring_destroy(shared_ring *ring);

#ifdef __cplusplus
}
#endif

#endif
