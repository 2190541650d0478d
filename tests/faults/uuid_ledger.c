#include "faults/uuid_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/platform.h"

enum { UUID_LEN = 36 };

typedef struct entry {
    char uuid[UUID_LEN + 1]; /* "": free */
    bool accepted, changed;
    uint16_t seen, acknowledged, delivered, dropped;
    uint64_t hash; /* of the visitor object that holds it */
} entry;

struct uuid_ledger {
    optly__mutex lock;
    size_t slots; /* a power of 2 */
    entry *entries;
};

static uint64_t hash_of(const char *text, size_t len)
{
    uint64_t hash = 14695981039346656037U;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211U;
    return hash;
}

uuid_ledger *uuid_ledger_create(size_t capacity)
{
    uuid_ledger *ledger = calloc(1, sizeof(*ledger));

    if (ledger == NULL || !optly__mutex_init(&ledger->lock))
        abort();
    ledger->slots = 64;
    while (ledger->slots < 2 * capacity)
        ledger->slots *= 2;
    ledger->entries = calloc(ledger->slots, sizeof(*ledger->entries));
    if (ledger->entries == NULL)
        abort();
    return ledger;
}

void uuid_ledger_destroy(uuid_ledger *ledger)
{
    optly__mutex_cleanup(&ledger->lock);
    free(ledger->entries);
    free(ledger);
}

/* Lock held. */
static entry *find(uuid_ledger *ledger, const char *uuid)
{
    size_t at = hash_of(uuid, UUID_LEN) & (ledger->slots - 1);

    for (size_t tries = 0; tries < ledger->slots; tries++) {
        entry *e = &ledger->entries[(at + tries) & (ledger->slots - 1)];

        if (e->uuid[0] == '\0')
            memcpy(e->uuid, uuid, UUID_LEN);
        if (memcmp(e->uuid, uuid, UUID_LEN) == 0)
            return e;
    }
    abort(); /* it is full */
}

void uuid_ledger_accept(uuid_ledger *ledger, const char *uuid)
{
    optly__mutex_lock(&ledger->lock);
    find(ledger, uuid)->accepted = true;
    optly__mutex_unlock(&ledger->lock);
}

static void see_event(entry *e, const char *visitor, size_t len)
{
    uint64_t hash = hash_of(visitor, len);

    e->changed = e->changed || (e->seen > 0 && e->hash != hash);
    e->hash = hash;
    e->seen++;
}

/* Walks through the visitors of a body, as the library writes them: the
 * attributes come first, the visitor's id last. */
static size_t walk(uuid_ledger *ledger, const char *body, bool acknowledge)
{
    static const char first[] = "{\"attributes\":", key[] = "\"uuid\":\"",
                      last[] = "\"visitor_id\":\"";
    const char *begin = strstr(body, first);
    size_t count = 0;

    optly__mutex_lock(&ledger->lock);
    for (; begin != NULL; count++) {
        const char *uuid = strstr(begin, key);
        const char *end = uuid != NULL ? strstr(uuid, last) : NULL;
        entry *e;

        if (end == NULL || strchr(end, '}') == NULL)
            break;
        end = strchr(end, '}');
        e = find(ledger, uuid + sizeof(key) - 1);
        if (acknowledge)
            e->acknowledged++;
        else
            see_event(e, begin, (size_t)(end - begin));
        begin = strstr(end, first);
    }
    optly__mutex_unlock(&ledger->lock);
    return count;
}

size_t uuid_ledger_see(uuid_ledger *ledger, const char *body)
{
    return walk(ledger, body, false);
}

void uuid_ledger_acknowledge(uuid_ledger *ledger, const char *body)
{
    (void)walk(ledger, body, true);
}

void uuid_ledger_report(const optly_delivery_report *report, void *user)
{
    uuid_ledger *ledger = user;

    optly__mutex_lock(&ledger->lock);
    for (uint32_t i = 0; i < report->event_count; i++) {
        entry *e = find(ledger, optly_user_event_uuid(report->events[i]));

        if (report->reason == OPTLY_DROP_NONE)
            e->delivered++;
        else
            e->dropped++;
    }
    optly__mutex_unlock(&ledger->lock);
}

static void add_to_sums(uuid_sums *sums, const entry *e)
{
    sums->accepted += e->accepted;
    sums->seen += e->seen > 0;
    sums->acknowledged += e->acknowledged > 0;
    sums->delivered += e->delivered > 0;
    sums->dropped += e->dropped > 0;
    sums->repeats += e->seen > 1 ? e->seen - 1 : 0;
    sums->changed += e->changed;
}

uuid_sums uuid_ledger_sums(uuid_ledger *ledger)
{
    uuid_sums sums = {0};

    optly__mutex_lock(&ledger->lock);
    for (size_t i = 0; i < ledger->slots; i++) {
        if (ledger->entries[i].uuid[0] != '\0')
            add_to_sums(&sums, &ledger->entries[i]);
    }
    optly__mutex_unlock(&ledger->lock);
    return sums;
}

void uuid_ledger_check(uuid_ledger *ledger)
{
    for (size_t i = 0; i < ledger->slots; i++) {
        const entry *e = &ledger->entries[i];

        if (e->uuid[0] == '\0')
            continue;
        if (!e->accepted)
            fail_msg("%s: seen or reported, but never accepted", e->uuid);
        if (e->delivered + e->dropped != 1)
            fail_msg("%s: reported %u times", e->uuid,
                     e->delivered + e->dropped);
        if (e->delivered > 0 && e->acknowledged == 0)
            fail_msg("%s: reported as delivered, but seen %u times and never "
                     "acknowledged",
                     e->uuid, e->seen);
        if (e->changed)
            fail_msg("%s: sent again with other bytes", e->uuid);
    }
}
