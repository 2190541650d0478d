/* What servers do wrong, and what becomes of the batch. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dispatch/http_transfer.h"
#include "fakes/http_rig.h"
#include "fakes/process.h"

enum ending { CLOSE, RESET, HOLD };

struct fault {
    const char *name;
    bool ignore_request; /* answers, or ends, without reading it */
    const char *answer;
    enum ending ending;
    optly_outcome outcome;
    int http_status;
};

static void play_fault(raw_connection *connection)
{
    const struct fault *fault = connection->user;

    if (!fault->ignore_request && !raw_read_request(connection))
        return;
    (void)raw_send(connection, fault->answer);
    if (fault->ending == HOLD)
        raw_hold(connection);
    else if (fault->ending == RESET)
        raw_reset(connection);
}

static optly_http_config short_config(void)
{
    optly_http_config config = optly_http_config_default();

    config.timeout_ms = 250 * process_slowness();
    return config;
}

static void expect(const struct fault *fault, size_t count)
{
    optly_http_config config = short_config();

    for (; count > 0; count--, fault++) {
        optly_dispatch_result result;
        optly_log_event event;
        http_rig rig;

        http_rig_start(&rig, play_fault, (void *)(uintptr_t)fault, &config);
        event = fake_log_event(raw_server_url(rig.server), "{}");
        result = http_rig_send(&rig, &event);
        if (result.outcome != fault->outcome ||
            result.http_status != fault->http_status)
            fail_msg("%s: outcome %d, status %d: %s", fault->name,
                     (int)result.outcome, (int)result.http_status,
                     result.detail);
        assert_true(result.detail[0] != '\0');
        http_rig_stop(&rig);
    }
}

#define EXPECT(faults) expect(faults, sizeof(faults) / sizeof((faults)[0]))
#define EMPTY "Content-Length: 0\r\n\r\n"

static void test_whole_answers_are_judged_by_status(void **state)
{
    static const struct fault faults[] = {
        {"200", false, "HTTP/1.1 200 OK\r\n" EMPTY, CLOSE, OPTLY_DELIVERED,
         200},
        {"201", false, "HTTP/1.1 201 Made\r\n" EMPTY, CLOSE, OPTLY_DELIVERED,
         201},
        {"202", false, "HTTP/1.0 202 Yes\r\n\r\n", CLOSE, OPTLY_DELIVERED, 202},
        {"204", false, "HTTP/1.1 204 No\r\n\r\n", CLOSE, OPTLY_DELIVERED, 204},
        {"206", false, "HTTP/1.1 206 Part\r\n" EMPTY, CLOSE, OPTLY_DELIVERED,
         206},
        {"299", false, "HTTP/1.1 299 Odd\r\n" EMPTY, CLOSE, OPTLY_DELIVERED,
         299},
        {"no reason", false, "HTTP/1.1 204\r\n\r\n", CLOSE, OPTLY_DELIVERED,
         204},
        {"after 100", false,
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", CLOSE,
         OPTLY_DELIVERED, 204},
        {"400", false, "HTTP/1.1 400 Bad\r\n" EMPTY, CLOSE, OPTLY_REFUSED, 400},
        {"413", false, "HTTP/1.1 413 Big\r\n" EMPTY, CLOSE, OPTLY_REFUSED, 413},
        {"413 unread", true, "HTTP/1.1 413 Big\r\n" EMPTY, HOLD, OPTLY_REFUSED,
         413},
        {"401", false, "HTTP/1.1 401 Who\r\n" EMPTY, CLOSE, OPTLY_MISCONFIGURED,
         401},
        {"404", false, "HTTP/1.1 404 Where\r\n" EMPTY, CLOSE,
         OPTLY_MISCONFIGURED, 404},
        {"501", false, "HTTP/1.1 501 Cannot\r\n" EMPTY, CLOSE,
         OPTLY_MISCONFIGURED, 501},
        {"408", false, "HTTP/1.1 408 Late\r\n" EMPTY, CLOSE, OPTLY_RETRY, 408},
        {"500", false, "HTTP/1.1 500 Oops\r\n" EMPTY, CLOSE, OPTLY_RETRY, 500},
        {"503", false, "HTTP/1.1 503 Busy\r\n" EMPTY, CLOSE, OPTLY_RETRY, 503},
        {"599", false, "HTTP/1.1 599 Odd\r\n" EMPTY, CLOSE, OPTLY_RETRY, 599},
    };

    (void)state;
    EXPECT(faults);
}

