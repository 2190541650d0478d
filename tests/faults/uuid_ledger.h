/*
 * What became of each event, by its uuid: what the host handed over, what the
 * server saw and acknowledged, and what the processor reported. Any thread.
 */
#ifndef OPTLY_FAULTS_UUID_LEDGER_H
#define OPTLY_FAULTS_UUID_LEDGER_H

#include <optly/event.h>

typedef struct uuid_ledger uuid_ledger;

typedef struct uuid_sums {
    size_t accepted, seen, acknowledged, delivered, dropped; /* events */
    size_t repeats; /* how often the server saw one again */
    size_t changed; /* repeats whose bytes were others */
} uuid_sums;

/* Never NULL; for `capacity` events. */
uuid_ledger *uuid_ledger_create(size_t capacity);
void uuid_ledger_destroy(uuid_ledger *ledger);

/* Notes an event that the processor accepted, before or after it is sent. */
void uuid_ledger_accept(uuid_ledger *ledger, const char *uuid);

/* Notes a body that the server has read; returns how many events it has. */
size_t uuid_ledger_see(uuid_ledger *ledger, const char *body);

/* The same body is about to be answered with 2xx. */
void uuid_ledger_acknowledge(uuid_ledger *ledger, const char *body);

/* An optly_delivery_fn; the ledger is its user. */
void uuid_ledger_report(const optly_delivery_report *report, void *ledger);

uuid_sums uuid_ledger_sums(uuid_ledger *ledger);

/*
 * Fails the test unless what was accepted is what was reported, each once; what
 * was reported as delivered was acknowledged; what was seen was accepted; and
 * every repeat had the same bytes.
 */
void uuid_ledger_check(uuid_ledger *ledger);

#endif
