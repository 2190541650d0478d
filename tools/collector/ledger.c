#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"

void collector_ledger_init(collector_ledger *ledger, size_t max_uuids)
{
    memset(ledger, 0, sizeof(*ledger));
    pthread_mutex_init(&ledger->lock, NULL);
    collector_cond_init(&ledger->arrived);
    ledger->uuids.max = max_uuids;
    ledger->oldest_kept = 1;
}

/* Lock held. */
static void drop_oldest_kept(collector_ledger *ledger)
{
    collector_kept *kept =
        &ledger->kept[ledger->oldest_kept++ % COLLECTOR_KEPT_BATCHES];

    ledger->kept_bytes -= kept->body_len;
    free(kept->body);
    memset(kept, 0, sizeof(*kept));
}

void collector_ledger_clear(collector_ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    while (ledger->oldest_kept <= ledger->counts.batches)
        drop_oldest_kept(ledger);
    ledger->oldest_kept = 1;
    for (size_t i = 0; i < ledger->key_count; i++)
        free(ledger->keys[i].name);
    ledger->key_count = 0;
    ledger->reason_count = 0;
    collector_uuid_set_cleanup(&ledger->uuids);
    memset(&ledger->counts, 0, sizeof(ledger->counts));
    ledger->epoch++;
    pthread_mutex_unlock(&ledger->lock);
}

void collector_ledger_cleanup(collector_ledger *ledger)
{
    collector_ledger_clear(ledger);
    pthread_cond_destroy(&ledger->arrived);
    pthread_mutex_destroy(&ledger->lock);
}

uint64_t collector_ledger_connect(collector_ledger *ledger)
{
    uint64_t number;

    pthread_mutex_lock(&ledger->lock);
    ledger->counts.connections++;
    number = ++ledger->connections;
    pthread_mutex_unlock(&ledger->lock);
    return number;
}

void collector_ledger_arrive(collector_ledger *ledger, size_t bytes)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->counts.requests++;
    ledger->counts.bytes += bytes;
    pthread_cond_broadcast(&ledger->arrived);
    pthread_mutex_unlock(&ledger->lock);
}

void collector_ledger_refuse(collector_ledger *ledger, const char *reason)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->counts.malformed++;
    snprintf(ledger->reasons[ledger->reason_count++ % COLLECTOR_REASONS],
             COLLECTOR_REASON_SIZE, "%s", reason);
    pthread_mutex_unlock(&ledger->lock);
}

void collector_ledger_count_too_large(collector_ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->counts.too_large++;
    pthread_mutex_unlock(&ledger->lock);
}

void collector_ledger_count_fault(collector_ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->counts.faults++;
    pthread_mutex_unlock(&ledger->lock);
}

/* Lock held. NULL when `key` is not there and cannot be added. */
static collector_key *find_key(collector_ledger *ledger, const char *key,
                               bool add)
{
    collector_key *slot = &ledger->keys[ledger->key_count];

    for (size_t i = 0; i < ledger->key_count; i++)
        if (strcmp(ledger->keys[i].name, key) == 0)
            return &ledger->keys[i];
    if (!add || ledger->key_count == COLLECTOR_KEYS)
        return NULL;
    slot->count = 0;
    slot->name = strdup(key);
    if (slot->name == NULL)
        return NULL;
    ledger->key_count++;
    return slot;
}

/* Lock held. */
static void record_event(collector_ledger *ledger, const collector_event *event)
{
    collector_uuid_entry *entry =
        collector_uuid_set_add(&ledger->uuids, &event->uuid);
    collector_key *key = find_key(ledger, event->key, true);

    ledger->counts.events++;
    if (key != NULL)
        key->count++;
    if (entry == NULL) {
        ledger->counts.forgotten++;
        return;
    }
    if (entry->count == 0) {
        entry->hash = event->hash;
        ledger->counts.distinct++;
    } else {
        ledger->counts.duplicates++;
        if (entry->hash != event->hash) {
            entry->changed++;
            ledger->counts.changed++;
        }
    }
    entry->count++;
}

/* Lock held. */
static void keep(collector_ledger *ledger, const collector_kept *kept)
{
    while (ledger->oldest_kept < kept->number &&
           (kept->number - ledger->oldest_kept >= COLLECTOR_KEPT_BATCHES ||
            ledger->kept_bytes + kept->body_len > COLLECTOR_KEPT_BYTES))
        drop_oldest_kept(ledger);
    ledger->kept[kept->number % COLLECTOR_KEPT_BATCHES] = *kept;
    ledger->kept_bytes += kept->body_len;
}

void collector_ledger_record(collector_ledger *ledger,
                             const collector_batch *batch, collector_kept *kept)
{
    pthread_mutex_lock(&ledger->lock);
    kept->number = ++ledger->counts.batches;
    kept->events = batch->event_count;
    for (size_t i = 0; i < batch->event_count; i++)
        record_event(ledger, &batch->events[i]);
    keep(ledger, kept);
    pthread_mutex_unlock(&ledger->lock);
}

bool collector_ledger_key(collector_ledger *ledger, size_t index,
                          collector_key *out)
{
    memset(out, 0, sizeof(*out));
    pthread_mutex_lock(&ledger->lock);
    if (index < ledger->key_count) {
        out->name = strdup(ledger->keys[index].name);
        out->count = ledger->keys[index].count;
    }
    pthread_mutex_unlock(&ledger->lock);
    return out->name != NULL;
}

uint64_t collector_ledger_epoch(collector_ledger *ledger)
{
    uint64_t epoch;

    pthread_mutex_lock(&ledger->lock);
    epoch = ledger->epoch;
    pthread_mutex_unlock(&ledger->lock);
    return epoch;
}
