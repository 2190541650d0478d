#include <string.h>

#include <optly/queue.h>

#include "base/memory.h"
#include "event/user_event.h"

enum { MOST_CAPACITY = 16777216 };

/* A ring with a lock of nobody's: the caller sees to that. */
struct ring {
    size_t bound; /* events */
    size_t mask;  /* the slots, a power of two, less 1 */
    size_t first; /* the slot of the oldest */
    size_t count;
    optly_user_event *events[];
};

static optly_status ring_add(void *self, optly_user_event *event)
{
    struct ring *ring = self;

    if (ring->count == ring->bound)
        return OPTLY_ERR_QUEUE_FULL;
    ring->events[(ring->first + ring->count) & ring->mask] = event;
    ring->count++;
    return OPTLY_OK;
}

static size_t ring_get(void *self, size_t from, optly_user_event **events,
                       size_t max)
{
    const struct ring *ring = self;
    size_t left = from < ring->count ? ring->count - from : 0;
    size_t count = left < max ? left : max;

    for (size_t i = 0; i < count; i++)
        events[i] = ring->events[(ring->first + from + i) & ring->mask];
    return count;
}

static size_t ring_remove(void *self, optly_user_event **events, size_t max)
{
    struct ring *ring = self;
    size_t count = ring_get(self, 0, events, max);

    ring->first = (ring->first + count) & ring->mask;
    ring->count -= count;
    return count;
}

static size_t ring_size(void *self)
{
    const struct ring *ring = self;

    return ring->count;
}

static void ring_destroy(void *self)
{
    struct ring *ring = self;
    optly_user_event *event;

    while (ring_remove(ring, &event, 1) == 1)
        optly_user_event_destroy(event);
    optly__free(ring);
}

static const optly_queue_ops ring_ops = {
    .struct_size = sizeof(optly_queue_ops),
    .add = ring_add,
    .get = ring_get,
    .remove = ring_remove,
    .size = ring_size,
    .destroy = ring_destroy,
};

optly_status optly_ring_queue_create(optly_queue *out, size_t capacity)
{
    struct ring *ring;
    size_t slots = 1;

    if (out == NULL)
        return OPTLY_ERR_INVALID;
    memset(out, 0, sizeof(*out));
    if (capacity == 0 || capacity > MOST_CAPACITY)
        return OPTLY_ERR_INVALID;
    while (slots < capacity)
        slots *= 2;
    ring = optly__alloc(sizeof(*ring) + slots * sizeof(*ring->events));
    if (ring == NULL)
        return OPTLY_ERR_NO_MEMORY;
    ring->bound = capacity;
    ring->mask = slots - 1;
    ring->first = 0;
    ring->count = 0;
    out->ops = &ring_ops;
    out->self = ring;
    return OPTLY_OK;
}

static bool is_set(const optly_queue *queue)
{
    return queue != NULL && queue->ops != NULL;
}

optly_status optly_queue_add(optly_queue *queue, optly_user_event *event)
{
    if (!is_set(queue) || event == NULL)
        return OPTLY_ERR_INVALID;
    return queue->ops->add(queue->self, event);
}

size_t optly_queue_get(optly_queue *queue, size_t from,
                       optly_user_event **events, size_t max)
{
    if (!is_set(queue) || events == NULL)
        return 0;
    return queue->ops->get(queue->self, from, events, max);
}

size_t optly_queue_remove(optly_queue *queue, optly_user_event **events,
                          size_t max)
{
    if (!is_set(queue) || events == NULL)
        return 0;
    return queue->ops->remove(queue->self, events, max);
}

size_t optly_queue_size(optly_queue *queue)
{
    return is_set(queue) ? queue->ops->size(queue->self) : 0;
}

void optly_queue_destroy(optly_queue *queue)
{
    if (!is_set(queue))
        return;
    queue->ops->destroy(queue->self);
    memset(queue, 0, sizeof(*queue));
}
