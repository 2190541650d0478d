#include "project/table.h"

#include <string.h>

#include "base/memory.h"
#include "project/hash.h"

enum { FIRST_CAPACITY = 16 };

/* The slot of the key, or the empty one where it belongs. */
static optly__table_slot *find_slot(const optly__table *table, const char *key,
                                    size_t len, uint64_t hash)
{
    size_t mask = table->capacity - 1;
    size_t i = (size_t)hash & mask;

    for (;; i = (i + 1) & mask) {
        optly__table_slot *slot = &table->slots[i];

        if (slot->key == NULL || (slot->hash == hash && slot->len == len &&
                                  optly__same_bytes(slot->key, key, len)))
            return slot;
    }
}

static bool grow(optly__table *table)
{
    optly__table grown = {NULL, FIRST_CAPACITY, table->count};

    if (table->capacity > 0)
        grown.capacity = 2 * table->capacity;
    grown.slots = optly__alloc_zero(grown.capacity * sizeof(*grown.slots));
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < table->capacity; i++) {
        const optly__table_slot *slot = &table->slots[i];

        if (slot->key != NULL)
            *find_slot(&grown, slot->key, slot->len, slot->hash) = *slot;
    }
    optly__free(table->slots);
    *table = grown;
    return true;
}

bool optly__table_put(optly__table *table, const char *key, void *value)
{
    size_t len = strlen(key);
    uint64_t hash = optly__hash(key, len);
    optly__table_slot *slot;

    /* At most half full, so that a search soon meets an empty slot. */
    if (2 * (table->count + 1) > table->capacity && !grow(table))
        return false;
    slot = find_slot(table, key, len, hash);
    if (slot->key == NULL)
        table->count++;
    slot->key = key;
    slot->hash = hash;
    slot->len = len;
    slot->value = value;
    return true;
}

void *optly__table_find(const optly__table *table, const char *key, size_t len,
                        uint64_t hash)
{
    if (table->capacity == 0)
        return NULL;
    return find_slot(table, key, len, hash)->value;
}

void *optly__table_get(const optly__table *table, const char *key)
{
    size_t len;

    if (key == NULL)
        return NULL;
    len = strlen(key);
    return optly__table_find(table, key, len, optly__hash(key, len));
}

void optly__table_cleanup(optly__table *table)
{
    optly__free(table->slots);
    memset(table, 0, sizeof(*table));
}