static void test_broken_connections_are_retries(void **state)
{
    static const struct fault faults[] = {
        {"close at accept", true, "", CLOSE, OPTLY_RETRY, 0},
        {"reset at accept", true, "", RESET, OPTLY_RETRY, 0},
        {"close after request", false, "", CLOSE, OPTLY_RETRY, 0},
        {"reset after request", false, "", RESET, OPTLY_RETRY, 0},
        {"never answers", false, "", HOLD, OPTLY_RETRY, 0},
        {"nothing said", true, "", HOLD, OPTLY_RETRY, 0},
        {"cut status line", false, "HTTP/1.1 20", CLOSE, OPTLY_RETRY, 0},
        {"held status line", false, "HTTP/1.1 204", HOLD, OPTLY_RETRY, 0},
        {"only 100", false, "HTTP/1.1 100 Continue\r\n\r\n", HOLD, OPTLY_RETRY,
         0},
        {"only 103", false, "HTTP/1.1 103 Hints\r\n\r\n", CLOSE, OPTLY_RETRY,
         0},
    };

    (void)state;
    EXPECT(faults);
}

static void test_garbage_is_a_retry(void **state)
{
    static const struct fault faults[] = {
        {"binary", false, "\x16\x03\x01\xff\xfe\x01", CLOSE, OPTLY_RETRY, 0},
        {"HTTP/0.9", false, "<html>204</html>", CLOSE, OPTLY_RETRY, 0},
        {"ICY", false, "ICY 204 OK\r\n\r\n", CLOSE, OPTLY_RETRY, 0},
        {"version 7", false, "HTTP/7.1 204 OK\r\n\r\n", CLOSE, OPTLY_RETRY, 0},
        {"no number", false, "HTTP/1.1 abc OK\r\n\r\n", CLOSE, OPTLY_RETRY, 0},
        {"one digit", false, "HTTP/1.1 2\r\n\r\n", CLOSE, OPTLY_RETRY, 0},
        {"four digits", false, "HTTP/1.1 2040 OK\r\n\r\n", CLOSE, OPTLY_RETRY,
         0},
        {"status 000", false, "HTTP/1.1 000 Zero\r\n\r\n", CLOSE, OPTLY_RETRY,
         0},
        {"status 700", false, "HTTP/1.1 700 Odd\r\n" EMPTY, CLOSE, OPTLY_RETRY,
         0},
        {"SMTP", false, "220 mail ESMTP\r\n", CLOSE, OPTLY_RETRY, 0},
        {"CR in a name", false, "HTTP/1.1 101 Odd\r\na\rb: c\r\n\r\n", CLOSE,
         OPTLY_RETRY, 0},
    };

    (void)state;
    EXPECT(faults);
}

static void test_status_line_decides_when_the_rest_is_broken(void **state)
{
    static const struct fault faults[] = {
        {"short body", false, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
         CLOSE, OPTLY_DELIVERED, 200},
        {"held body", false, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
         HOLD, OPTLY_DELIVERED, 200},
        {"reset body", false, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
         RESET, OPTLY_DELIVERED, 200},
        {"bad chunk", false,
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", CLOSE,
         OPTLY_DELIVERED, 200},
        {"negative length", false,
         "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", CLOSE,
         OPTLY_DELIVERED, 200},
        {"huge length", false,
         "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
         CLOSE, OPTLY_DELIVERED, 200},
        {"held headers", false, "HTTP/1.1 204 No\r\nX-A: b\r\n", HOLD,
         OPTLY_DELIVERED, 204},
        {"false gzip", false,
         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
         "Content-Length: 3\r\n\r\nabc",
         CLOSE, OPTLY_DELIVERED, 200},
        {"503 held", false, "HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\n",
         HOLD, OPTLY_RETRY, 503},
        {"400 short", false, "HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n",
         CLOSE, OPTLY_REFUSED, 400},
    };

    (void)state;
    EXPECT(faults);
}

