/* What goes over the wire, and over how many connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_is_exactly_as_promised),
        cmocka_unit_test(test_host_headers_agent_and_strict_are_added),
        cmocka_unit_test(test_large_body_is_sent_at_once_without_expect),
        cmocka_unit_test(test_missing_body_does_not_read_the_standard_input),
        cmocka_unit_test(test_fifty_requests_share_one_connection),
        cmocka_unit_test(test_never_more_connections_than_allowed),
        cmocka_unit_test(test_bad_endpoint_of_an_event_is_not_sent_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
