/* The floor's one event: a deep copy of it, and its JSON. */
#ifndef OPTLY_BENCH_FLOOR_EVENT_H
#define OPTLY_BENCH_FLOOR_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIELDS = 5, IDS = 7, DATA_SIZE = 768, UUID_LEN = 36 };

/* No visitor object is longer. */
enum { EVENT_ROOM = 2048 };

typedef struct text {
    const char *at;
    size_t len;
} text;

typedef enum kind { STRING, INTEGER, NUMBER, BOOLEAN } kind;

typedef struct field {
    text key, entity_id, string;
    kind kind;
    int64_t integer;
    double number;
} field;

typedef struct event {
    field attributes[FIELDS], tags[FIELDS];
    /* Of an impression: variation, campaign, experiment, flag, rule, rule's
     * type, variation's key. Of a conversion: entity and key. */
    text ids[IDS];
    text visitor;
    bool is_impression;
    int64_t timestamp_ms;
    char uuid[UUID_LEN];
} event;

typedef struct slot {
    event event;
    char data[DATA_SIZE]; /* its strings */
} slot;

/* Makes event `i` of the mix in `to`: copies, time and uuid. Any thread. */
void floor_create(slot *to, long i);

/* Writes the visitor object; returns where it ends. */
char *floor_write_visitor(char *to, const event *from);

#endif
