#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dispatch/delivery.h"
#include "fakes/deliveries.h"
#include "fakes/failing_allocator.h"

static void test_null_or_zeroed_result_is_a_retry(void **state)
{
    optly_dispatch_result result, zeroed;

    (void)state;
    memset(&zeroed, 0, sizeof(zeroed));
    zeroed.outcome = OPTLY_DELIVERED; /* no struct_size: means nothing */

    optly__dispatch_result_normalise(&result, NULL);
    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_int_equal(result.struct_size, sizeof(result));

    optly__dispatch_result_normalise(&result, &zeroed);
    assert_int_equal(result.outcome, OPTLY_RETRY);
}

static void test_unset_and_unknown_outcomes_are_retries(void **state)
{
    static const int outcomes[] = {0, 6, 7, -1, 1000};
    optly_dispatch_result result;

    (void)state;
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        optly_dispatch_result odd = optly_dispatch_result_default();

        memcpy(&odd.outcome, &outcomes[i], sizeof(odd.outcome));
        optly__dispatch_result_normalise(&result, &odd);
        assert_int_equal(result.outcome, OPTLY_RETRY);
    }
}

static void test_known_outcomes_stay(void **state)
{
    static const optly_outcome outcomes[] = {OPTLY_DELIVERED, OPTLY_RETRY,
                                             OPTLY_REFUSED, OPTLY_MISCONFIGURED,
                                             OPTLY_CANCELLED};
    optly_dispatch_result result;

    (void)state;
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        optly_dispatch_result given = optly_dispatch_result_default();

        given.outcome = outcomes[i];
        given.http_status = 204;
        optly__dispatch_result_normalise(&result, &given);
        assert_int_equal(result.outcome, outcomes[i]);
        assert_int_equal(result.http_status, 204);
    }
}

static void test_retry_after_stays_within_ten_minutes(void **state)
{
    static const struct {
        int64_t given, kept;
    } waits[] = {{INT64_MIN, 0},   {-1, 0},
                 {0, 0},           {1, 1},
                 {599999, 599999}, {600000, 600000},
                 {600001, 600000}, {INT64_MAX, 600000}};
    optly_dispatch_result result;

    (void)state;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        optly_dispatch_result given = optly_dispatch_result_default();

        given.retry_after_ms = waits[i].given;
        optly__dispatch_result_normalise(&result, &given);
        assert_int_equal(result.retry_after_ms, waits[i].kept);
    }
}

static void test_detail_is_one_terminated_line(void **state)
{
    optly_dispatch_result given = optly_dispatch_result_default();
    optly_dispatch_result result;

    (void)state;
    memset(given.detail, 'x', sizeof(given.detail));
    memcpy(given.detail, "a\r\nb\x7f", 5);

    optly__dispatch_result_normalise(&result, &given);

    assert_memory_equal(result.detail, "a??b?x", 6);
    assert_int_equal(strlen(result.detail), sizeof(result.detail) - 1);
}

static void test_completion_reaches_the_core_with_its_id(void **state)
{
    optly_dispatch_result result = optly_dispatch_result_default();
    optly_delivery first, second;
    fake_deliveries deliveries;

    (void)state;
    fake_deliveries_init(&deliveries);
    first = fake_deliveries_issue(&deliveries);
    second = fake_deliveries_issue(&deliveries);
    result.outcome = OPTLY_DELIVERED;

    optly_delivery_complete(second, &result);
    optly_delivery_complete(first, NULL);
    optly_delivery_complete((optly_delivery){NULL, 0}, &result); /* ignored */

    assert_int_equal(deliveries.results[1].outcome, OPTLY_DELIVERED);
    assert_int_equal(deliveries.results[0].outcome, OPTLY_RETRY);
    fake_deliveries_cleanup(&deliveries);
}

struct seen {
    int count;
    optly_outcome outcome;
};

static void see(const optly_dispatch_result *result, void *user)
{
    struct seen *seen = user;

    seen->count++;
    seen->outcome = result->outcome;
}

static void test_created_delivery_calls_back_once_and_frees_itself(void **state)
{
    optly_dispatch_result result = optly_dispatch_result_default();
    struct seen seen = {0, OPTLY_OUTCOME_UNSET};
    optly_delivery delivery;
    optly_status status;

    (void)state;
    result.outcome = OPTLY_REFUSED;

    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    status = optly_delivery_create(&delivery, see, &seen);
    optly_delivery_complete(delivery, &result);

    assert_int_equal(failing_allocator_remove(), 0);
    assert_int_equal(status, OPTLY_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.outcome, OPTLY_REFUSED);
}

static void test_delivery_create_refuses_what_it_cannot_do(void **state)
{
    optly_delivery delivery = {&delivery, 7};
    optly_status status;

    (void)state;
    assert_int_equal(optly_delivery_create(NULL, see, NULL), OPTLY_ERR_INVALID);
    assert_int_equal(optly_delivery_create(&delivery, NULL, NULL),
                     OPTLY_ERR_INVALID);
    assert_null(delivery.core);

    failing_allocator_install(0);
    status = optly_delivery_create(&delivery, see, NULL);
    assert_int_equal(failing_allocator_remove(), 0);
    assert_int_equal(status, OPTLY_ERR_NO_MEMORY);
    assert_null(delivery.core);
}

