#include "shared.h"

#include <stdlib.h>

#include "blocks/sample.h"
#include "platform/platform.h"

enum { TAKEN = 250 };

struct shared_ring {
    optly__mutex lock;
    optly_queue queue;
};

shared_ring *shared_ring_create(size_t capacity)
{
    shared_ring *ring = calloc(1, sizeof(*ring));

    sample_check(ring != NULL, "calloc");
    sample_check(optly__mutex_init(&ring->lock), "optly__mutex_init");
    sample_check(optly_ring_queue_create(&ring->queue, capacity) == OPTLY_OK,
                 "optly_ring_queue_create");
    return ring;
}

/* The events are never looked at, so any address does. */
void shared_ring_put(shared_ring *ring)
{
    const optly_queue_ops *ops = ring->queue.ops;
    optly_user_event *events[TAKEN];

    optly__mutex_lock(&ring->lock);
    if (ops->add(ring->queue.self, (optly_user_event *)ring) != OPTLY_OK) {
        (void)ops->remove(ring->queue.self, events, TAKEN);
        (void)ops->add(ring->queue.self, (optly_user_event *)ring);
    }
    optly__mutex_unlock(&ring->lock);
}

void shared_ring_destroy(shared_ring *ring)
{
    optly_user_event *events[TAKEN];

    while (optly_queue_remove(&ring->queue, events, TAKEN) > 0)
        ;
    optly_queue_destroy(&ring->queue);
    optly__mutex_cleanup(&ring->lock);
    free(ring);
}
