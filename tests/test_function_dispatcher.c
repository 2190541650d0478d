#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/deliveries.h"
#include "fakes/failing_allocator.h"

/* What the function is to do, and what it saw. */
struct script {
    optly_outcome returned, written;
    const optly_log_event *event;
    int calls, released;
};

static optly_outcome play(const optly_log_event *event,
                          optly_dispatch_result *result, void *user)
{
    struct script *script = user;

    script->calls++;
    script->event = event;
    result->outcome = script->written;
    result->http_status = 503;
    result->retry_after_ms = 1500;
    return script->returned;
}

static void release(void *user)
{
    ((struct script *)user)->released++;
}

static optly_dispatch_result dispatch_once(struct script *script)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    optly_dispatch_result result;
    optly_dispatcher dispatcher;
    fake_deliveries deliveries;

    fake_deliveries_init(&deliveries);
    assert_int_equal(
        optly_function_dispatcher_create(&dispatcher, play, script, release),
        OPTLY_OK);

    dispatcher.ops->dispatch(dispatcher.self, &event,
                             fake_deliveries_issue(&deliveries));

    assert_int_equal(deliveries.completed, 1);
    assert_ptr_equal(script->event, &event);
    result = deliveries.results[0];
    optly_dispatcher_destroy(&dispatcher);
    fake_deliveries_cleanup(&deliveries);
    return result;
}

static void test_outcome_returned_goes_before_the_one_written(void **state)
{
    struct script script = {OPTLY_DELIVERED, OPTLY_REFUSED, NULL, 0, 0};

    (void)state;
    assert_int_equal(dispatch_once(&script).outcome, OPTLY_DELIVERED);
    assert_int_equal(script.calls, 1);
}

static void test_unset_outcome_leaves_the_one_written(void **state)
{
    struct script script = {OPTLY_OUTCOME_UNSET, OPTLY_REFUSED, NULL, 0, 0};
    optly_dispatch_result result;

    (void)state;
    result = dispatch_once(&script);

    assert_int_equal(result.outcome, OPTLY_REFUSED);
    assert_int_equal(result.http_status, 503);
    assert_int_equal(result.retry_after_ms, 1500);
}

static void test_no_outcome_at_all_is_a_retry(void **state)
{
    struct script script = {OPTLY_OUTCOME_UNSET, OPTLY_OUTCOME_UNSET, NULL, 0,
                            0};

    (void)state;
    assert_int_equal(dispatch_once(&script).outcome, OPTLY_RETRY);
}

static void test_release_runs_once_with_destroy(void **state)
{
    struct script script = {OPTLY_DELIVERED, OPTLY_OUTCOME_UNSET, NULL, 0, 0};

    (void)state;
    (void)dispatch_once(&script);
    assert_int_equal(script.released, 1);
}

static void test_failed_create_releases_too(void **state)
{
    struct script script = {OPTLY_DELIVERED, OPTLY_OUTCOME_UNSET, NULL, 0, 0};
    optly_dispatcher dispatcher = {NULL, &script};
    optly_status status;

    (void)state;
    assert_int_equal(
        optly_function_dispatcher_create(&dispatcher, NULL, &script, release),
        OPTLY_ERR_INVALID);
    assert_null(dispatcher.self);
    assert_int_equal(script.released, 1);

    assert_int_equal(
        optly_function_dispatcher_create(NULL, play, &script, release),
        OPTLY_ERR_INVALID);
    assert_int_equal(script.released, 2);

    failing_allocator_install(0);
    status =
        optly_function_dispatcher_create(&dispatcher, play, &script, release);
    assert_int_equal(failing_allocator_remove(), 0);
    assert_int_equal(status, OPTLY_ERR_NO_MEMORY);
    assert_int_equal(script.released, 3);
    assert_null(dispatcher.ops);
}

static void test_release_is_optional(void **state)
{
    optly_dispatcher dispatcher;

    (void)state;
    assert_int_equal(
        optly_function_dispatcher_create(&dispatcher, play, NULL, NULL),
        OPTLY_OK);
    optly_dispatcher_destroy(&dispatcher);
    assert_int_equal(
        optly_function_dispatcher_create(&dispatcher, NULL, NULL, NULL),
        OPTLY_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcome_returned_goes_before_the_one_written),
        cmocka_unit_test(test_unset_outcome_leaves_the_one_written),
        cmocka_unit_test(test_no_outcome_at_all_is_a_retry),
        cmocka_unit_test(test_release_runs_once_with_destroy),
        cmocka_unit_test(test_failed_create_releases_too),
        cmocka_unit_test(test_release_is_optional),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
