/* poll, wake, cancel and destroy, and how long they take. */
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fakes/http_rig.h"
#include "fakes/child.h"

#define BODY "{\"visitors\":[{\"visitor_id\":\"v1\"}]}"

static void answer_slowly(raw_connection *connection)
{
    while (raw_read_request(connection) && raw_pause(connection, 150) &&
           raw_send(connection, "HTTP/1.1 204 No Content\r\n\r\n"))
        ;
}

static void test_waiting_for_a_connection_costs_no_time(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly_log_event event;
    http_rig rig;

    (void)state;
    config.max_connections = 1;
    config.timeout_ms = 600; /* the last one waits 1,050 ms before its turn */
    http_rig_start(&rig, answer_slowly, NULL, &config);
    event = fake_log_event(raw_server_url(rig.server), BODY);

    for (size_t i = 0; i < 8; i++)
        http_rig_dispatch(&rig, &event);

    assert_true(http_rig_drive(&rig, 8));
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(rig.deliveries.results[i].outcome, OPTLY_DELIVERED);
    http_rig_stop(&rig);
}

static void hang(raw_connection *connection)
{
    if (raw_read_request(connection))
        raw_hold(connection);
}

static void test_no_answer_ends_with_the_timeout(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly_dispatch_result result;
    optly_log_event event;
    int64_t start, took;
    http_rig rig;

    (void)state;
    config.timeout_ms = 200;
    http_rig_start(&rig, hang, NULL, &config);
    event = fake_log_event(raw_server_url(rig.server), BODY);

    start = optly__monotonic_ms();
    result = http_rig_send(&rig, &event);
    took = optly__monotonic_ms() - start;

    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_int_equal(result.http_status, 0);
    assert_non_null(strstr(result.detail, "libcurl 28"));
    assert_in_range(took, 190, 2000);
    http_rig_stop(&rig);
}

static void test_wake_before_poll_is_remembered(void **state)
{
    int64_t start;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);

    start = optly__monotonic_ms();
    rig.dispatcher.ops->wake(rig.dispatcher.self);
    rig.dispatcher.ops->poll(rig.dispatcher.self, 20000);

    assert_in_range(optly__monotonic_ms() - start, 0, 5000);
    http_rig_stop(&rig);
}

static void test_idle_poll_waits_out_its_timeout_without_spinning(void **state)
{
    struct timespec before, after;
    optly_log_event event;
    int64_t start;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    (void)http_rig_send(&rig, &event); /* leaves an idle connection */
    rig.dispatcher.ops->poll(rig.dispatcher.self, 0);

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    start = optly__monotonic_ms();
    rig.dispatcher.ops->poll(rig.dispatcher.self, 300);
    assert_in_range(optly__monotonic_ms() - start, 290, 5000);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);

    assert_true((after.tv_sec - before.tv_sec) * 1000 +
                    (after.tv_nsec - before.tv_nsec) / 1000000 <
                100);
    http_rig_stop(&rig);
}

static void wake_from_here(void *argument)
{
    http_rig *rig = argument;

    rig->dispatcher.ops->wake(rig->dispatcher.self);
}

static void cancel_from_here(void *argument)
{
    http_rig *rig = argument;

    rig->dispatcher.ops->cancel(rig->dispatcher.self);
}

/* Has one request reach the server, which does not answer. */
static void send_into_the_void(http_rig *rig, const optly_log_event *event)
{
    http_rig_dispatch(rig, event);
    while (raw_server_requests(rig->server) == 0)
        rig->dispatcher.ops->poll(rig->dispatcher.self, 5);
}

/* Polls without a timeout beside a thread that runs `act`; returns the ms. */
static int64_t poll_beside(http_rig *rig, void (*act)(void *rig))
{
    int64_t start = optly__monotonic_ms();
    optly__thread thread;

    assert_true(optly__thread_start(&thread, act, rig, 0, "beside"));
    rig->dispatcher.ops->poll(rig->dispatcher.self, -1);
    optly__thread_join(&thread);
    return optly__monotonic_ms() - start;
}

static void test_wake_ends_a_poll_under_way(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, hang, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    send_into_the_void(&rig, &event);

    assert_in_range(poll_beside(&rig, wake_from_here), 0, 2000);

    assert_int_equal(fake_deliveries_completed(&rig.deliveries), 0);
    http_rig_stop(&rig);
}

static void test_cancel_ends_a_hanging_request_at_once(void **state)
{
    optly_log_event event;
    int64_t start;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, hang, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    send_into_the_void(&rig, &event);

    start = optly__monotonic_ms();
    rig.dispatcher.ops->cancel(rig.dispatcher.self);
    rig.dispatcher.ops->poll(rig.dispatcher.self, -1);

    assert_int_equal(fake_deliveries_completed(&rig.deliveries), 1);
    assert_int_equal(rig.deliveries.results[0].outcome, OPTLY_CANCELLED);
    assert_in_range(optly__monotonic_ms() - start, 0, FAKE_SOON_MS);
    http_rig_stop(&rig);
}

