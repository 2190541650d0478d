#include "faults/list_queue.h"

#include "fakes/failing_allocator.h"

static optly_status list_add(void *self, optly_user_event *event)
{
    list_queue *queue = self;
    list_node *node = failing_allocator_malloc(sizeof(*node));
    list_node **end = &queue->first;

    if (node == NULL)
        return OPTLY_ERR_NO_MEMORY;
    *node = (list_node){event, NULL};
    while (*end != NULL)
        end = &(*end)->next;
    *end = node;
    queue->count++;
    return OPTLY_OK;
}

static size_t list_get(void *self, size_t from, optly_user_event **events,
                       size_t max)
{
    list_node *node = ((list_queue *)self)->first;
    size_t count = 0;

    for (; from > 0 && node != NULL; from--)
        node = node->next;
    for (; count < max && node != NULL; node = node->next)
        events[count++] = node->event;
    return count;
}

static size_t list_remove(void *self, optly_user_event **events, size_t max)
{
    list_queue *queue = self;
    size_t count = 0;

    while (count < max && queue->first != NULL) {
        list_node *node = queue->first;

        events[count++] = node->event;
        queue->first = node->next;
        queue->count--;
        failing_allocator_free(node);
    }
    return count;
}

static size_t list_size(void *self)
{
    return ((list_queue *)self)->count;
}

static void list_destroy(void *self)
{
    optly_user_event *event;

    while (list_remove(self, &event, 1) == 1)
        optly_user_event_destroy(event);
}

const optly_queue_ops list_queue_ops = {
    .struct_size = sizeof(list_queue_ops),
    .add = list_add,
    .get = list_get,
    .remove = list_remove,
    .size = list_size,
    .destroy = list_destroy,
};
