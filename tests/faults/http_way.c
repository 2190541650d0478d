#include "faults/http_way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/events.h"

static void count_line(optly_log_level level, const char *message, void *user)
{
    http_way *way = user;

    if (level >= OPTLY_LOG_WARNING && way->first_trouble[0] == '\0')
        (void)snprintf(way->first_trouble, sizeof(way->first_trouble), "%s",
                       message);
    if (level == OPTLY_LOG_ERROR)
        (void)atomic_fetch_add(&way->errors, 1);
    else if (level == OPTLY_LOG_WARNING)
        (void)atomic_fetch_add(&way->warnings, 1);
}

void http_way_init(http_way *way, raw_script script, size_t capacity)
{
    memset(way, 0, sizeof(*way));
    way->project = fake_project();
    way->ledger = uuid_ledger_create(capacity);
    way->server = raw_server_start(script, way);
    way->http = optly_http_config_default();
    way->http.timeout_ms = 300;
    way->config = optly_processor_config_default();
    way->config.batch_size = 10;
    way->config.queue_size = (uint32_t)capacity;
    way->config.retry_initial_ms = 2;
    way->config.retry_max_ms = 4;
    way->config.endpoint = raw_server_url(way->server);
    way->config.log = count_line;
    way->config.log_user = way;
}

void http_way_open(http_way *way)
{
    optly_error err = {OPTLY_OK, ""};

    way->config.http = &way->http;
    if (optly_processor_create(&way->processor, &way->config, &err) != OPTLY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(optly_processor_on_delivery(
                         way->processor, uuid_ledger_report, way->ledger, NULL),
                     OPTLY_OK);
    assert_int_equal(optly_processor_start(way->processor), OPTLY_OK);
}

void http_way_add(http_way *way, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        optly_user_event *event;
        char visitor[32];

        (void)snprintf(visitor, sizeof(visitor), "visitor-%d.", i);
        event = i % 2 ? fake_impression(way->project, visitor)
                      : fake_conversion(way->project, visitor);
        uuid_ledger_accept(way->ledger, optly_user_event_uuid(event));
        assert_int_equal(optly_process_event(way->processor, event), OPTLY_OK);
    }
}

optly_stats http_way_stats(http_way *way)
{
    optly_stats s = optly_stats_default();
    uint64_t rejected = 0, dropped = 0;

    assert_int_equal(optly_processor_stats(way->processor, &s), OPTLY_OK);
    for (int i = 0; i < OPTLY_REASON_SLOTS; i++) {
        rejected += s.rejected[i];
        dropped += s.dropped[i];
    }
    assert_int_equal(s.attempted, s.accepted + rejected);
    assert_int_equal(s.accepted, s.delivered + dropped + s.pending);
    assert_int_equal(s.pending, s.queued + s.in_flight + s.retry_wait);
    return s;
}

uuid_sums http_way_close(http_way *way)
{
    optly_close_report report = optly_close_report_default();
    optly_stats stats;
    uuid_sums sums;

    assert_int_equal(optly_processor_close(way->processor, 60000, &report),
                     OPTLY_OK);
    stats = http_way_stats(way);
    optly_processor_destroy(way->processor);
    raw_server_stop(way->server);
    uuid_ledger_check(way->ledger);
    sums = uuid_ledger_sums(way->ledger);
    assert_int_equal(stats.accepted, sums.accepted);
    assert_int_equal(stats.delivered, sums.delivered);
    assert_int_equal(report.delivered, sums.delivered);
    assert_int_equal(report.dropped, sums.dropped);
    assert_int_equal(report.pending, 0);
    uuid_ledger_destroy(way->ledger);
    optly_project_destroy(way->project);
    return sums;
}

bool http_way_take(raw_connection *connection, raw_request *request)
{
    http_way *way = connection->user;

    if (!raw_take_request(connection, request))
        return false;
    (void)uuid_ledger_see(way->ledger, request->body);
    return true;
}

bool http_way_deliver(raw_connection *connection, raw_request *request)
{
    http_way *way = connection->user;

    uuid_ledger_acknowledge(way->ledger, request->body);
    raw_request_free(request);
    return raw_send(connection, "HTTP/1.1 204 No Content\r\n\r\n");
}