/* Counts what it could send before the client hung up. */
struct flood {
    const char *head, *piece;
    size_t sent;
};

static void send_for_ever(raw_connection *connection)
{
    struct flood *flood = connection->user;

    if (!raw_read_request(connection) || !raw_send(connection, flood->head))
        return;
    while (raw_send(connection, flood->piece))
        flood->sent += strlen(flood->piece);
}

static void test_endless_answers_are_cut_off_and_judged(void **state)
{
    static char piece[4097], header[4097], hint[] = "HTTP/1.1 103 Hint\r\n\r\n";
    struct {
        struct flood flood;
        optly_outcome outcome;
        int http_status;
    } cases[] = {
        {{"HTTP/1.1 204 No\r\n", header, 0}, OPTLY_DELIVERED, 204},
        {{"HTTP/1.1 200 OK\r\n\r\n", piece, 0}, OPTLY_DELIVERED, 200},
        {{"HTTP/1.1 503 Busy\r\n\r\n", piece, 0}, OPTLY_RETRY, 503},
        {{"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", piece, 0},
         OPTLY_DELIVERED,
         200},
        {{"", hint, 0}, OPTLY_RETRY, 0},
        {{"", piece, 0}, OPTLY_RETRY, 0},
    };

    (void)state;
    memset(piece, 'x', sizeof(piece) - 1);
    memset(header, 'h', sizeof(header) - 1);
    memcpy(header, "X-A: ", 5);
    memcpy(header + sizeof(header) - 3, "\r\n", 2);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        optly_http_config config = optly_http_config_default();
        optly_dispatch_result result;
        optly_log_event event;
        int64_t start = optly__monotonic_ms();
        http_rig rig;

        http_rig_start(&rig, send_for_ever, &cases[i].flood, &config);
        event = fake_log_event(raw_server_url(rig.server), "{}");
        result = http_rig_send(&rig, &event);
        http_rig_stop(&rig);

        assert_int_equal(result.outcome, cases[i].outcome);
        assert_int_equal(result.http_status, cases[i].http_status);
        /* Cut off by size, long before the timeout of 10 s. */
        assert_in_range(optly__monotonic_ms() - start, 0, 5000);
    }
}

static void drip(raw_connection *connection)
{
    if (!raw_read_request(connection) ||
        !raw_send(connection, connection->user))
        return;
    while (raw_pause(connection, 20) && raw_send(connection, "x"))
        ;
}

static void test_dripping_ends_with_the_timeout(void **state)
{
    static const struct {
        const char *head;
        optly_outcome outcome;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", OPTLY_DELIVERED},
        {"HTTP/1.1 500 No\r\nContent-Length: 99999\r\n\r\n", OPTLY_RETRY},
        {"HTTP/1.1 20", OPTLY_RETRY},
    };
    optly_http_config config = short_config();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        optly_log_event event;
        int64_t start, took;
        http_rig rig;

        http_rig_start(&rig, drip, (void *)(uintptr_t)cases[i].head, &config);
        event = fake_log_event(raw_server_url(rig.server), "{}");
        start = optly__monotonic_ms();
        assert_int_equal(http_rig_send(&rig, &event).outcome, cases[i].outcome);
        took = optly__monotonic_ms() - start;
        assert_in_range(took, 0, 2000);
        http_rig_stop(&rig);
    }
}

static void never_read(raw_connection *connection)
{
    (void)raw_pause(connection, 60000);
}

static void test_server_that_does_not_read_ends_with_the_timeout(void **state)
{
    enum { BIG = 16 << 20 };
    optly_http_config config = short_config();
    char *body = malloc(BIG + 1);
    optly_dispatch_result result;
    optly_log_event event;
    int64_t start;
    http_rig rig;

    (void)state;
    memset(body, 'x', BIG);
    body[BIG] = '\0';
    http_rig_start(&rig, never_read, NULL, &config);
    event = fake_log_event(raw_server_url(rig.server), body);

    start = optly__monotonic_ms();
    result = http_rig_send(&rig, &event);

    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_non_null(strstr(result.detail, "libcurl 28"));
    assert_in_range(optly__monotonic_ms() - start, 200, 2000);
    http_rig_stop(&rig);
    free(body);
}

