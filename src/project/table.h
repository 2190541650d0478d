/* A table of things by their key. Built by one thread, then read by many. */
#ifndef OPTLY__TABLE_H
#define OPTLY__TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct optly__table_slot {
    const char *key; /* NULL: empty */
    uint64_t hash;
    size_t len;
    void *value;
} optly__table_slot;

/* Zeroed is empty. */
typedef struct optly__table {
    optly__table_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
} optly__table;

/*
 * Puts `value` under `key`, which stays the caller's memory and must outlive
 * the table. A key that is there already gets the new value. False when out
 * of memory.
 */
bool optly__table_put(optly__table *table, const char *key, void *value);

/* `hash` is optly__hash of the key. NULL if there is none. */
void *optly__table_find(const optly__table *table, const char *key, size_t len,
                        uint64_t hash);
void *optly__table_get(const optly__table *table, const char *key);
void optly__table_cleanup(optly__table *table);

#endif
