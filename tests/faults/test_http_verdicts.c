/*
 * What a server says of the events, on the whole way: redirects go nowhere, a
 * Retry-After is waited for, and of a refused batch only the events that are
 * to blame are dropped, at a known price.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/events.h"
#include "faults/http_way.h"
#include "platform/platform.h"

/* What a script looks at and counts. */
typedef struct judge {
    char location[128];
    atomic_uint requests, other_paths;
    bool (*is_bad)(int visitor);
    size_t most_bytes; /* a larger body is 413; 0: none is */
    const char *first; /* the answer to the first request */
    _Atomic int64_t first_ms, second_ms;
} judge;

static judge *judge_of(raw_connection *connection)
{
    return ((http_way *)connection->user)->user;
}

/* Takes a request and counts it. */
static bool take(raw_connection *connection, raw_request *request)
{
    static const char path[] = "POST /v1/events HTTP/1.1\r\n";
    judge *j = judge_of(connection);

    if (!http_way_take(connection, request))
        return false;
    (void)atomic_fetch_add(&j->requests, 1);
    if (strncmp(request->head, path, sizeof(path) - 1) != 0)
        (void)atomic_fetch_add(&j->other_paths, 1);
    return true;
}

/* Redirects the first three requests. */
static void redirect(raw_connection *connection)
{
    judge *j = judge_of(connection);
    raw_request request;
    char answer[256];

    while (take(connection, &request)) {
        if (atomic_load(&j->requests) > 3) {
            if (!http_way_deliver(connection, &request))
                return;
            continue;
        }
        raw_request_free(&request);
        (void)snprintf(answer, sizeof(answer),
                       "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", j->location);
        if (!raw_send(connection, answer))
            return;
    }
}

static void test_redirects_lead_nowhere(void **state)
{
    static const int codes[] = {301, 302, 303, 307, 308};
    raw_server *target = raw_server_start(raw_answer_204, NULL);
    unsigned port = raw_server_port(target);
    char targets[6][64] = {"file:///etc/passwd", "gopher://127.0.0.1:9/",
                           "/elsewhere"};
    int count = 0;

    (void)state;
    (void)snprintf(targets[3], 64, "http://127.0.0.1:%u/v1/events", port);
    (void)snprintf(targets[4], 64, "https://127.0.0.1:%u/v1/events", port);
    (void)snprintf(targets[5], 64, "http://localhost:%u/v1/events", port);
    for (size_t c = 0; c < 5; c++) {
        for (size_t t = 0; t < 7; t++, count++) {
            judge j = {0};
            uuid_sums sums;
            http_way way;

            http_way_init(&way, redirect, 100);
            way.user = &j;
            way.http.timeout_ms = 20000;
            way.config.max_in_flight = 1;
            (void)snprintf(j.location, sizeof(j.location),
                           "%d x\r\nLocation: %s", codes[c],
                           t < 6 ? targets[t] : raw_server_url(way.server));
            http_way_open(&way);
            http_way_add(&way, 0, 100);
            sums = http_way_close(&way);

            assert_int_equal(sums.delivered, 100);
            assert_int_equal(sums.repeats, 30);
            assert_int_equal(atomic_load(&j.requests), 13);
            assert_int_equal(atomic_load(&j.other_paths), 0);
            assert_int_equal(atomic_load(&way.errors), 1);
        }
    }
    assert_int_equal(raw_server_connections(target), 0);
    raw_server_stop(target);
    (void)printf("redirects: %d, 0 connections to their targets\n", count);
}

static void wait_as_asked(raw_connection *connection)
{
    judge *j = judge_of(connection);
    raw_request request;

    while (take(connection, &request)) {
        unsigned number = atomic_load(&j->requests);

        if (number == 2)
            atomic_store(&j->second_ms, optly__monotonic_ms());
        if (number > 1) {
            if (!http_way_deliver(connection, &request))
                return;
            continue;
        }
        raw_request_free(&request);
        atomic_store(&j->first_ms, optly__monotonic_ms());
        if (!raw_send(connection, j->first))
            return;
    }
}

/* Neither a flush nor other events go before the time. */
static void test_retry_after_is_waited_for(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 429 Many\r\nRetry-After: 0\r\nRetry-After: 1\r\n"
        "Retry-After: -5\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Retry-After: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
        "Content-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Where\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        judge j = {.first = answers[i]};
        int64_t waited;
        http_way way;

        http_way_init(&way, wait_as_asked, 100);
        way.user = &j;
        way.http.timeout_ms = 20000;
        way.config.max_in_flight = 1;
        http_way_open(&way);
        http_way_add(&way, 0, 10);
        while (http_way_stats(&way).retry_wait == 0)
            (void)optly_processor_flush(way.processor, 5);
        http_way_add(&way, 10, 30);
        assert_int_equal(optly_processor_flush(way.processor, 20), /* early */
                         OPTLY_ERR_TIMEOUT);
        assert_int_equal(http_way_close(&way).delivered, 40);
        waited = atomic_load(&j.second_ms) - atomic_load(&j.first_ms);
        assert_in_range(waited, 999, 20000);
    }
    (void)printf("Retry-After: %zu forms waited for\n",
                 sizeof(answers) / sizeof(answers[0]));
}