enum { CROWD = 4 };

/* Listens, and fills the queue of those who wait to be accepted, so that the
 * next one to connect gets no answer. */
static int open_full_listener(int crowd[CROWD], uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len),
                     0);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(crowd[i], (struct sockaddr *)&address, len);
    }
    *port = ntohs(address.sin_port);
    return listener;
}

static void test_connect_without_an_answer_ends_with_its_timeout(void **state)
{
    optly_http_config config = optly_http_config_default();
    int crowd[CROWD], listener;
    optly_dispatch_result result;
    optly_log_event event;
    uint16_t port;
    char url[64];
    int64_t start;
    http_rig rig;

    (void)state;
    listener = open_full_listener(crowd, &port);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", (unsigned)port);
    config.connect_timeout_ms = 250;
    http_rig_start(&rig, raw_answer_204, NULL, &config);
    event = fake_log_event(url, "{}");

    start = optly__monotonic_ms();
    result = http_rig_send(&rig, &event);

    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_non_null(strstr(result.detail, "libcurl 28"));
    assert_in_range(optly__monotonic_ms() - start, 200, 2000);
    http_rig_stop(&rig);
    for (size_t i = 0; i < CROWD; i++)
        (void)close(crowd[i]);
    (void)close(listener);
}

static void redirect(raw_connection *connection)
{
    char answer[256];

    (void)snprintf(answer, sizeof(answer),
                   "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n",
                   (const char *)connection->user);
    while (raw_read_request(connection) && raw_send(connection, answer))
        ;
}

static void test_redirects_are_never_followed(void **state)
{
    static const char *const codes[] = {"301", "302", "303", "307", "308"};
    raw_server *target = raw_server_start(raw_answer_204, NULL);
    char own[200], file[] = "302 Go\r\nLocation: file:///etc/passwd",
                   gopher[] = "307 Go\r\nLocation: gopher://127.0.0.1:9/";
    char *answers[] = {own, file, gopher};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]) + 2; i++) {
        optly_dispatch_result result;
        optly_log_event event;
        http_rig rig;

        if (i < 5)
            (void)snprintf(own, sizeof(own), "%s Go\r\nLocation: %s", codes[i],
                           raw_server_url(target));
        http_rig_start(&rig, redirect, answers[i < 5 ? 0 : i - 4], NULL);
        event = fake_log_event(raw_server_url(rig.server), "{}");
        result = http_rig_send(&rig, &event);
        assert_int_equal(result.outcome, OPTLY_MISCONFIGURED);
        assert_in_range(result.http_status, 301, 308);
        assert_int_equal(raw_server_requests(rig.server), 1);
        http_rig_stop(&rig);
    }
    assert_int_equal(raw_server_connections(target), 0);
    raw_server_stop(target);
}

static int64_t wait_asked_by(const char *answer)
{
    struct fault fault = {"", false, answer, CLOSE, OPTLY_RETRY, 0};
    optly_dispatch_result result;
    optly_log_event event;
    http_rig rig;

    http_rig_start(&rig, play_fault, &fault, NULL);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    result = http_rig_send(&rig, &event);
    http_rig_stop(&rig);
    return result.retry_after_ms;
}

