/* The wire format, as rules that a body keeps or breaks. */
#ifndef COLLECTOR_CHECK_H
#define COLLECTOR_CHECK_H

#include <cjson/cJSON.h>

#include "uuid_set.h"

/* One event of a good batch. */
typedef struct collector_event {
    collector_uuid uuid;
    uint64_t hash;   /* of its visitor object's bytes */
    const char *key; /* valid as long as the batch */
} collector_event;

typedef struct collector_batch {
    cJSON *root;
    collector_event *events;
    size_t event_count;
    char reason[COLLECTOR_REASON_SIZE]; /* why it is malformed */
} collector_batch;

/*
 * Reads and checks a body, which is NUL-terminated too. When it returns false,
 * `batch->reason` tells why. Clean the batch up in both cases.
 */
bool collector_batch_init(collector_batch *batch, const char *body, size_t len);
void collector_batch_cleanup(collector_batch *batch);

/*
 * Returns the text of a visitor's one event. NULL when it cannot be found, as
 * with escapes in the names on the way.
 */
const char *collector_event_text(const char *visitor);

#endif