static void test_cancel_from_another_thread_reaches_the_poll(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, hang, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    send_into_the_void(&rig, &event);

    assert_in_range(poll_beside(&rig, cancel_from_here), 0, 2000);

    assert_int_equal(rig.deliveries.results[0].outcome, OPTLY_CANCELLED);
    http_rig_stop(&rig);
}

static void hang_once(raw_connection *connection)
{
    if (connection->number == 0)
        hang(connection);
    else
        raw_answer_204(connection);
}

static void test_hanging_request_does_not_hold_up_others(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, hang_once, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    for (size_t i = 0; i < 8; i++)
        http_rig_dispatch(&rig, &event);

    assert_true(
        fake_deliveries_drive(&rig.deliveries, rig.dispatcher, 7, 5000));

    assert_int_equal(fake_deliveries_completed(&rig.deliveries), 7);
    http_rig_stop(&rig);
}

static void test_cancel_takes_the_waiting_along_but_nothing_later(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly_log_event event;
    http_rig rig;

    (void)state;
    config.max_connections = 1;
    http_rig_start(&rig, hang_once, NULL, &config);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    for (size_t i = 0; i < 3; i++)
        http_rig_dispatch(&rig, &event);
    while (raw_server_requests(rig.server) == 0)
        rig.dispatcher.ops->poll(rig.dispatcher.self, 5);

    rig.dispatcher.ops->cancel(rig.dispatcher.self);
    http_rig_dispatch(&rig, &event);
    assert_true(http_rig_drive(&rig, 4));

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rig.deliveries.results[i].outcome, OPTLY_CANCELLED);
    assert_int_equal(rig.deliveries.results[3].outcome, OPTLY_DELIVERED);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rig.deliveries.completions[i], 1);
    http_rig_stop(&rig);
}

static void test_destroy_completes_what_is_under_way(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly_log_event event;
    http_rig rig;

    (void)state;
    config.max_connections = 1;
    http_rig_start(&rig, hang, NULL, &config);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    http_rig_dispatch(&rig, &event);
    http_rig_dispatch(&rig, &event);
    rig.dispatcher.ops->poll(rig.dispatcher.self, 0);

    optly_dispatcher_destroy(&rig.dispatcher);

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig.deliveries.completions[i], 1);
        assert_int_equal(rig.deliveries.results[i].outcome, OPTLY_CANCELLED);
    }
    http_rig_stop(&rig);
}

static void drive_from_here(void *argument)
{
    http_rig *rig = argument;
    optly_log_event event = fake_log_event(raw_server_url(rig->server), BODY);

    (void)http_rig_send(rig, &event);
}

static void test_driver_need_not_be_the_creating_thread(void **state)
{
    optly__thread thread;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);

    assert_true(
        optly__thread_start(&thread, drive_from_here, &rig, 0, "driver"));
    optly__thread_join(&thread);

    assert_int_equal(rig.deliveries.results[0].outcome, OPTLY_DELIVERED);
    http_rig_stop(&rig);
}

/* Without malloc, whose locks a sanitizer may leave held in a child. */
static int count_open(void)
{
    int count = 0;

    for (int descriptor = 0; descriptor < 256; descriptor++)
        count += fcntl(descriptor, F_GETFD) != -1;
    return count;
}

/* In its child the connections are the parent's: destroy leaves them open. */
static void test_a_forked_child_leaves_the_connections(void **state)
{
    optly_log_event event;
    int status = -1;
    http_rig rig;
    pid_t child;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
    child = fork();
    if (child == 0) {
        int before = count_open();

        optly_dispatcher_destroy(&rig.dispatcher);
        fake_leave_child(count_open() == before ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
    assert_int_equal(raw_server_connections(rig.server), 1);
    http_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting_for_a_connection_costs_no_time),
        cmocka_unit_test(test_no_answer_ends_with_the_timeout),
        cmocka_unit_test(test_wake_before_poll_is_remembered),
        cmocka_unit_test(test_idle_poll_waits_out_its_timeout_without_spinning),
        cmocka_unit_test(test_wake_ends_a_poll_under_way),
        cmocka_unit_test(test_cancel_ends_a_hanging_request_at_once),
        cmocka_unit_test(test_cancel_from_another_thread_reaches_the_poll),
        cmocka_unit_test(test_hanging_request_does_not_hold_up_others),
        cmocka_unit_test(test_cancel_takes_the_waiting_along_but_nothing_later),
        cmocka_unit_test(test_destroy_completes_what_is_under_way),
        cmocka_unit_test(test_driver_need_not_be_the_creating_thread),
        cmocka_unit_test(test_a_forked_child_leaves_the_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
