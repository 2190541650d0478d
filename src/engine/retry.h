/*
 * When to try again: a lane is the way to one endpoint and keeps its backoff.
 * Pure arithmetic on times that it is given; driver only.
 */
#ifndef OPTLY__RETRY_H
#define OPTLY__RETRY_H

#include "engine/batch.h"

/* Bounds of the full jitter, in ms. */
typedef struct optly__backoff {
    uint32_t initial_ms, max_ms;
} optly__backoff;

/*
 * The way to one endpoint. While it backs off, one probe at a time finds out
 * whether the endpoint is back. An era is what lies between two failures that
 * count: of several requests that fail together only the first lengthens the
 * backoff.
 */
typedef struct optly__lane {
    const char *endpoint;
    optly__batch_list open;  /* by the arrival of their first event */
    optly__batch_list ready; /* closed, not in flight, by order */
    uint32_t in_flight;      /* batches */
    bool backing_off;
    bool probing;       /* the probe is in flight */
    bool misconfigured; /* the last trouble was of that kind */
    uint32_t failures;  /* steps of the backoff so far */
    uint64_t era;
    uint64_t asks; /* answers with a Retry-After so far */
    int64_t not_before_ms;
    int64_t retry_after_until_ms;
} optly__lane;

/*
 * Full jitter: a delay between 0 and min(max, initial * 2^step), where `chance`
 * is uniform in [0, 1).
 */
int64_t optly__backoff_delay_ms(const optly__backoff *backoff, uint32_t step,
                                double chance);

/* Whether the lane may send now. */
bool optly__lane_is_open(const optly__lane *lane, int64_t now_ms);

/*
 * The answer to `batch` showed that the endpoint works: ends the backoff. But
 * what the endpoint has asked for since the batch left, it still asks for.
 */
void optly__lane_recover(optly__lane *lane, const optly__batch *batch);

/*
 * Books a failed attempt of `batch`: sets when it may go again, and lengthens
 * the lane's backoff unless another request of the same era did so already.
 */
void optly__lane_fail(optly__lane *lane, optly__batch *batch,
                      const optly_dispatch_result *result,
                      const optly__backoff *backoff, int64_t now_ms,
                      double chance);

/* A flush: nothing waits longer than the endpoint asked for. */
void optly__lane_hasten(optly__lane *lane, int64_t now_ms);

#endif