static void test_retry_after_comes_with_the_result(void **state)
{
    (void)state;
    assert_int_equal(
        wait_asked_by("HTTP/1.1 429 Many\r\nRetry-After: 7\r\n" EMPTY), 7000);
    assert_int_equal(
        wait_asked_by("HTTP/1.1 401 Who\r\nRetry-After: 7\r\n" EMPTY), 7000);
    assert_int_equal(
        wait_asked_by("HTTP/1.1 503 Busy\r\nRetry-After: 99999\r\n" EMPTY),
        600000);
    assert_int_equal(
        wait_asked_by("HTTP/1.1 503 Busy\r\n"
                      "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                      "Retry-After: Sun, 06 Nov 1994 08:49:57 GMT\r\n" EMPTY),
        20000);
    assert_int_equal(
        wait_asked_by("HTTP/1.1 400 Bad\r\nRetry-After: 7\r\n" EMPTY), 0);
    assert_int_equal(wait_asked_by("HTTP/1.1 204 No\r\nRetry-After: 7\r\n\r\n"),
                     0);
}

static void test_refused_and_unknown_addresses_are_retries(void **state)
{
    optly_http_config config = short_config();
    optly_log_event refused = fake_log_event("http://127.0.0.1:1/", "{}");
    optly_log_event unknown = fake_log_event("http://nope.invalid/", "{}");
    optly_dispatch_result result;
    http_rig rig;

    (void)state;
    config.allow_plaintext = true;
    config.timeout_ms = 5000;
    http_rig_start(&rig, raw_answer_204, NULL, &config);

    result = http_rig_send(&rig, &refused);
    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_non_null(strstr(result.detail, "libcurl 7"));
    result = http_rig_send(&rig, &unknown);
    assert_int_equal(result.outcome, OPTLY_RETRY);
    http_rig_stop(&rig);
}

static void answer_once(raw_connection *connection)
{
    if (raw_read_request(connection))
        (void)raw_send(connection, "HTTP/1.1 204 No\r\n\r\n");
}

static void test_connection_closed_while_idle_costs_nothing(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, answer_once, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), "{}");

    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
        assert_true(raw_server_wait_closed(rig.server, i + 1, 10000));
    }

    assert_int_equal(raw_server_requests(rig.server), 10);
    http_rig_stop(&rig);
}

static void test_every_libcurl_code_has_its_class(void **state)
{
    /* Of the machine's set-up; everything else may pass by itself. */
    static const int misconfigured[] = {3,  4,  43, 48, 53, 54,
                                        58, 59, 66, 77, 82, 98};
    size_t next = 0;

    (void)state;
    for (int code = 1; code < 200; code++) {
        bool listed = next < sizeof(misconfigured) / sizeof(int) &&
                      misconfigured[next] == code;

        assert_int_equal(optly__http_code_outcome(code),
                         listed ? OPTLY_MISCONFIGURED : OPTLY_RETRY);
        next += listed;
    }
    assert_int_equal(optly__http_code_outcome(-1), OPTLY_RETRY);
    assert_int_equal(optly__http_code_outcome(0), OPTLY_RETRY);
}

/* On one connection, so that libcurl reads both with what it kept. */
static void play_folded(raw_connection *connection)
{
    (void)(raw_read_request(connection) &&
           raw_send(connection, "HTTP/1.1 204 No\r\nX-Kept: value\r\n\r\n") &&
           raw_read_request(connection) &&
           raw_send(connection, "HTTP/1.1 204 No\r\n folded: value\r\n\r\n") &&
           raw_read_request(connection) &&
           raw_send(connection, "HTTP/1.1 204 No\r\n\r\n"));
}

/* Several libcurls use freed memory then, which a sanitizer's free shows, and
 * the C library's in most runs. */
static void test_first_header_may_begin_with_a_space(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, play_folded, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_rig_send(&rig, &event).http_status, 204);
    http_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_answers_are_judged_by_status),
        cmocka_unit_test(test_broken_connections_are_retries),
        cmocka_unit_test(test_garbage_is_a_retry),
        cmocka_unit_test(test_status_line_decides_when_the_rest_is_broken),
        cmocka_unit_test(test_endless_answers_are_cut_off_and_judged),
        cmocka_unit_test(test_dripping_ends_with_the_timeout),
        cmocka_unit_test(test_server_that_does_not_read_ends_with_the_timeout),
        cmocka_unit_test(test_connect_without_an_answer_ends_with_its_timeout),
        cmocka_unit_test(test_redirects_are_never_followed),
        cmocka_unit_test(test_retry_after_comes_with_the_result),
        cmocka_unit_test(test_refused_and_unknown_addresses_are_retries),
        cmocka_unit_test(test_connection_closed_while_idle_costs_nothing),
        cmocka_unit_test(test_first_header_may_begin_with_a_space),
        cmocka_unit_test(test_every_libcurl_code_has_its_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
