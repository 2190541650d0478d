/**
 * @file
 * The books of a processor as text, for a scraper of Prometheus.
 */
#ifndef OPTLY_PROMETHEUS_H
#define OPTLY_PROMETHEUS_H

#include <optly/processor.h>

OPTLY_BEGIN_DECLS

/** A label that every line carries: which host, which processor. */
typedef struct optly_label {
    /**
     * [a-zA-Z_][a-zA-Z0-9_]*, 256 bytes at most, each name once; not `reason`,
     * which is taken, nor one that begins with `__`, which is reserved.
     */
    const char *name;
    const char *value; /**< UTF-8, 4 KiB at most; escaped; NULL is "" */
} optly_label;

/**
 * Renders `stats` in the text format of Prometheus, version 0.0.4
 * (`text/plain; version=0.0.4`), to be served by the host.
 *
 * `labels` may be NULL; otherwise it has up to 32, and ends with one whose
 * name is NULL. All is borrowed. Nothing is allocated, and the locale has no
 * say. Any thread.
 *
 * Returns the length of the whole text without its NUL, as snprintf does:
 * writes `size` bytes at most, NUL included, and is cut short where that is
 * not enough. `buffer` may be NULL if `size` is 0. The length depends on the
 * counters: ask, and leave room for some digits more, or give 8 KiB where the
 * labels are few.
 *
 * Returns a negative optly_status otherwise, and `buffer` then holds a line
 * that says why, as a comment of the format: OPTLY_ERR_INVALID for `stats`, a
 * label's name, or no `buffer`; OPTLY_ERR_TOO_LARGE; OPTLY_ERR_UNSUPPORTED
 * for a newer struct with counters that this version does not know.
 *
 * The metrics, each with the field of optly_stats that it comes from:
 *
 * - `optly_events_attempted_total`, a counter: `attempted`
 * - `optly_events_accepted_total`, a counter: `accepted`
 * - `optly_events_rejected_total`, a counter: `rejected`, by label `reason`:
 *   `queue_full`, `closed`, `invalid`, `too_large`, `no_memory`
 * - `optly_events_delivered_total`, a counter: `delivered`
 * - `optly_events_dropped_total`, a counter: `dropped`, by label `reason`:
 *   `overflow`, `refused`, `expired`, `attempts`, `closed`, `abandoned`
 * - `optly_events_queued`, a gauge: `queued`
 * - `optly_events_in_flight`, a gauge: `in_flight`
 * - `optly_events_retry_wait`, a gauge: `retry_wait`
 * - `optly_events_pending`, a gauge: `pending`
 * - `optly_batches_delivered_total`, a counter: `batches`
 * - `optly_requests_total`, a counter: `requests`
 * - `optly_retries_total`, a counter: `retries`
 * - `optly_bisections_total`, a counter: `bisections`
 * - `optly_payload_bytes_total`, a counter: `payload_bytes`
 */
OPTLY_API int optly_stats_prometheus(char *buffer, size_t size,
                                     const optly_stats *stats,
                                     const optly_label *labels);

OPTLY_END_DECLS

#endif
