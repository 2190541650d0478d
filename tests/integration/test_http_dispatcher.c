#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fakes/http_rig.h"

#define BODY "{\"visitors\":[{\"visitor_id\":\"v1\"}]}"

static size_t count_lines(const char *head)
{
    size_t count = 0;

    for (; (head = strstr(head, "\r\n")) != NULL; head += 2)
        count++;
    return count;
}

/* Requires the head to have these lines and no others. */
static void expect_head(const raw_request *request, const char *const *lines,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char line[256];

        (void)snprintf(line, sizeof(line), "%s\r\n", lines[i]);
        if (strstr(request->head, line) == NULL)
            fail_msg("no \"%s\" in:\n%s", lines[i], request->head);
    }
    if (count_lines(request->head) != count + 1)
        fail_msg("more than expected in:\n%s", request->head);
}

static void test_request_is_exactly_as_promised(void **state)
{
    char host[64], length[64];
    const char *const lines[] = {
        "POST /v1/events HTTP/1.1",      host,
        "User-Agent: optly-event/0.1.0", "Content-Type: application/json",
        "Accept: application/json",      length};
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    (void)snprintf(host, sizeof(host), "Host: 127.0.0.1:%u",
                   (unsigned)raw_server_port(rig.server));
    (void)snprintf(length, sizeof(length), "Content-Length: %zu", strlen(BODY));

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    assert_int_equal(raw_server_requests(rig.server), 1);
    expect_head(raw_server_request(rig.server, 0), lines, 6);
    assert_string_equal(raw_server_request(rig.server, 0)->body, BODY);
    http_rig_stop(&rig);
}

static void test_host_headers_agent_and_strict_are_added(void **state)
{
    static const char *const own[] = {"X-Team: growth",
                                      "Authorization: Bearer a.b.c"};
    char host[64];
    const char *const lines[] = {"POST /v1/events HTTP/1.1",
                                 host,
                                 "User-Agent: host/2",
                                 "Content-Type: application/json",
                                 "Accept: application/json",
                                 "X-Optimizely-Strict: true",
                                 own[0],
                                 own[1],
                                 "Content-Length: 2"};
    optly_http_config config = optly_http_config_default();
    optly_log_event event;
    http_rig rig;

    (void)state;
    config.headers = own;
    config.header_count = 2;
    config.user_agent = "host/2";
    config.strict = true;
    http_rig_start(&rig, raw_answer_204, NULL, &config);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    (void)snprintf(host, sizeof(host), "Host: 127.0.0.1:%u",
                   (unsigned)raw_server_port(rig.server));

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    expect_head(raw_server_request(rig.server, 0), lines, 9);
    http_rig_stop(&rig);
}

static void test_large_body_is_sent_at_once_without_expect(void **state)
{
    enum { BIG = 3 << 20 };
    char *body = malloc(BIG + 1);
    optly_log_event event;
    http_rig rig;

    (void)state;
    memset(body, 'x', BIG);
    body[BIG] = '\0';
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), body);

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    assert_int_equal(raw_server_request(rig.server, 0)->body_len, BIG);
    assert_string_equal(raw_server_request(rig.server, 0)->body, body);
    assert_null(strstr(raw_server_request(rig.server, 0)->head, "Expect"));
    http_rig_stop(&rig);
    free(body);
}

static void test_missing_body_does_not_read_the_standard_input(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), "");
    event.body = NULL;

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    assert_int_equal(raw_server_request(rig.server, 0)->body_len, 0);
    http_rig_stop(&rig);
}

static void test_fifty_requests_share_one_connection(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);

    for (size_t i = 0; i < 50; i++)
        assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    assert_int_equal(raw_server_requests(rig.server), 50);
    assert_int_equal(raw_server_connections(rig.server), 1);
    http_rig_stop(&rig);
}

