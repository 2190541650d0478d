#include "uuid_set.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool collector_uuid_parse(collector_uuid *out, const char *text)
{
    size_t digit = 0;

    memset(out, 0, sizeof(*out));
    if (strlen(text) != COLLECTOR_UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < COLLECTOR_UUID_SIZE - 1; i++) {
        int value = hex_value(text[i]);

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-')
                return false;
            continue;
        }
        if (value < 0)
            return false;
        out->bytes[digit / 2] =
            (unsigned char)(out->bytes[digit / 2] << 4 | value);
        digit++;
    }
    return true;
}

void collector_uuid_entry_describe(const collector_uuid_entry *entry,
                                   collector_sighting *out)
{
    char *p = out->uuid;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < sizeof(entry->uuid.bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = "0123456789abcdef"[entry->uuid.bytes[i] >> 4];
        *p++ = "0123456789abcdef"[entry->uuid.bytes[i] & 15];
    }
    out->count = entry->count;
    out->changed = entry->changed;
    out->hash = entry->hash;
}

/*
 * The slot of `uuid`, or the empty one where it belongs. There always is an
 * empty one, as at most half of them are taken.
 */
static uint32_t *slot_of(const collector_uuid_set *set,
                         const collector_uuid *uuid)
{
    uint64_t a, b;
    size_t i;

    memcpy(&a, uuid->bytes, sizeof(a));
    memcpy(&b, uuid->bytes + sizeof(a), sizeof(b));
    /* Tests number their uuids: mix, so that these spread as well. */
    a = (a ^ b ^ (b >> 29)) * UINT64_C(0x9e3779b97f4a7c15);
    i = (size_t)(a >> 20) & (set->slot_count - 1);
    while (set->slots[i] != 0 && memcmp(&set->entries[set->slots[i] - 1].uuid,
                                        uuid, sizeof(*uuid)) != 0)
        i = (i + 1) & (set->slot_count - 1);
    return &set->slots[i];
}

static bool grow(collector_uuid_set *set)
{
    size_t capacity = set->capacity > 0 ? set->capacity * 2 : FIRST_CAPACITY;
    collector_uuid_entry *entries;
    uint32_t *slots = calloc(capacity * 2, sizeof(*slots));

    if (slots == NULL)
        return false;
    entries = realloc(set->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        free(slots);
        return false;
    }
    free(set->slots);
    set->entries = entries;
    set->capacity = capacity;
    set->slots = slots;
    set->slot_count = capacity * 2;
    for (size_t i = 0; i < set->count; i++)
        *slot_of(set, &entries[i].uuid) = (uint32_t)(i + 1);
    return true;
}

collector_uuid_entry *collector_uuid_set_find(const collector_uuid_set *set,
                                              const collector_uuid *uuid)
{
    uint32_t *slot;

    if (set->count == 0)
        return NULL;
    slot = slot_of(set, uuid);
    return *slot != 0 ? &set->entries[*slot - 1] : NULL;
}

collector_uuid_entry *collector_uuid_set_add(collector_uuid_set *set,
                                             const collector_uuid *uuid)
{
    collector_uuid_entry *entry = collector_uuid_set_find(set, uuid);

    if (entry != NULL)
        return entry;
    if (set->count >= set->max || (set->count == set->capacity && !grow(set)))
        return NULL;
    assert(set->entries != NULL && set->slots != NULL);
    *slot_of(set, uuid) = (uint32_t)(set->count + 1);
    entry = &set->entries[set->count++];
    memset(entry, 0, sizeof(*entry));
    entry->uuid = *uuid;
    return entry;
}

void collector_uuid_set_cleanup(collector_uuid_set *set)
{
    free(set->entries);
    free(set->slots);
    memset((char *)set + offsetof(collector_uuid_set, entries), 0,
           sizeof(*set) - offsetof(collector_uuid_set, entries));
}
