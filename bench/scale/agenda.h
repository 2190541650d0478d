/* What is to happen, in the order of virtual time. */
#ifndef OPTLY_BENCH_AGENDA_H
#define OPTLY_BENCH_AGENDA_H

#include <optly/dispatcher.h>

typedef enum entry_kind {
    ENTRY_EVENT, /* the host makes an event */
    ENTRY_STEP,  /* its engine is due */
    ENTRY_ANSWER /* of the endpoint */
} entry_kind;

struct entry {
    int64_t at_ms;
    uint64_t number; /* of two for the same time the older one comes first */
    entry_kind kind;
    uint32_t host;
    /* Of an answer. */
    optly_delivery delivery;
    optly_outcome outcome;
    int64_t retry_after_ms;
};

struct agenda {
    struct entry *entries; /* a heap */
    size_t count, room;
    uint64_t made;
};

/* Zeroed is empty. */
void agenda_add(struct agenda *agenda, struct entry entry);

/* Takes out what comes first; false when there is nothing. */
bool agenda_take(struct agenda *agenda, struct entry *out);
void agenda_cleanup(struct agenda *agenda);

#endif
