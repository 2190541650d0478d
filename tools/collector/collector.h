/*
 * The collector: an event service on loopback for demos and tests. It checks
 * each batch against the wire format, counts what it saw, and fails on request.
 *
 * Every function may be called from any thread, collector_destroy excepted.
 */
#ifndef COLLECTOR_H
#define COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COLLECTOR_UUID_SIZE = 37,             /* with the NUL */
    COLLECTOR_MAX_BODY = 4 * 1024 * 1024, /* bytes, also once unpacked */
    COLLECTOR_MAX_UUIDS = 4 * 1024 * 1024,
    COLLECTOR_KEPT_BATCHES = 64,
    COLLECTOR_KEPT_BYTES = 8 * 1024 * 1024,
    COLLECTOR_KEYS = 64,   /* events of further keys count in sum only */
    COLLECTOR_REASONS = 8, /* of the last malformed batches */
    COLLECTOR_REASON_SIZE = 200,
    COLLECTOR_MAX_FAULTS = 64, /* waiting to be given */
    COLLECTOR_MAX_DELAY_MS = 600000,
    COLLECTOR_RETRY_AFTER_SIZE = 64
};

typedef struct collector collector;

/* Zero and NULL mean the default. */
typedef struct collector_config {
    uint16_t port;         /* 0: a free one */
    const char *bind;      /* an IPv4 address; default 127.0.0.1 */
    size_t max_body_bytes; /* more is answered with 413 */
    size_t max_uuids;      /* more are counted as `forgotten` */
} collector_config;

/* Listens on return. NULL when it cannot; `config` may be NULL. */
collector *collector_create(const collector_config *config);

/* Ends delays under way, closes all connections and frees everything. */
void collector_destroy(collector *c);

uint16_t collector_port(const collector *c);

/* The URL to send events to; valid until the collector is destroyed. */
const char *collector_endpoint(const collector *c);

/* What was seen since the start or the last reset. */
typedef struct collector_counts {
    uint64_t requests; /* to /v1/events that were read to their end */
    uint64_t batches;  /* good ones, recorded */
    uint64_t events;
    uint64_t distinct;   /* uuids */
    uint64_t duplicates; /* events whose uuid was there before */
    uint64_t changed;    /* duplicates with other bytes than the first */
    uint64_t forgotten;  /* events whose uuid found no room */
    uint64_t malformed;  /* answered with 400 */
    uint64_t too_large;  /* answered with 413 */
    uint64_t bytes;      /* of bodies, as they came */
    uint64_t connections;
    uint64_t faults; /* requests that got a fault */
} collector_counts;

void collector_read(collector *c, collector_counts *out);

/* How many good events had `key`. */
uint64_t collector_key_count(collector *c, const char *key);

/* One uuid and what came with it. */
typedef struct collector_sighting {
    char uuid[COLLECTOR_UUID_SIZE]; /* in lower case */
    uint32_t count;
    uint32_t changed; /* of these, how many with other bytes than the first */
    uint64_t hash;    /* FNV-1a, 64 bits, of the first visitor object */
} collector_sighting;

/* How often an event with this uuid was recorded. */
uint32_t collector_saw(collector *c, const char *uuid);

/* False, and `out` zeroed, when it was not. */
bool collector_find(collector *c, const char *uuid, collector_sighting *out);

/* The uuids in the order in which they came; false past the last. */
bool collector_uuid_at(collector *c, size_t index, collector_sighting *out);

/* One of the last good batches. */
typedef struct collector_kept {
    uint64_t number; /* 1 is the first since the last reset */
    int64_t received_ms;
    uint64_t connection; /* 1 is the first of the collector's life */
    size_t events;
    bool gzip;
    char *body; /* NUL-terminated, unpacked; owned by the caller */
    size_t body_len;
} collector_kept;

/* Copies a batch; false when it is not there any more. free(out->body). */
bool collector_copy_batch(collector *c, uint64_t number, collector_kept *out);

/* Copies why a batch was malformed, 0 being the last; false past the oldest. */
bool collector_reason(collector *c, size_t back,
                      char out[COLLECTOR_REASON_SIZE]);

/*
 * Waits until `requests` requests to /v1/events were read to their end; they
 * may still be delayed. False when `timeout_ms` passed first.
 */
bool collector_wait_requests(collector *c, uint64_t requests,
                             uint32_t timeout_ms);

/*
 * What to do to the next `count` requests. The request is recorded before
 * its delay if `after` is set, else behind it; with a status or a reset it is
 * recorded only if `after` is set.
 */
typedef struct collector_fault {
    uint32_t count;                               /* 0 means 1 */
    uint16_t status;                              /* 200 to 599; 0: its own */
    char retry_after[COLLECTOR_RETRY_AFTER_SIZE]; /* "": no header */
    uint32_t delay_ms; /* COLLECTOR_MAX_DELAY_MS at most */
    bool reset;        /* a TCP reset instead of an answer */
    bool after;
} collector_fault;

/* Faults are given in the order they came. False: out of range, or no room. */
bool collector_add_fault(collector *c, const collector_fault *fault);

/* Forgets the faults that wait, and ends the delays under way. */
void collector_clear_faults(collector *c);

/* Forgets all that was seen, and the faults. */
void collector_reset(collector *c);

#endif
