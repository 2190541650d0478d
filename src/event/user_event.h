/*
 * The event itself: one allocation with the header below, the JSON of the
 * visitor object and the id strings, each NUL-terminated.
 *
 * The builder writes it; from then on only the fields under "Engine" change,
 * and they belong to whoever holds the event: the processor's lock while it
 * is queued, the driver afterwards.
 */
#ifndef OPTLY__USER_EVENT_H
#define OPTLY__USER_EVENT_H

#include "project/context.h"

enum { OPTLY__UUID_LEN = 36 };

struct optly_user_event {
    void *chunk;                   /* event_memory.c: where it lies */
    const optly__context *context; /* kept alive by the chunk */
    int64_t timestamp_ms;
    uint32_t json_len;
    uint32_t size;          /* bytes it counts for, this header included */
    uint32_t entity_offset; /* from `text`; the key lies before it */
    uint32_t visitor_offset;
    /* Engine. */
    optly_user_event *next; /* in a batch, or in the driver's hands */
    uint64_t sequence;      /* 1, 2, ... in the order of acceptance */
    int64_t arrival_ms;     /* monotonic; when it was accepted */
    uint32_t is_impression;
    uint32_t flags; /* engine's */
    char text[];    /* json NUL uuid NUL key NUL entity id NUL visitor id NUL */
};

/* Destroys a list linked by `next`; cheaper than one by one. Any thread. */
void optly__user_event_list_destroy(optly_user_event *first);

#endif
