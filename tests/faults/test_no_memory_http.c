/*
 * Every allocation fails while events go out by HTTP, libcurl's own included,
 * which gets the failing allocator at its start. What it says of that is a
 * named error at create and a retry later; nothing is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "fakes/failing_allocator.h"
#include "faults/http_stand.h"

static void send_by(fault_point *point, http_plan p, optly_http_config config,
                    unsigned dropped)
{
    raw_server *server;
    stand s;

    http_stand_init(&s);
    server = http_stand_open(&s, &p, &config);
    stand_add_many(&s, 0, 15);
    http_stand_send(&s, point);
    stand_finish(&s, dropped);
    raw_server_stop(server);
}

static void create(fault_point *point)
{
    optly_http_config config = http_stand_config();
    optly_dispatcher dispatcher = {NULL, NULL};
    optly_error err = {OPTLY_OK, ""};
    optly_status status;

    config.proxy = "http://proxy.example:3128";
    config.ca_path = "/tmp";
    config.gzip_level = 0;
    fault_begin(point);
    status = optly_http_dispatcher_create(&dispatcher, &config, &err);
    fault_end(point);

    /* A handle without memory for its wake-up has none to wake with. */
    if (status != OPTLY_ERR_IO)
        fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    assert_int_equal(err.status, status);
    assert_int_equal(err.message[0] == '\0', status == OPTLY_OK);
    assert_int_equal(dispatcher.ops == NULL, status != OPTLY_OK);
    optly_dispatcher_destroy(&dispatcher);
}

static void deliver(fault_point *point)
{
    send_by(point, (http_plan){0}, http_stand_config(), 0);
}

static void retry(fault_point *point)
{
    http_plan p = {.failures = 3,
                   .failure = "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\n"
                              "Content-Length: 3\r\n\r\nabc"};

    send_by(point, p, http_stand_config(), 0);
}

static void bisect(fault_point *point)
{
    send_by(point, (http_plan){.refuses_7 = true}, http_stand_config(), 1);
}

static void reconnect(fault_point *point)
{
    send_by(point, (http_plan){.failures = 1, .hangs_up = true},
            http_stand_config(), 0);
}

/* The proxy is the server; nobody listens at the endpoint. */
static void by_proxy(fault_point *point)
{
    optly_http_config config = http_stand_config();
    http_plan p = {0};
    raw_server *proxy = raw_server_start(http_plan_serve, &p);
    char url[64];
    stand s;

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u",
                   (unsigned)raw_server_port(proxy));
    config.proxy = url;
    http_stand_init(&s);
    optly_dispatcher_destroy(&s.config.dispatcher);
    s.config.http = &config;
    s.config.endpoint = "http://127.0.0.1:1/events";
    stand_open(&s);
    stand_add_many(&s, 0, 15);
    http_stand_send(&s, point);
    stand_finish(&s, 0);
    raw_server_stop(proxy);
}

#if defined(OPTLY_WITH_ZLIB)
static void deliver_zipped(fault_point *point)
{
    optly_http_config config = http_stand_config();

    config.gzip_level = 6;
    send_by(point, (http_plan){0}, config, 0);
}
#endif

/* Each thread of the queue dispatcher has a handle of its own. */
static void deliver_by_threads(fault_point *point)
{
    optly_http_config config = http_stand_config();
    optly_dispatcher inner;
    http_plan p = {0};
    raw_server *server = raw_server_start(http_plan_serve, &p);
    stand s;

    http_stand_init(&s);
    optly_dispatcher_destroy(&s.config.dispatcher);
    assert_int_equal(optly_http_dispatcher_create(&inner, &config, NULL),
                     OPTLY_OK);
    assert_int_equal(
        optly_queue_dispatcher_create(&s.config.dispatcher, inner, NULL, NULL),
        OPTLY_OK);
    s.config.endpoint = raw_server_url(server);
    stand_open(&s);
    stand_add_many(&s, 0, 15);
    http_stand_send(&s, point);
    stand_finish(&s, 0);
    raw_server_stop(server);
}

/* What hangs is cancelled, and dropped by name. */
static void close_while_it_hangs(fault_point *point)
{
    optly_http_config config = http_stand_config();
    optly_close_report report = optly_close_report_default();
    http_plan p = {.never_answers = true};
    raw_server *server;
    stand s;

    http_stand_init(&s);
    server = http_stand_open(&s, &p, &config);
    stand_add_many(&s, 0, 15);
    fault_begin(point);
    assert_int_equal(optly_processor_run_once(s.processor, 2), OPTLY_OK);
    assert_int_equal(optly_processor_close(s.processor, 2, &report),
                     OPTLY_ERR_TIMEOUT);
    fault_end(point);

    assert_int_equal(report.dropped, 15);
    assert_int_equal(atomic_load(&s.dropped[OPTLY_DROP_CLOSED]), 15);
    stand_check_books(&s);
    stand_cleanup(&s);
    raw_server_stop(server);
}

static void test_no_event_is_lost_by_http(void **state)
{
    static const struct {
        const char *name;
        fault_scenario run;
    } scenarios[] = {
        {"http: create", create},
        {"http: deliver", deliver},
        {"http: retry", retry},
        {"http: bisect", bisect},
        {"http: reconnect", reconnect},
        {"http: by a proxy", by_proxy},
#if defined(OPTLY_WITH_ZLIB)
        {"http: gzip", deliver_zipped},
#endif
        {"http: by threads", deliver_by_threads},
        {"http: close while it hangs", close_while_it_hangs},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        (void)fault_run(&fault_memory, scenarios[i].name, scenarios[i].run);
    fault_print_total("allocations, HTTP and libcurl");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_event_is_lost_by_http),
    };
    int failures;

    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, failing_allocator_malloc,
                             failing_allocator_free, failing_allocator_realloc,
                             failing_allocator_strdup,
                             failing_allocator_calloc) != CURLE_OK)
        return 1;
    failures = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failing_allocator_remove() == 0 ? failures : 1;
}
