/*
 * Batches: runs of events of one context, on their way out. Driver only.
 *
 * Events are linked by `next`, so that no allocation can fail between the
 * queue and a batch's list, and splitting is cutting a list.
 */
#ifndef OPTLY__BATCH_H
#define OPTLY__BATCH_H

#include <stdatomic.h>

#include <optly/dispatcher.h>

#include "dispatch/delivery.h"
#include "engine/ledger.h"

typedef struct optly__group optly__group;
typedef struct optly__block optly__block;

typedef struct optly__batch {
    struct optly__batch *next; /* in a list of batches */
    struct optly__batch *previous;
    optly__group *group;
    optly_user_event *first, *last;
    uint32_t count;
    uint64_t event_bytes; /* what the events count for */
    size_t visitors_len;  /* of their JSON, joined by commas */
    optly__block *block;  /* while it is with the dispatcher */
    int64_t opened_ms;    /* the arrival of its first event */
    uint64_t opened_sequence;
    uint64_t order;               /* its place among the closed batches */
    uint64_t era, asks;           /* the lane's, when it was dispatched */
    int64_t not_before_ms;        /* after a failed attempt */
    int64_t retry_after_until_ms; /* what the endpoint asked for */
    uint32_t attempts;
    int32_t http_status; /* of the last attempt */
    bool notified;       /* on_event_dispatch has run */
    bool settled;  /* reported while it was in flight; only memory is left */
    bool detached; /* its block owns the events, and is shared */
} optly__batch;

/* A list of batches; zeroed is empty. */
typedef struct optly__batch_list {
    optly__batch *first, *last;
} optly__batch_list;

void optly__batch_list_append(optly__batch_list *list, optly__batch *batch);

/* Inserts before the first that has the same order or a later one. */
void optly__batch_list_insert(optly__batch_list *list, optly__batch *batch);
void optly__batch_list_remove(optly__batch_list *list, optly__batch *batch);

/* All that is under way of one context. */
struct optly__group {
    optly__group *next; /* in its bucket */
    optly__context *context;
    optly__batch *open;  /* still being filled, or NULL */
    uint32_t batches;    /* not settled, the open one included */
    uint64_t skipped_in; /* the scan that found an earlier batch waiting */
};

/* The groups, by context. Zeroed is empty. */
enum { OPTLY__GROUP_BUCKETS = 64 };
typedef struct optly__group_table {
    optly__group *buckets[OPTLY__GROUP_BUCKETS];
    optly__group *latest;
} optly__group_table;

/* Finds or makes the group of `context`; NULL when out of memory. */
optly__group *optly__group_find(optly__group_table *table,
                                const optly__context *context);

/* Frees the group if nothing of it is under way. */
void optly__group_release(optly__group_table *table, optly__group *group);

/* An empty batch of `group`, counted there; NULL when out of memory. */
optly__batch *optly__batch_create(optly__group *group);

/* Frees the batch and its block; events stay with whoever took them out. */
void optly__batch_destroy(optly__group_table *table, optly__batch *batch);

void optly__batch_append(optly__batch *batch, optly_user_event *event);

/* Moves the first `count` events to the end of `to`. */
void optly__batch_move(optly__batch *to, optly__batch *from, uint32_t count);

/* The length of the body that the batch would have with `more` bytes of JSON
 * as one more visitor; `more` 0 asks for the batch as it is. */
size_t optly__batch_body_len(const optly__batch *batch, size_t more);

/* How many of the first events arrived at or before `limit_ms`. */
uint32_t optly__batch_count_older(const optly__batch *batch, int64_t limit_ms);

static inline optly__stage optly__batch_stage(const optly__batch *batch)
{
    return batch->attempts > 0 ? OPTLY__RETRY_WAIT : OPTLY__QUEUED;
}

/* What the dispatcher sees of a batch: one allocation with the URL and the
 * body in it. */
struct optly__block {
    optly_log_event log;
    /* Set by optly__batch_detach. */
    optly__kept kept;
    atomic_uint holders;
    optly_user_event *first;
    optly__context *context;
    const optly_user_event *events[];
};

/* Joins the batch's body; NULL when out of memory. Freed by optly__free. */
optly__block *optly__block_create(const optly__batch *batch,
                                  const char *endpoint);

/* --- detach.c --- */

/* Shares the events and the block, once; they go with the later of the release
 * of what this returns and optly__batch_discard. */
optly__kept *optly__batch_detach(optly__batch *batch);

/* Destroys the batch with its events, as far as they are its own. */
void optly__batch_discard(optly__group_table *table, optly__batch *batch);

#endif
