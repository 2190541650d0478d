/*
 * The delays of retries as the engine draws them: at each level they are
 * uniform from 0 to the bound, by the test of Kolmogorov and Smirnov, and never
 * beyond it. The seed is fixed, so that the test always says the same.
 * OPTLY_BACKOFF_SAMPLES changes how many are drawn at each level.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/process.h"
#include "fakes/rig.h"

enum {
    SAMPLES = 100000,
    FEWER = 10000,
    INITIAL_MS = 200,
    MAX_MS = 60000,
    LEVELS = 10
};

static const int64_t bounds[LEVELS] = {200,  400,   800,   1600,  3200,
                                       6400, 12800, 25600, 51200, 60000};

typedef struct draws {
    rig *rig;
    uint32_t *counts[LEVELS]; /* how often each delay came */
    uint32_t attempts, outside;
    int64_t last_ms; /* when the attempt before was made */
} draws;

/* Fails each batch LEVELS times and then lets it pass, so that the next one
 * begins at the first level; notes for how long each attempt was put off. */
static void dispatch(void *self, const optly_log_event *event,
                     optly_delivery delivery)
{
    optly_dispatch_result result = optly_dispatch_result_default();
    draws *d = ((fake_dispatcher *)self)->user;
    uint32_t number = d->attempts++ % (LEVELS + 1);
    int64_t delay = d->rig->now - d->last_ms;

    (void)event;
    if (number > 0 && delay <= bounds[number - 1])
        d->counts[number - 1][delay]++;
    else if (number > 0)
        d->outside++;
    d->last_ms = d->rig->now;
    result.outcome = number == LEVELS ? OPTLY_DELIVERED : OPTLY_RETRY;
    optly_delivery_complete(delivery, &result);
}

static void draw(draws *d, uint32_t samples)
{
    rig *r = d->rig;

    for (uint32_t i = 0; i < samples; i++) {
        assert_int_equal(rig_add(r, 0), OPTLY_OK);
        rig_step(r);
        while (rig_stats(r)->pending > 0) {
            assert_true(r->next > r->now);
            r->now = r->next;
            rig_step(r);
        }
    }
}

/*
 * The largest distance between the samples' distribution and the uniform one,
 * both taken at whole milliseconds: P(delay <= k) = (k + 1) / bound.
 */
static double distance(const uint32_t *counts, int64_t bound, uint32_t samples)
{
    double most = 0, seen = 0;

    for (int64_t k = 0; k <= bound; k++) {
        double uniform = (double)(k + 1) / (double)bound;

        seen += (double)counts[k] / (double)samples;
        most = fmax(most, fabs(seen - fmin(uniform, 1)));
    }
    return most;
}

static void test_delays_are_uniform_at_every_level(void **state)
{
    uint32_t samples = fake_rounds(
        "OPTLY_BACKOFF_SAMPLES", process_memory_is_watched() ? FEWER : SAMPLES);
    double least = 1.628 / sqrt((double)samples); /* p = 0.01 */
    draws d = {.rig = rig_create()};

    (void)state;
    for (int i = 0; i < LEVELS; i++) {
        d.counts[i] = calloc((size_t)bounds[i] + 1, sizeof(uint32_t));
        assert_non_null(d.counts[i]);
    }
    d.rig->config.batch_size = 1;
    d.rig->config.backoff.initial_ms = INITIAL_MS;
    d.rig->config.backoff.max_ms = MAX_MS;
    d.rig->dispatcher.user = &d;
    rig_start(d.rig);
    d.rig->engine.config.dispatcher.dispatch = dispatch;

    draw(&d, samples);

    assert_int_equal(d.outside, 0);
    assert_int_equal(d.attempts, samples * (LEVELS + 1));
    for (int i = 0; i < LEVELS; i++) {
        double most = distance(d.counts[i], bounds[i], samples);

        print_message("0 to %5d ms: D = %.5f, p > 0.01 below %.5f\n",
                      (int)bounds[i], most, least);
        assert_true(most < least);
        free(d.counts[i]);
    }
    rig_destroy(d.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delays_are_uniform_at_every_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
