/* A host's queue: a ring that is told how events end. */
#include "fakes/world.h"

static optly_status host_add(void *self, optly_user_event *event)
{
    world *w = self;

    return w->queue_fails ? OPTLY_ERR_IO
                          : w->ring.ops->add(w->ring.self, event);
}

static size_t host_get(void *self, size_t from, optly_user_event **events,
                       size_t max)
{
    world *w = self;

    return w->ring.ops->get(w->ring.self, from, events, max);
}

static size_t host_remove(void *self, optly_user_event **events, size_t max)
{
    world *w = self;

    return w->ring.ops->remove(w->ring.self, events, max);
}

static size_t host_size(void *self)
{
    world *w = self;

    return w->ring.ops->size(w->ring.self);
}

static void host_settle(void *self, const optly_user_event *const *events,
                        size_t count, optly_drop_reason reason)
{
    witness_settle(&((world *)self)->witness, events, count, reason);
}

static void host_destroy(void *self)
{
    optly_queue_destroy(&((world *)self)->ring);
}

const optly_queue_ops world_queue_ops = {
    .struct_size = sizeof(optly_queue_ops),
    .add = host_add,
    .get = host_get,
    .remove = host_remove,
    .size = host_size,
    .settle = host_settle,
    .destroy = host_destroy,
};