static void dispatch_nothing(void *self, const optly_log_event *event,
                             optly_delivery delivery)
{
    (void)self;
    (void)event;
    (void)delivery;
}

static void poll_nothing(void *self, int timeout_ms)
{
    (void)self;
    (void)timeout_ms;
}

static void wake_nothing(void *self)
{
    (void)self;
}

static void count_destroy(void *self)
{
    ++*(int *)self;
}

static optly_dispatcher_ops whole_ops(void)
{
    optly_dispatcher_ops ops = {sizeof(ops),  dispatch_nothing, poll_nothing,
                                wake_nothing, wake_nothing,     count_destroy};

    return ops;
}

static optly_status copy_ops(const optly_dispatcher_ops *ops, optly_error *err)
{
    optly_dispatcher dispatcher = {ops, NULL};
    optly_dispatcher_ops copy;

    return optly__dispatcher_ops_copy(&copy, &dispatcher, err);
}

static void test_half_an_ops_table_is_refused_by_name(void **state)
{
    optly_dispatcher_ops ops = whole_ops();
    optly_error err;

    (void)state;
    assert_int_equal(copy_ops(&ops, &err), OPTLY_OK);
    assert_int_equal(copy_ops(NULL, &err), OPTLY_ERR_INVALID);

    ops.dispatch = NULL;
    assert_int_equal(copy_ops(&ops, &err), OPTLY_ERR_INVALID);
    assert_non_null(strstr(err.message, "dispatch:"));

    ops = whole_ops();
    ops.destroy = NULL;
    assert_int_equal(copy_ops(&ops, &err), OPTLY_ERR_INVALID);
    assert_non_null(strstr(err.message, "destroy:"));

    ops = whole_ops();
    ops.wake = NULL;
    assert_int_equal(copy_ops(&ops, &err), OPTLY_ERR_INVALID);
    assert_non_null(strstr(err.message, "wake:"));

    ops = whole_ops();
    ops.struct_size = 0;
    assert_int_equal(copy_ops(&ops, &err), OPTLY_ERR_INVALID);
    assert_non_null(strstr(err.message, "struct_size"));
}

static void test_poll_cancel_and_a_lone_wake_are_optional(void **state)
{
    optly_dispatcher_ops ops = whole_ops();

    (void)state;
    ops.poll = NULL;
    ops.cancel = NULL;
    assert_int_equal(copy_ops(&ops, NULL), OPTLY_OK);
    ops.wake = NULL;
    assert_int_equal(copy_ops(&ops, NULL), OPTLY_OK);
}

static void test_destroy_runs_once_and_zeroes(void **state)
{
    optly_dispatcher_ops ops = whole_ops();
    int destroyed = 0;
    optly_dispatcher dispatcher = {&ops, &destroyed};

    (void)state;
    optly_dispatcher_destroy(&dispatcher);
    optly_dispatcher_destroy(&dispatcher);
    optly_dispatcher_destroy(NULL);

    assert_int_equal(destroyed, 1);
    assert_null(dispatcher.ops);
    assert_null(dispatcher.self);
}

static void test_destroy_leaves_a_table_that_is_too_short(void **state)
{
    optly_dispatcher_ops ops = whole_ops();
    int destroyed = 0;
    optly_dispatcher dispatcher = {&ops, &destroyed};

    (void)state;
    ops.struct_size = offsetof(optly_dispatcher_ops, destroy);
    optly_dispatcher_destroy(&dispatcher);

    assert_int_equal(destroyed, 0);
}

static void test_a_negative_http_status_is_none(void **state)
{
    optly_dispatch_result from = optly_dispatch_result_default(), to;

    (void)state;
    from.http_status = -1;
    optly__dispatch_result_normalise(&to, &from);
    assert_int_equal(to.http_status, 0);
    from.http_status = 503;
    optly__dispatch_result_normalise(&to, &from);
    assert_int_equal(to.http_status, 503);
}

static void test_destroy_takes_a_table_without_its_function(void **state)
{
    optly_dispatcher_ops ops = whole_ops();
    int destroyed = 0;
    optly_dispatcher dispatcher = {&ops, &destroyed};

    (void)state;
    ops.destroy = NULL;
    optly_dispatcher_destroy(&dispatcher);
    assert_int_equal(destroyed, 0);
    assert_null(dispatcher.ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_or_zeroed_result_is_a_retry),
        cmocka_unit_test(test_unset_and_unknown_outcomes_are_retries),
        cmocka_unit_test(test_known_outcomes_stay),
        cmocka_unit_test(test_retry_after_stays_within_ten_minutes),
        cmocka_unit_test(test_detail_is_one_terminated_line),
        cmocka_unit_test(test_completion_reaches_the_core_with_its_id),
        cmocka_unit_test(
            test_created_delivery_calls_back_once_and_frees_itself),
        cmocka_unit_test(test_delivery_create_refuses_what_it_cannot_do),
        cmocka_unit_test(test_half_an_ops_table_is_refused_by_name),
        cmocka_unit_test(test_poll_cancel_and_a_lone_wake_are_optional),
        cmocka_unit_test(test_destroy_runs_once_and_zeroes),
        cmocka_unit_test(test_destroy_leaves_a_table_that_is_too_short),
        cmocka_unit_test(test_a_negative_http_status_is_none),
        cmocka_unit_test(test_destroy_takes_a_table_without_its_function),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
