/* A host's metrics: each name once per step at most, and sums that agree with
 * the counters after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/world.h"

/* In the order of world_metrics.sums; the last is the gauge. */
static const char *const names[WORLD_METRICS] = {
    "processor.accepted",    "processor.rejected",      "processor.dropped",
    "dispatcher.retryFlush", "dispatcher.successFlush", "dispatcher.failFlush",
    "dispatcher.queueSize"};

static int tell(world_metrics *metrics, const char *name)
{
    int i = 0;

    while (i < WORLD_METRICS && strcmp(names[i], name) != 0)
        i++;
    assert_true(i < WORLD_METRICS);
    assert_false(metrics->told[i]);
    metrics->told[i] = true;
    return i;
}

static void counter_add(const char *name, double delta, void *user)
{
    world_metrics *metrics = user;

    assert_true(delta > 0);
    metrics->values[tell(metrics, name)] += delta;
}

static void gauge_set(const char *name, double value, void *user)
{
    world_metrics *metrics = user;

    metrics->values[tell(metrics, name)] = value;
}

optly_metrics world_metrics_hook(world_metrics *metrics)
{
    const optly_metrics hook = {sizeof(hook), counter_add, gauge_set, metrics};

    return hook;
}

static uint64_t sum(const uint64_t *slots)
{
    uint64_t total = 0;

    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        total += slots[i];
    return total;
}

void world_metrics_check(world_metrics *metrics, const optly_stats *stats)
{
    const uint64_t expected[] = {stats->accepted, sum(stats->rejected),
                                 sum(stats->dropped), stats->retries,
                                 stats->batches};

    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        assert_true(metrics->values[i] == (double)expected[i]);
    assert_true(metrics->values[WORLD_METRICS - 1] == (double)stats->pending);
    memset(metrics->told, 0, sizeof(metrics->told));
}
