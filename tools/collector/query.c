/* What the ledger tells to those who share the process. */
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "http.h"

void collector_read(collector *c, collector_counts *out)
{
    pthread_mutex_lock(&c->ledger.lock);
    *out = c->ledger.counts;
    pthread_mutex_unlock(&c->ledger.lock);
}

uint64_t collector_key_count(collector *c, const char *key)
{
    uint64_t count = 0;

    pthread_mutex_lock(&c->ledger.lock);
    for (size_t i = 0; i < c->ledger.key_count; i++)
        if (strcmp(c->ledger.keys[i].name, key) == 0)
            count = c->ledger.keys[i].count;
    pthread_mutex_unlock(&c->ledger.lock);
    return count;
}

bool collector_find(collector *c, const char *uuid, collector_sighting *out)
{
    const collector_uuid_entry *entry = NULL;
    collector_uuid key;

    memset(out, 0, sizeof(*out));
    if (!collector_uuid_parse(&key, uuid))
        return false;
    pthread_mutex_lock(&c->ledger.lock);
    entry = collector_uuid_set_find(&c->ledger.uuids, &key);
    if (entry != NULL)
        collector_uuid_entry_describe(entry, out);
    pthread_mutex_unlock(&c->ledger.lock);
    return entry != NULL;
}

uint32_t collector_saw(collector *c, const char *uuid)
{
    collector_sighting seen;

    collector_find(c, uuid, &seen);
    return seen.count;
}

bool collector_uuid_at(collector *c, size_t index, collector_sighting *out)
{
    bool found;

    memset(out, 0, sizeof(*out));
    pthread_mutex_lock(&c->ledger.lock);
    found = index < c->ledger.uuids.count;
    if (found)
        collector_uuid_entry_describe(&c->ledger.uuids.entries[index], out);
    pthread_mutex_unlock(&c->ledger.lock);
    return found;
}

/* Lock held. */
static bool copy_kept(const collector_ledger *ledger, uint64_t number,
                      collector_kept *out)
{
    const collector_kept *kept = &ledger->kept[number % COLLECTOR_KEPT_BATCHES];
    char *body;

    if (number < ledger->oldest_kept || number > ledger->counts.batches)
        return false;
    body = malloc(kept->body_len + 1);
    if (body == NULL)
        return false;
    memcpy(body, kept->body, kept->body_len + 1);
    *out = *kept;
    out->body = body;
    return true;
}

bool collector_copy_batch(collector *c, uint64_t number, collector_kept *out)
{
    bool found;

    memset(out, 0, sizeof(*out));
    pthread_mutex_lock(&c->ledger.lock);
    found = copy_kept(&c->ledger, number, out);
    pthread_mutex_unlock(&c->ledger.lock);
    return found;
}

bool collector_reason(collector *c, size_t back,
                      char out[COLLECTOR_REASON_SIZE])
{
    const collector_ledger *ledger = &c->ledger;
    bool found;

    pthread_mutex_lock(&c->ledger.lock);
    found = back < COLLECTOR_REASONS && back < ledger->reason_count;
    if (found)
        memcpy(out,
               ledger->reasons[(ledger->reason_count - 1 - back) %
                               COLLECTOR_REASONS],
               COLLECTOR_REASON_SIZE);
    pthread_mutex_unlock(&c->ledger.lock);
    return found;
}

bool collector_wait_requests(collector *c, uint64_t requests,
                             uint32_t timeout_ms)
{
    struct timespec deadline = collector_deadline(timeout_ms);
    bool on_time = true, reached;

    pthread_mutex_lock(&c->ledger.lock);
    while (on_time && c->ledger.counts.requests < requests)
        on_time =
            collector_cond_wait(&c->ledger.arrived, &c->ledger.lock, &deadline);
    reached = c->ledger.counts.requests >= requests;
    pthread_mutex_unlock(&c->ledger.lock);
    return reached;
}
