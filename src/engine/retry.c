#include "engine/retry.h"

/* A step from which on every product is beyond any maximum. */
enum { STEP_AT_MAX = 32 };

int64_t optly__backoff_delay_ms(const optly__backoff *backoff, uint32_t step,
                                double chance)
{
    uint64_t bound = backoff->max_ms;

    if (step < STEP_AT_MAX) {
        uint64_t grown = (uint64_t)backoff->initial_ms << step;

        if (grown < bound)
            bound = grown;
    }
    return (int64_t)(chance * (double)bound);
}

bool optly__lane_is_open(const optly__lane *lane, int64_t now_ms)
{
    if (!lane->backing_off)
        return true;
    return !lane->probing && now_ms >= lane->not_before_ms;
}

void optly__lane_recover(optly__lane *lane, const optly__batch *batch)
{
    if (!lane->backing_off)
        return;
    if (batch->asks != lane->asks && lane->retry_after_until_ms != 0) {
        if (batch->era == lane->era)
            lane->probing = false; /* that was the probe */
        return;
    }
    lane->backing_off = false;
    lane->probing = false;
    lane->misconfigured = false;
    lane->failures = 0;
    lane->not_before_ms = 0;
    lane->retry_after_until_ms = 0;
    lane->era++;
}

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void optly__lane_fail(optly__lane *lane, optly__batch *batch,
                      const optly_dispatch_result *result,
                      const optly__backoff *backoff, int64_t now_ms,
                      double chance)
{
    bool at_max = result->outcome == OPTLY_MISCONFIGURED;
    int64_t asked = result->retry_after_ms > 0 ? result->retry_after_ms : 0;
    int64_t retry_after = asked > 0 ? now_ms + asked : 0;
    /* Hosts that are told the same moment must not all come at it. */
    int64_t spread = (int64_t)(chance * (double)asked / 2);
    uint32_t step = at_max ? STEP_AT_MAX : batch->attempts - 1;
    bool counts = !lane->backing_off || batch->era == lane->era;

    batch->retry_after_until_ms = retry_after;
    batch->not_before_ms =
        latest(now_ms + optly__backoff_delay_ms(backoff, step, chance),
               retry_after + spread);
    lane->retry_after_until_ms =
        latest(lane->retry_after_until_ms, retry_after);
    lane->asks += retry_after > 0;
    lane->backing_off = true;
    if (counts) {
        step = at_max ? STEP_AT_MAX : lane->failures;
        lane->not_before_ms =
            latest(now_ms + optly__backoff_delay_ms(backoff, step, chance),
                   lane->retry_after_until_ms + spread);
        lane->failures++;
        lane->era++;
        lane->probing = false;
    }
    lane->not_before_ms =
        latest(lane->not_before_ms, lane->retry_after_until_ms);
}

void optly__lane_hasten(optly__lane *lane, int64_t now_ms)
{
    int64_t until = latest(now_ms, lane->retry_after_until_ms);

    if (lane->not_before_ms > until)
        lane->not_before_ms = until;
    for (optly__batch *b = lane->ready.first; b != NULL; b = b->next) {
        until = latest(now_ms, b->retry_after_until_ms);
        if (b->not_before_ms > until)
            b->not_before_ms = until;
    }
}
