#include "engine/batch.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

static void link_before(optly__batch_list *list, optly__batch *batch,
                        optly__batch *next)
{
    batch->next = next;
    batch->previous = next != NULL ? next->previous : list->last;
    if (batch->previous != NULL)
        batch->previous->next = batch;
    else
        list->first = batch;
    if (next != NULL)
        next->previous = batch;
    else
        list->last = batch;
}

void optly__batch_list_append(optly__batch_list *list, optly__batch *batch)
{
    link_before(list, batch, NULL);
}

void optly__batch_list_insert(optly__batch_list *list, optly__batch *batch)
{
    optly__batch *next = list->first;

    while (next != NULL && next->order < batch->order)
        next = next->next;
    link_before(list, batch, next);
}

void optly__batch_list_remove(optly__batch_list *list, optly__batch *batch)
{
    if (batch->previous != NULL)
        batch->previous->next = batch->next;
    else
        list->first = batch->next;
    if (batch->next != NULL)
        batch->next->previous = batch->previous;
    else
        list->last = batch->previous;
    batch->next = NULL;
    batch->previous = NULL;
}

static optly__group **bucket_of(optly__group_table *table,
                                const optly__context *context)
{
    return &table->buckets[context->hash % OPTLY__GROUP_BUCKETS];
}

static optly__group *group_create(optly__group_table *table,
                                  const optly__context *context)
{
    optly__group *group = optly__alloc_zero(sizeof(*group));
    optly__group **bucket = bucket_of(table, context);

    if (group == NULL)
        return NULL;
    /* A context is immutable; only its reference count changes. */
    group->context = optly__context_retain((optly__context *)context);
    group->next = *bucket;
    *bucket = group;
    return group;
}

optly__group *optly__group_find(optly__group_table *table,
                                const optly__context *context)
{
    optly__group *group = table->latest;

    if (group != NULL && group->context == context)
        return group;
    group = *bucket_of(table, context);
    while (group != NULL && !optly__context_equal(group->context, context))
        group = group->next;
    if (group == NULL)
        group = group_create(table, context);
    if (group != NULL)
        table->latest = group;
    return group;
}

void optly__group_release(optly__group_table *table, optly__group *group)
{
    optly__group **at;

    if (group->batches > 0)
        return;
    at = bucket_of(table, group->context);
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    if (table->latest == group)
        table->latest = NULL;
    optly__context_release(group->context);
    optly__free(group);
}

optly__batch *optly__batch_create(optly__group *group)
{
    optly__batch *batch = optly__alloc_zero(sizeof(*batch));

    if (batch == NULL)
        return NULL;
    batch->group = group;
    group->batches++;
    return batch;
}

void optly__batch_destroy(optly__group_table *table, optly__batch *batch)
{
    optly__group *group = batch->group;

    optly__free(batch->block);
    optly__free(batch);
    group->batches--;
    optly__group_release(table, group);
}

void optly__batch_append(optly__batch *batch, optly_user_event *event)
{
    event->next = NULL;
    if (batch->last != NULL)
        batch->last->next = event;
    else
        batch->first = event;
    batch->last = event;
    batch->visitors_len += event->json_len + (batch->count > 0 ? 1 : 0);
    batch->event_bytes += event->size;
    batch->count++;
}

void optly__batch_move(optly__batch *to, optly__batch *from, uint32_t count)
{
    while (count-- > 0) {
        optly_user_event *event = from->first;

        assert(event != NULL);
        from->first = event->next;
        if (from->first == NULL)
            from->last = NULL;
        from->count--;
        from->event_bytes -= event->size;
        from->visitors_len -= event->json_len + (from->count > 0 ? 1 : 0);
        optly__batch_append(to, event);
    }
}

size_t optly__batch_body_len(const optly__batch *batch, size_t more)
{
    const optly__context *context = batch->group->context;
    size_t comma = more > 0 && batch->count > 0 ? 1 : 0;

    return context->head_len + batch->visitors_len + comma + more +
           context->tail_len;
}

uint32_t optly__batch_count_older(const optly__batch *batch, int64_t limit_ms)
{
    const optly_user_event *event = batch->first;
    uint32_t older = 0;

    while (event != NULL && event->arrival_ms <= limit_ms) {
        older++;
        event = event->next;
    }
    return older;
}

static char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

optly__block *optly__block_create(const optly__batch *batch,
                                  const char *endpoint)
{
    const optly__context *context = batch->group->context;
    size_t events_size = batch->count * sizeof(optly_user_event *);
    size_t body_len = optly__batch_body_len(batch, 0);
    size_t endpoint_size = strlen(endpoint) + 1;
    optly__block *block = optly__alloc(sizeof(*block) + events_size + body_len +
                                       1 + endpoint_size);
    char *body, *at;
    uint32_t i = 0;

    if (block == NULL)
        return NULL;
    body = (char *)block->events + events_size;
    at = put(body, context->head, context->head_len);
    for (optly_user_event *e = batch->first; e != NULL; e = e->next) {
        if (i > 0)
            *at++ = ',';
        at = put(at, e->text, e->json_len);
        block->events[i++] = e;
    }
    at = put(at, context->tail, context->tail_len);
    *at++ = '\0';
    memcpy(at, endpoint, endpoint_size);

    memset(&block->log, 0, sizeof(block->log));
    block->log.struct_size = sizeof(block->log);
    block->log.endpoint = at;
    block->log.body = body;
    block->log.body_len = body_len;
    block->log.event_count = batch->count;
    block->log.attempt = batch->attempts + 1;
    block->log.account_id = context->fields.account_id;
    block->log.project_id = context->fields.project_id;
    block->log.revision = context->fields.revision;
    block->log.region = context->fields.region;
    block->log.events = block->events;
    return block;
}
