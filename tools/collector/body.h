/* A request's body: collected up to a bound, unpacked up to the same. */
#ifndef COLLECTOR_BODY_H
#define COLLECTOR_BODY_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed but for `max` it is an empty body. */
typedef struct collector_body {
    size_t max;
    char *data; /* NUL-terminated once something was added */
    size_t len, capacity;
    size_t received; /* bytes, kept or not */
    bool too_large;  /* there was more than `max`; nothing is kept */
} collector_body;

/* Returns false when memory ran out. */
bool collector_body_add(collector_body *body, const char *data, size_t len);

typedef enum collector_unpacked {
    COLLECTOR_UNPACKED,
    COLLECTOR_NOT_GZIP,
    COLLECTOR_UNPACKED_TOO_LARGE
} collector_unpacked;

/* Replaces a gzip body by what is in it. */
collector_unpacked collector_body_unpack(collector_body *body);

void collector_body_cleanup(collector_body *body);

#endif
