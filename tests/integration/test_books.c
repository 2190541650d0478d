/*
 * A processor and a server that answers badly in every way, byte by byte: the
 * books balance all the while, and at the end what the server has read is what
 * was accepted, delivered and dropped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/auditor.h"
#include "fakes/events.h"
#include "fakes/raw_server.h"

enum { EVENTS = 200, PATIENCE_MS = 30000 };

#define EMPTY "Content-Length: 0\r\n\r\n"

/* What every second request gets. */
typedef struct misdeed {
    const char *name, *answer;
    bool reset, closes;
} misdeed;

typedef struct service {
    const misdeed *deed; /* NULL: it never answers */
    atomic_uint requests;
} service;

typedef struct books {
    raw_server *server;
    service service;
    optly_project *project;
    optly_processor *processor;
    auditor *auditor;
} books;

/* False: the connection is over. */
static bool misbehave(raw_connection *connection, const misdeed *deed)
{
    if (deed->reset) {
        raw_reset(connection);
        return false;
    }
    return raw_send(connection, deed->answer) && !deed->closes;
}

static void serve(raw_connection *connection)
{
    service *s = connection->user;
    bool goes_on = true;

    while (goes_on && raw_read_request(connection)) {
        if (s->deed == NULL)
            raw_hold(connection);
        else if (atomic_fetch_add(&s->requests, 1) % 2 == 0)
            goes_on = misbehave(connection, s->deed);
        else
            goes_on = raw_send(connection, "HTTP/1.1 204 No Content\r\n\r\n");
    }
}

static void open_books(books *b, const misdeed *deed)
{
    optly_processor_config config = optly_processor_config_default();
    optly_http_config http = optly_http_config_default();

    memset(b, 0, sizeof(*b));
    b->service.deed = deed;
    b->server = raw_server_start(serve, &b->service);
    b->project = fake_project();
    b->auditor = auditor_create();
    http.timeout_ms = 2000;
    config.http = &http;
    config.endpoint = raw_server_url(b->server);
    config.retry_initial_ms = 1;
    config.retry_max_ms = 5;
    assert_int_equal(optly_processor_create(&b->processor, &config, NULL),
                     OPTLY_OK);
    auditor_watch(b->auditor, b->processor);
    assert_int_equal(optly_processor_start(b->processor), OPTLY_OK);
}

static void hand_over(books *b, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(
            auditor_offer(b->auditor, fake_conversion(b->project, "v")),
            OPTLY_OK);
}

/* Also of requests that were never answered. */
static void close_books(books *b)
{
    size_t count;

    auditor_rest(b->auditor);
    optly_processor_destroy(b->processor);
    count = raw_server_requests(b->server);
    for (size_t i = 0; i < count; i++) {
        const raw_request *request = raw_server_request(b->server, i);

        auditor_see(b->auditor, request->body, request->body_len);
    }
    auditor_check(b->auditor);
    auditor_destroy(b->auditor);
    raw_server_stop(b->server);
    optly_project_destroy(b->project);
}

static void test_whatever_fails_is_delivered_in_the_end(void **state)
{
    static const misdeed misdeeds[] = {
        {"500", "HTTP/1.1 500 Error\r\n" EMPTY, false, false},
        {"503", "HTTP/1.1 503 Busy\r\n" EMPTY, false, true},
        {"429", "HTTP/1.1 429 Slowly\r\nRetry-After: 0\r\n" EMPTY, false,
         false},
        {"408", "HTTP/1.1 408 Late\r\n" EMPTY, false, true},
        {"404", "HTTP/1.1 404 Where\r\n" EMPTY, false, false},
        {"302", "HTTP/1.1 302 There\r\nLocation: /x\r\n" EMPTY, false, false},
        {"199", "HTTP/1.1 100 Go on\r\n\r\n", false, true},
        {"nothing", "", false, true},
        {"reset", "", true, true},
        {"half a line", "HTTP/1.1 2", false, true},
        {"garbage", "\x16\x03\x01\x02\r\n\r\n", false, true},
        {"another protocol", "220 mail ready\r\n", false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(misdeeds) / sizeof(*misdeeds); i++) {
        optly_close_report report = optly_close_report_default();
        books b;

        open_books(&b, &misdeeds[i]);
        hand_over(&b, EVENTS);
        if (optly_processor_close(b.processor, PATIENCE_MS, &report) !=
            OPTLY_OK)
            fail_msg("%s: %d delivered, %d dropped", misdeeds[i].name,
                     (int)report.delivered, (int)report.dropped);
        assert_int_equal(report.delivered, EVENTS);
        close_books(&b);
    }
}

static void test_what_is_refused_is_dropped_alone(void **state)
{
    static const misdeed refusal = {"400", "HTTP/1.1 400 Bad\r\n" EMPTY, false,
                                    false};
    optly_stats stats = optly_stats_default();
    books b;

    (void)state;
    open_books(&b, &refusal);
    hand_over(&b, EVENTS);
    assert_int_equal(optly_processor_close(b.processor, PATIENCE_MS, NULL),
                     OPTLY_OK);
    assert_int_equal(optly_processor_stats(b.processor, &stats), OPTLY_OK);
    assert_int_equal(stats.delivered + stats.dropped[OPTLY_DROP_REFUSED],
                     EVENTS);
    assert_true(stats.delivered > 0);
    close_books(&b);
}

static void test_what_close_drops_was_not_delivered(void **state)
{
    optly_close_report report = optly_close_report_default();
    books b;

    (void)state;
    open_books(&b, NULL);
    hand_over(&b, EVENTS);
    assert_true(raw_server_wait_requests(b.server, 1, PATIENCE_MS));
    assert_int_equal(optly_processor_close(b.processor, 20, &report),
                     OPTLY_ERR_TIMEOUT);
    assert_int_equal(report.delivered, 0);
    assert_int_equal(report.dropped + report.pending, EVENTS);
    close_books(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whatever_fails_is_delivered_in_the_end),
        cmocka_unit_test(test_what_is_refused_is_dropped_alone),
        cmocka_unit_test(test_what_close_drops_was_not_delivered),
    };

    return cmocka_run_group_tests_name("books", tests, NULL, NULL);
}
