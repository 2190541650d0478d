/*
 * The uuids that were seen, in the order they came. No lock of its own: the
 * ledger supplies it.
 */
#ifndef COLLECTOR_UUID_SET_H
#define COLLECTOR_UUID_SET_H

#include "collector.h"

typedef struct collector_uuid {
    unsigned char bytes[16];
} collector_uuid;

/* False when `text` is not 8-4-4-4-12 lower-case hexadecimal digits. */
bool collector_uuid_parse(collector_uuid *out, const char *text);

typedef struct collector_uuid_entry {
    collector_uuid uuid;
    uint64_t hash;
    uint32_t count, changed;
} collector_uuid_entry;

/* Zeroed but for `max` it is an empty set. */
typedef struct collector_uuid_set {
    size_t max; /* entries; below 2^31 */
    collector_uuid_entry *entries;
    size_t count, capacity;
    uint32_t *slots; /* open addressing; an entry's index + 1, or 0 */
    size_t slot_count;
} collector_uuid_set;

/* Empties the set and frees its memory. */
void collector_uuid_set_cleanup(collector_uuid_set *set);

/* NULL when it is not there. Valid until the set changes. */
collector_uuid_entry *collector_uuid_set_find(const collector_uuid_set *set,
                                              const collector_uuid *uuid);

/*
 * Finds or adds. Returns NULL when the set is full or memory ran out; a new
 * entry has the count 0.
 */
collector_uuid_entry *collector_uuid_set_add(collector_uuid_set *set,
                                             const collector_uuid *uuid);

/* Copies an entry for the outside. */
void collector_uuid_entry_describe(const collector_uuid_entry *entry,
                                   collector_sighting *out);

#endif
