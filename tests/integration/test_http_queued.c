/* The HTTP dispatcher inside a queue dispatcher: it then runs blocking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/http_rig.h"
#include "dispatch/http_dispatcher.h"

/* Puts the rig's dispatcher into a queue dispatcher. */
static void queue_up(http_rig *rig, uint32_t threads)
{
    optly_queue_dispatcher_config config =
        optly_queue_dispatcher_config_default();

    config.threads = threads;
    assert_int_equal(optly_queue_dispatcher_create(
                         &rig->dispatcher, rig->dispatcher, &config, NULL),
                     OPTLY_OK);
}

static void test_threads_send_side_by_side_and_keep_connections(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    queue_up(&rig, 4);
    event = fake_log_event(raw_server_url(rig.server), "{}");

    for (size_t i = 0; i < 60; i++)
        http_rig_dispatch(&rig, &event);
    assert_true(fake_deliveries_wait(&rig.deliveries, 60, 10000));

    for (size_t i = 0; i < 60; i++)
        assert_int_equal(rig.deliveries.results[i].outcome, OPTLY_DELIVERED);
    assert_int_equal(raw_server_requests(rig.server), 60);
    assert_in_range(raw_server_connections(rig.server), 1, 4);
    http_rig_stop(&rig);
}

static void hang(raw_connection *connection)
{
    if (raw_read_request(connection))
        raw_hold(connection);
}

static void test_cancel_ends_all_that_hang(void **state)
{
    optly_log_event event;
    int64_t start;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, hang, NULL, NULL);
    queue_up(&rig, 3);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    for (size_t i = 0; i < 5; i++)
        http_rig_dispatch(&rig, &event);
    assert_true(raw_server_wait_requests(rig.server, 3, 10000));

    start = optly__monotonic_ms();
    rig.dispatcher.ops->cancel(rig.dispatcher.self);
    assert_true(fake_deliveries_wait(&rig.deliveries, 5, 10000));

    assert_in_range(optly__monotonic_ms() - start, 0, FAKE_SOON_MS);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rig.deliveries.results[i].outcome, OPTLY_CANCELLED);
    http_rig_stop(&rig);
}

static void
test_destroy_ends_what_hangs_and_gives_back_descriptors(void **state)
{
    size_t before = open_descriptors();
    optly_log_event event;
    int64_t start;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, hang, NULL, NULL);
    queue_up(&rig, 2);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    for (size_t i = 0; i < 3; i++)
        http_rig_dispatch(&rig, &event);
    assert_true(raw_server_wait_requests(rig.server, 2, 10000));

    start = optly__monotonic_ms();
    optly_dispatcher_destroy(&rig.dispatcher);

    assert_in_range(optly__monotonic_ms() - start, 0, FAKE_SOON_MS);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rig.deliveries.results[i].outcome, OPTLY_CANCELLED);
    http_rig_stop(&rig);
    assert_int_equal(open_descriptors(), before);
}

/* However far a call has got, destroy ends it before the event goes. */
static void test_events_may_go_as_soon_as_destroy_returns(void **state)
{
    raw_server *server = raw_server_start(hang, NULL);

    (void)state;
    for (size_t round = 0; round < 60; round++) {
        char *body = calloc(1, 20000);
        optly_log_event event;
        http_rig rig;

        memset(body, 'x', 19999);
        fake_deliveries_init(&rig.deliveries);
        assert_int_equal(
            optly_http_dispatcher_create(&rig.dispatcher, NULL, NULL),
            OPTLY_OK);
        queue_up(&rig, 2);
        event = fake_log_event(raw_server_url(server), body);
        for (size_t i = 0; i < 3; i++)
            http_rig_dispatch(&rig, &event);
        for (size_t i = 0; i < round; i++)
            (void)fake_deliveries_completed(&rig.deliveries);
        optly_dispatcher_destroy(&rig.dispatcher);

        free(body);
        assert_int_equal(fake_deliveries_completed(&rig.deliveries), 3);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(rig.deliveries.results[i].outcome,
                             OPTLY_CANCELLED);
        fake_deliveries_cleanup(&rig.deliveries);
    }
    raw_server_stop(server);
}

/* A call that begins after a cancel which meant it. */
static void test_a_call_cancelled_before_it_begins_sends_nothing(void **state)
{
    optly_dispatch_result result;
    optly_log_event event;
    uint64_t count;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    count = optly__http_cancel_count(rig.dispatcher.self);
    rig.dispatcher.ops->cancel(rig.dispatcher.self);
    optly__http_dispatch_blocking(rig.dispatcher.self, &event, count, &result);
    assert_int_equal(result.outcome, OPTLY_CANCELLED);
    assert_int_equal(raw_server_requests(rig.server), 0);
    http_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_send_side_by_side_and_keep_connections),
        cmocka_unit_test(test_cancel_ends_all_that_hang),
        cmocka_unit_test(
            test_destroy_ends_what_hangs_and_gives_back_descriptors),
        cmocka_unit_test(test_events_may_go_as_soon_as_destroy_returns),
        cmocka_unit_test(test_a_call_cancelled_before_it_begins_sends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
