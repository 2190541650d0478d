/* Proxies: whose say it is, and what they may spoil. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/http_rig.h"

#define BODY "{\"visitors\":[{\"visitor_id\":\"v1\"}]}"

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
    rig.unread = true; /* the proxy reads it */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxy_variables_are_ignored_by_default),
        cmocka_unit_test(test_proxy_variables_count_on_demand_and_once),
        cmocka_unit_test(test_refusal_by_a_proxy_never_splits_the_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
