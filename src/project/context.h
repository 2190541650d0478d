/*
 * A context: what all events of one project revision share, encoded once.
 * Batches are made of one context. Immutable; reference-counted, since events
 * outlive their project and batches outlive their events.
 */
#ifndef OPTLY__CONTEXT_H
#define OPTLY__CONTEXT_H

#include <stdatomic.h>

#include <optly/user_event.h>

/* There are two endpoints by region; an unknown region uses the first. */
enum { OPTLY__ENDPOINT_US, OPTLY__ENDPOINT_EU, OPTLY__ENDPOINTS };

typedef struct optly__context {
    _Atomic uint32_t refs;
    uint32_t endpoint; /* OPTLY__ENDPOINT_... by upper-cased region */
    bool region_is_known;
    uint64_t hash;              /* of head and tail */
    optly_event_context fields; /* strings inside this allocation */
    /* The batch's text before and after the visitors:
     * {"revision":...,"visitors":[  and  ],"project_id":...,"region":...} */
    const char *head, *tail; /* not NUL-terminated */
    size_t head_len, tail_len;
} optly__context;

/* Copies `fields`, all strings of which are set. NULL when out of memory. */
optly__context *optly__context_create(const optly_event_context *fields);
optly__context *optly__context_retain(optly__context *context);
void optly__context_release(optly__context *context); /* NULL is fine */

/* Whether events of both may share a batch. bot_filtering does not count. */
bool optly__context_equal(const optly__context *a, const optly__context *b);

#endif