static void test_never_more_connections_than_allowed(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly_log_event event;
    http_rig rig;

    (void)state;
    config.max_connections = 2;
    http_rig_start(&rig, raw_answer_204, NULL, &config);
    event = fake_log_event(raw_server_url(rig.server), BODY);

    for (size_t i = 0; i < 100; i++)
        http_rig_dispatch(&rig, &event);

    assert_true(http_rig_drive(&rig, 100));
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(rig.deliveries.results[i].outcome, OPTLY_DELIVERED);
    assert_int_equal(raw_server_requests(rig.server), 100);
    assert_in_range(raw_server_connections(rig.server), 1, 2);
    http_rig_stop(&rig);
}

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

static void test_descriptors_are_back_after_destroy(void **state)
{
    size_t before = open_descriptors();
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    for (size_t i = 0; i < 20; i++)
        http_rig_dispatch(&rig, &event);
    assert_true(http_rig_drive(&rig, 20));
    assert_true(open_descriptors() > before);
    http_rig_stop(&rig);

    assert_int_equal(open_descriptors(), before);
}

/* Whether it is a socket of TCP that an exec would hand on. */
static bool is_inherited_connection(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
           address.ss_family == AF_INET &&
           (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
}

static void test_connections_are_not_inherited_by_programs(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    for (int fd = 0; fd < 256; fd++)
        assert_false(is_inherited_connection(fd));
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

static void expect_not_sent(const char *endpoint, const char *why)
{
    optly_log_event event = fake_log_event(endpoint, BODY);
    optly_dispatch_result result;
    http_rig rig;

    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    http_rig_dispatch(&rig, &event); /* completes within dispatch */
    assert_int_equal(fake_deliveries_completed(&rig.deliveries), 1);
    result = rig.deliveries.results[0];
    assert_int_equal(result.outcome, OPTLY_MISCONFIGURED);
    if (strstr(result.detail, why) == NULL)
        fail_msg("%s", result.detail);
    assert_null(strstr(result.detail, "secret"));
    http_rig_stop(&rig);
}

static void test_bad_endpoint_of_an_event_is_not_sent_to(void **state)
{
    (void)state;
    expect_not_sent("http://example.com/v1/events", "loopback");
    expect_not_sent("https://me:secret@example.com/", "user info");
    expect_not_sent("file:///etc/passwd", "https://");
    expect_not_sent("", "empty");
    expect_not_sent(NULL, "empty");
}

static void test_proxy_variables_are_ignored_by_default(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy",
                                        "all_proxy", "ALL_PROXY"};
    optly_log_event event;
    http_rig rig;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        (void)setenv(names[i], "http://127.0.0.1:1", 1);
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    http_rig_stop(&rig);
    for (size_t i = 0; i < 4; i++)
        (void)unsetenv(names[i]);
}

static void test_proxy_variables_count_on_demand_and_once(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly_log_event event = fake_log_event("http://origin.example/x", BODY);
    raw_server *proxy = raw_server_start(raw_answer_204, NULL);
    char address[64];
    http_rig rig;

    (void)state;
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u",
                   (unsigned)raw_server_port(proxy));
    (void)setenv("http_proxy", address, 1);
    config.use_env_proxy = config.allow_plaintext = true;
    http_rig_start(&rig, raw_answer_204, NULL, &config);
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("no_proxy", "*", 1);

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    assert_int_equal(raw_server_requests(proxy), 1);
    assert_non_null(strstr(raw_server_request(proxy, 0)->head,
                           "POST http://origin.example/x HTTP/1.1\r\n"));
    (void)unsetenv("http_proxy");
    (void)unsetenv("no_proxy");
    http_rig_stop(&rig);
    raw_server_stop(proxy);
}

static void refuse_tunnel(raw_connection *connection)
{
    if (raw_read_request(connection))
        (void)raw_send(connection, connection->user);
}

