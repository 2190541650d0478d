/* What the collector saw: counts, uuids and the last batches. */
#ifndef COLLECTOR_LEDGER_H
#define COLLECTOR_LEDGER_H

#include <pthread.h>

#include "check.h"

typedef struct collector_key {
    char *name;
    uint64_t count;
} collector_key;

/* All fields are guarded by `lock`. */
typedef struct collector_ledger {
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* `counts.requests` grew */
    collector_counts counts;
    uint64_t connections; /* of the collector's life */
    uint64_t epoch;       /* how often it was cleared */
    collector_uuid_set uuids;
    collector_key keys[COLLECTOR_KEYS];
    size_t key_count;
    /* The batch `number` is at number % COLLECTOR_KEPT_BATCHES. */
    collector_kept kept[COLLECTOR_KEPT_BATCHES];
    uint64_t oldest_kept;
    size_t kept_bytes;
    char reasons[COLLECTOR_REASONS][COLLECTOR_REASON_SIZE];
    uint64_t reason_count;
} collector_ledger;

void collector_ledger_init(collector_ledger *ledger, size_t max_uuids);
void collector_ledger_cleanup(collector_ledger *ledger);

/* Forgets everything but how many connections there were. */
void collector_ledger_clear(collector_ledger *ledger);

/* Returns the number of the new connection. */
uint64_t collector_ledger_connect(collector_ledger *ledger);

void collector_ledger_arrive(collector_ledger *ledger, size_t bytes);
void collector_ledger_refuse(collector_ledger *ledger, const char *reason);
void collector_ledger_count_too_large(collector_ledger *ledger);
void collector_ledger_count_fault(collector_ledger *ledger);

/* Records a good batch; takes `kept->body`, and sets `kept->number`. */
void collector_ledger_record(collector_ledger *ledger,
                             const collector_batch *batch,
                             collector_kept *kept);

/* Copies the key number `index`; free(out->name). False past the last. */
bool collector_ledger_key(collector_ledger *ledger, size_t index,
                          collector_key *out);

uint64_t collector_ledger_epoch(collector_ledger *ledger);

#endif
