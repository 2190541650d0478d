/* The arithmetic of the backoff. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "engine/retry.h"

static const optly__backoff backoff = {200, 60000};

static void test_the_delay_spans_zero_to_the_doubled_bound(void **state)
{
    int64_t bound = 200;

    (void)state;
    for (uint32_t step = 0; step < 70; step++) {
        assert_int_equal(optly__backoff_delay_ms(&backoff, step, 0.0), 0);
        assert_int_equal(optly__backoff_delay_ms(&backoff, step, 0.5),
                         bound / 2);
        assert_in_range(optly__backoff_delay_ms(&backoff, step, 0.9999999),
                        bound - 1, bound);
        bound = bound * 2 < 60000 ? bound * 2 : 60000;
    }
}

static optly_dispatch_result result_of(optly_outcome outcome,
                                       int64_t retry_after_ms)
{
    optly_dispatch_result result = optly_dispatch_result_default();

    result.outcome = outcome;
    result.retry_after_ms = retry_after_ms;
    return result;
}

static void test_a_failure_closes_the_lane_until_its_delay_is_over(void **state)
{
    optly_dispatch_result result = result_of(OPTLY_RETRY, 0);
    optly__lane lane = {0};
    optly__batch batch = {0};

    (void)state;
    batch.attempts = 1;
    assert_true(optly__lane_is_open(&lane, 1000));
    optly__lane_fail(&lane, &batch, &result, &backoff, 1000, 0.5);
    assert_int_equal(lane.not_before_ms, 1100);
    assert_int_equal(batch.not_before_ms, 1100);
    assert_false(optly__lane_is_open(&lane, 1099));
    assert_true(optly__lane_is_open(&lane, 1100));
    lane.probing = true;
    assert_false(optly__lane_is_open(&lane, 2000));
    optly__lane_recover(&lane, &batch);
    assert_true(optly__lane_is_open(&lane, 0));
    assert_int_equal(lane.failures, 0);
}

static void test_retry_after_is_the_least(void **state)
{
    optly_dispatch_result result = result_of(OPTLY_RETRY, 5000);
    optly__lane lane = {0};
    optly__batch batch = {0};

    (void)state;
    batch.attempts = 1;
    optly__lane_fail(&lane, &batch, &result, &backoff, 1000, 0);
    assert_int_equal(lane.not_before_ms, 6000);
    assert_int_equal(batch.not_before_ms, 6000);
    optly__lane_hasten(&lane, 2000);
    assert_int_equal(lane.not_before_ms, 6000);
}

/* An endpoint tells many hosts the same at one moment. */
static void test_retry_after_is_spread_over_half_of_it(void **state)
{
    optly_dispatch_result result = result_of(OPTLY_RETRY, 5000);
    optly__lane lane = {0};
    optly__batch batch = {0};

    (void)state;
    batch.attempts = 1;
    optly__lane_fail(&lane, &batch, &result, &backoff, 1000, 0.5);
    assert_int_equal(lane.not_before_ms, 6000 + 1250);
    assert_int_equal(batch.not_before_ms, 6000 + 1250);
    optly__batch_list_append(&lane.ready, &batch);
    optly__lane_hasten(&lane, 2000); /* a flush need not be spread */
    assert_int_equal(lane.not_before_ms, 6000);
    assert_int_equal(batch.not_before_ms, 6000);
}

static void test_an_older_success_does_not_end_what_was_asked_for(void **state)
{
    optly_dispatch_result result = result_of(OPTLY_RETRY, 5000);
    optly__lane lane = {0};
    optly__batch asked = {0}, older = {0};

    (void)state;
    asked.attempts = 1;
    optly__lane_fail(&lane, &asked, &result, &backoff, 1000, 0);
    optly__lane_recover(&lane, &older); /* it left before */
    assert_true(lane.backing_off);
    assert_int_equal(lane.not_before_ms, 6000);
    older.era = lane.era; /* one that left since, the probe */
    older.asks = lane.asks;
    optly__lane_recover(&lane, &older);
    assert_false(lane.backing_off);
}

static void test_a_flush_shortens_the_backoff_of_lane_and_batch(void **state)
{
    optly_dispatch_result result = result_of(OPTLY_MISCONFIGURED, 0);
    optly__lane lane = {0};
    optly__batch batch = {0};

    (void)state;
    batch.attempts = 1;
    optly__lane_fail(&lane, &batch, &result, &backoff, 1000, 0.5);
    assert_int_equal(lane.not_before_ms, 31000); /* at the cap at once */
    optly__batch_list_append(&lane.ready, &batch);
    optly__lane_hasten(&lane, 2000);
    assert_int_equal(lane.not_before_ms, 2000);
    assert_int_equal(batch.not_before_ms, 2000);
}

static void test_failures_of_an_older_era_do_not_count(void **state)
{
    optly_dispatch_result result = result_of(OPTLY_RETRY, 0);
    optly__lane lane = {0};
    optly__batch first = {0}, second = {0};

    (void)state;
    first.attempts = 1;
    second.attempts = 1;
    optly__lane_fail(&lane, &first, &result, &backoff, 1000, 0.5);
    lane.probing = true; /* a probe has left meanwhile */
    optly__lane_fail(&lane, &second, &result, &backoff, 1050, 0.9);
    assert_int_equal(lane.failures, 1);
    assert_int_equal(lane.not_before_ms, 1100);
    assert_int_equal(second.not_before_ms, 1230);
    assert_true(lane.probing);
}

static void test_the_probe_s_failure_counts_and_lets_the_next_go(void **state)
{
    optly_dispatch_result result = result_of(OPTLY_RETRY, 0);
    optly__lane lane = {0};
    optly__batch batch = {0};

    (void)state;
    batch.attempts = 1;
    optly__lane_fail(&lane, &batch, &result, &backoff, 1000, 0.5);
    batch.era = lane.era;
    batch.attempts = 2;
    lane.probing = true;
    optly__lane_fail(&lane, &batch, &result, &backoff, 2000, 0.5);
    assert_int_equal(lane.failures, 2);
    assert_int_equal(lane.not_before_ms, 2200);
    assert_false(lane.probing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_delay_spans_zero_to_the_doubled_bound),
        cmocka_unit_test(
            test_a_failure_closes_the_lane_until_its_delay_is_over),
        cmocka_unit_test(test_retry_after_is_the_least),
        cmocka_unit_test(test_retry_after_is_spread_over_half_of_it),
        cmocka_unit_test(test_an_older_success_does_not_end_what_was_asked_for),
        cmocka_unit_test(test_a_flush_shortens_the_backoff_of_lane_and_batch),
        cmocka_unit_test(test_failures_of_an_older_era_do_not_count),
        cmocka_unit_test(test_the_probe_s_failure_counts_and_lets_the_next_go),
    };

    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