static optly_dispatch_result send_through(const char *answer)
{
    static const char *const own[] = {"Authorization: Bearer abc"};
    optly_http_config config = optly_http_config_default();
    optly_log_event event = fake_log_event("https://origin.example/x", BODY);
    char copy[256], address[128];
    raw_server *proxy;
    optly_dispatch_result result;
    http_rig rig;

    (void)snprintf(copy, sizeof(copy), "%s", answer);
    proxy = raw_server_start(refuse_tunnel, copy);
    (void)snprintf(address, sizeof(address), "http://me:secret@127.0.0.1:%u",
                   (unsigned)raw_server_port(proxy));
    config.proxy = address;
    config.headers = own;
    config.header_count = 1;
    http_rig_start(&rig, raw_answer_204, NULL, &config);

    result = http_rig_send(&rig, &event);

    assert_non_null(strstr(raw_server_request(proxy, 0)->head,
                           "CONNECT origin.example:443 HTTP/1.1\r\n"));
    assert_null(strstr(raw_server_request(proxy, 0)->head, "Bearer"));
    assert_null(strstr(result.detail, "secret"));
    http_rig_stop(&rig);
    raw_server_stop(proxy);
    return result;
}

static void test_refusal_by_a_proxy_never_splits_the_batch(void **state)
{
    optly_dispatch_result result;

    (void)state;
    result = send_through("HTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(result.outcome, OPTLY_MISCONFIGURED);
    assert_non_null(strstr(result.detail, "HTTP 407"));
    result = send_through("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(result.outcome, OPTLY_MISCONFIGURED);
    result = send_through("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(result.outcome, OPTLY_RETRY);
}

static void reset_while_reading(raw_connection *connection)
{
    char some[1000];

    if (raw_receive(connection, some, sizeof(some)))
        raw_reset(connection);
}

static void test_host_signals_stay_as_they_are(void **state)
{
    enum { BIG = 8 << 20 };
    char *body = malloc(BIG + 1);
    struct sigaction before, after;
    sigset_t mask_before, mask_after, pending;
    optly_log_event event;
    http_rig rig;

    (void)state;
    memset(body, 'x', BIG);
    body[BIG] = '\0';
    (void)sigaction(SIGPIPE, NULL, &before);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
    http_rig_start(&rig, reset_while_reading, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), body);

    /* The default action of SIGPIPE would end this process. */
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_RETRY);

    (void)sigaction(SIGPIPE, NULL, &after);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    assert_true(before.sa_handler == after.sa_handler);
    for (int number = 1; number < NSIG; number++)
        assert_int_equal(sigismember(&mask_before, number),
                         sigismember(&mask_after, number));
    (void)sigpending(&pending);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    http_rig_stop(&rig);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_are_not_inherited_by_programs),
        cmocka_unit_test(test_hanging_request_does_not_hold_up_others),
        cmocka_unit_test(test_request_is_exactly_as_promised),
        cmocka_unit_test(test_host_headers_agent_and_strict_are_added),
        cmocka_unit_test(test_large_body_is_sent_at_once_without_expect),
        cmocka_unit_test(test_missing_body_does_not_read_the_standard_input),
        cmocka_unit_test(test_fifty_requests_share_one_connection),
        cmocka_unit_test(test_never_more_connections_than_allowed),
        cmocka_unit_test(test_waiting_for_a_connection_costs_no_time),
        cmocka_unit_test(test_no_answer_ends_with_the_timeout),
        cmocka_unit_test(test_wake_before_poll_is_remembered),
        cmocka_unit_test(test_idle_poll_waits_out_its_timeout_without_spinning),
        cmocka_unit_test(test_wake_ends_a_poll_under_way),
        cmocka_unit_test(test_cancel_ends_a_hanging_request_at_once),
        cmocka_unit_test(test_cancel_from_another_thread_reaches_the_poll),
        cmocka_unit_test(test_cancel_takes_the_waiting_along_but_nothing_later),
        cmocka_unit_test(test_destroy_completes_what_is_under_way),
        cmocka_unit_test(test_descriptors_are_back_after_destroy),
        cmocka_unit_test(test_driver_need_not_be_the_creating_thread),
        cmocka_unit_test(test_bad_endpoint_of_an_event_is_not_sent_to),
        cmocka_unit_test(test_proxy_variables_are_ignored_by_default),
        cmocka_unit_test(test_proxy_variables_count_on_demand_and_once),
        cmocka_unit_test(test_refusal_by_a_proxy_never_splits_the_batch),
        cmocka_unit_test(test_host_signals_stay_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