/* Whether a body holds a visitor that is bad. */
static bool holds_bad(const judge *j, const char *body)
{
    static const char mark[] = "\"visitor-";
    bool bad = false;

    for (const char *at = strstr(body, mark); at != NULL && !bad;
         at = strstr(at + 1, mark))
        bad = j->is_bad(atoi(at + sizeof(mark) - 1));
    return bad;
}

static void refuse(raw_connection *connection)
{
    judge *j = judge_of(connection);
    raw_request request;

    while (take(connection, &request)) {
        const char *answer = NULL;

        if (j->most_bytes > 0 && request.body_len > j->most_bytes)
            answer = "HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n";
        else if (j->is_bad != NULL && holds_bad(j, request.body))
            answer = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n";
        if (answer == NULL) {
            if (!http_way_deliver(connection, &request))
                return;
            continue;
        }
        raw_request_free(&request);
        if (!raw_send(connection, answer))
            return;
    }
}

static bool first_is_bad(int visitor)
{
    return visitor == 5;
}

static bool two_are_bad(int visitor)
{
    return visitor == 5 || visitor == 40;
}

static bool half_are_bad(int visitor)
{
    return visitor < 64 && visitor % 2 == 1;
}

static bool all_are_bad(int visitor)
{
    return visitor < 64;
}

static void test_only_the_events_to_blame_are_dropped(void **state)
{
    enum { BATCH = 64, LOG2 = 6, LATER = 200 };
    static const struct {
        bool (*is_bad)(int visitor);
        unsigned count;
    } cases[] = {{first_is_bad, 1},
                 {two_are_bad, 2},
                 {half_are_bad, BATCH / 2},
                 {all_are_bad, BATCH}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        judge j = {.is_bad = cases[i].is_bad};
        unsigned b = cases[i].count, extra;
        uuid_sums sums;
        http_way way;

        http_way_init(&way, refuse, BATCH + LATER);
        way.user = &j;
        way.http.timeout_ms = 20000;
        way.config.batch_size = BATCH;
        http_way_open(&way);
        http_way_add(&way, 0, BATCH);
        assert_int_equal(optly_processor_flush(way.processor, 60000),
                         OPTLY_ERR_DROPPED);
        extra = atomic_load(&j.requests) - 1;
        assert_in_range(extra, 2, 2 * b * LOG2 + 1);
        http_way_add(&way, BATCH, LATER);
        sums = http_way_close(&way);
        assert_int_equal(sums.dropped, b);
        assert_int_equal(sums.delivered, BATCH - b + LATER);
        (void)printf("400 for %u of %d events: %u extra requests, %u allowed\n",
                     b, BATCH, extra, 2 * b * LOG2 + 1);
    }
}

static void test_too_large_bodies_are_split_until_they_fit(void **state)
{
    enum { EVENTS = 1000, MOST = 2000 };
    judge j = {.most_bytes = MOST};
    optly_user_event *large;
    uuid_sums sums;
    http_way way;

    (void)state;
    http_way_init(&way, refuse, EVENTS + 1);
    way.user = &j;
    way.http.timeout_ms = 20000;
    http_way_open(&way);
    http_way_add(&way, 0, EVENTS / 2);
    large = fake_conversion_of_size(way.project, "large", MOST + 1000);
    uuid_ledger_accept(way.ledger, optly_user_event_uuid(large));
    assert_int_equal(optly_process_event(way.processor, large), OPTLY_OK);
    http_way_add(&way, EVENTS / 2, EVENTS / 2);
    sums = http_way_close(&way);

    assert_int_equal(sums.delivered, EVENTS);
    assert_int_equal(sums.dropped, 1);
    (void)printf("413 beyond %d bytes: %d events delivered, 1 dropped, %u "
                 "requests\n",
                 MOST, EVENTS, atomic_load(&j.requests));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redirects_lead_nowhere),
        cmocka_unit_test(test_retry_after_is_waited_for),
        cmocka_unit_test(test_only_the_events_to_blame_are_dropped),
        cmocka_unit_test(test_too_large_bodies_are_split_until_they_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
