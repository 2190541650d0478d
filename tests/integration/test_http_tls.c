#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/http_rig.h"
#include "tls_peer.h"

enum { DAY_S = 86400 };

static tls_identity authority, stranger;
static char *authority_pem;

static int make_authorities(void **state)
{
    (void)state;
    authority = tls_identity_create(NULL, -DAY_S, DAY_S, NULL);
    stranger = tls_identity_create(NULL, -DAY_S, DAY_S, NULL);
    authority_pem = tls_identity_pem(&authority, false);
    return 0;
}

static int destroy_authorities(void **state)
{
    (void)state;
    free(authority_pem);
    tls_identity_destroy(&authority);
    tls_identity_destroy(&stranger);
    return 0;
}

static optly_http_config trusting_config(void)
{
    optly_http_config config = optly_http_config_default();

    config.ca_blob = authority_pem;
    config.ca_blob_len = strlen(authority_pem);
    config.timeout_ms = 5000;
    return config;
}

/* The server's URL with another scheme. */
static const char *url_of(const http_rig *rig, const char *scheme,
                          const char *host)
{
    static char url[128];

    (void)snprintf(url, sizeof(url), "%s://%s:%u/v1/events", scheme, host,
                   (unsigned)raw_server_port(rig->server));
    return url;
}

/* Sends `count` events to a server that is `identity`. */
static optly_dispatch_result send_to(const tls_identity *identity,
                                     const optly_http_config *config,
                                     size_t count, size_t *bytes,
                                     size_t *connections)
{
    optly_dispatch_result result = optly_dispatch_result_default();
    optly_log_event event;
    tls_peer peer;
    http_rig rig;

    tls_peer_init(&peer, identity, NULL);
    http_rig_start(&rig, tls_peer_serve, &peer, config);
    rig.unread = true;
    event = fake_log_event(url_of(&rig, "https", "127.0.0.1"), "{\"a\":1}");
    for (; count > 0; count--)
        result = http_rig_send(&rig, &event);
    *connections = raw_server_connections(rig.server);
    http_rig_stop(&rig);
    *bytes = atomic_load(&peer.bytes);
    tls_peer_cleanup(&peer);
    return result;
}

static void test_trusted_server_gets_all_on_one_connection(void **state)
{
    tls_identity identity =
        tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    optly_http_config config = trusting_config();
    size_t bytes, connections;

    (void)state;
    assert_int_equal(
        send_to(&identity, &config, 50, &bytes, &connections).outcome,
        OPTLY_DELIVERED);

    assert_true(bytes > 50 * 100);
    assert_int_equal(connections, 1);
    tls_identity_destroy(&identity);
}

static void test_authority_may_come_from_a_file(void **state)
{
    char path[] = "/tmp/optly-authority-XXXXXX";
    int fd = mkstemp(path);
    tls_identity identity =
        tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    optly_http_config config = optly_http_config_default();
    size_t bytes, connections, len = strlen(authority_pem);

    (void)state;
    assert_int_equal(write(fd, authority_pem, len), len);
    (void)close(fd);
    config.ca_file = path;

    assert_int_equal(
        send_to(&identity, &config, 1, &bytes, &connections).outcome,
        OPTLY_DELIVERED);

    (void)unlink(path);
    tls_identity_destroy(&identity);
}

/* Requires a refusal by libcurl's `code`, and not one byte sent. */
static void expect_untrusted(const tls_identity *identity,
                             const optly_http_config *config, const char *code)
{
    size_t bytes, connections;
    optly_dispatch_result result =
        send_to(identity, config, 2, &bytes, &connections);

    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_int_equal(result.http_status, 0);
    if (strstr(result.detail, code) == NULL)
        fail_msg("%s", result.detail);
    assert_int_equal(bytes, 0);
    assert_int_equal(connections, 2);
}

static void test_untrusted_servers_get_not_one_byte(void **state)
{
    static const struct {
        const char *name;
        long from_s, to_s;
        const tls_identity *issuer;
    } cases[] = {
        {"IP:127.0.0.1", -DAY_S, DAY_S, &stranger},
        {"IP:127.0.0.1", -DAY_S, DAY_S, NULL},
        {"IP:127.0.0.1", -2 * DAY_S, -DAY_S, &authority},
        {"IP:127.0.0.1", DAY_S, 2 * DAY_S, &authority},
        {"DNS:other.example", -DAY_S, DAY_S, &authority},
        {"DNS:127.0.0.1", -DAY_S, DAY_S, &authority},
        {"IP:127.0.0.2", -DAY_S, DAY_S, &authority},
    };
    optly_http_config config = trusting_config();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tls_identity identity = tls_identity_create(
            cases[i].name, cases[i].from_s, cases[i].to_s, cases[i].issuer);

        expect_untrusted(&identity, &config, "libcurl 60");
        tls_identity_destroy(&identity);
    }
}

static void test_systems_authorities_do_not_know_the_server(void **state)
{
    tls_identity identity =
        tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    optly_http_config config = optly_http_config_default();
    size_t bytes, connections;
    optly_dispatch_result result;

    (void)state;
    result = send_to(&identity, &config, 2, &bytes, &connections);

    /* A bare system has none: "bad CA file", and no handshake begins. */
    if (result.outcome == OPTLY_MISCONFIGURED)
        assert_non_null(strstr(result.detail, "libcurl 77"));
    else if (result.outcome != OPTLY_RETRY ||
             strstr(result.detail, "libcurl 60") == NULL)
        fail_msg("outcome %d: %s", (int)result.outcome, result.detail);
    assert_int_equal(result.http_status, 0);
    assert_int_equal(bytes, 0);
    tls_identity_destroy(&identity);
}

static void test_tls_1_1_is_too_old(void **state)
{
    tls_identity identity =
        tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    optly_http_config config = trusting_config();
    optly_dispatch_result result;
    optly_log_event event;
    tls_peer peer;
    http_rig rig;

    (void)state;
    tls_peer_init(&peer, &identity, NULL);
    (void)SSL_CTX_set_min_proto_version(peer.context, TLS1_VERSION);
    (void)SSL_CTX_set_max_proto_version(peer.context, TLS1_1_VERSION);
    (void)SSL_CTX_set_cipher_list(peer.context, "DEFAULT:@SECLEVEL=0");
    http_rig_start(&rig, tls_peer_serve, &peer, &config);
    rig.unread = true;
    event = fake_log_event(url_of(&rig, "https", "127.0.0.1"), "{}");

    result = http_rig_send(&rig, &event);

    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_non_null(strstr(result.detail, "libcurl 35"));
    http_rig_stop(&rig);
    assert_int_equal(atomic_load(&peer.handshakes), 0);
    assert_int_equal(atomic_load(&peer.bytes), 0);
    tls_peer_cleanup(&peer);
    tls_identity_destroy(&identity);
}

static void answer_in_plaintext(raw_connection *connection)
{
    (void)raw_send(connection, "HTTP/1.1 204 No Content\r\n\r\n");
    raw_hold(connection);
}

static void test_plaintext_on_a_tls_port_is_no_answer(void **state)
{
    optly_http_config config = trusting_config();
    optly_dispatch_result result;
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, answer_in_plaintext, NULL, &config);
    event = fake_log_event(url_of(&rig, "https", "127.0.0.1"), "{}");

    result = http_rig_send(&rig, &event);

    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_int_equal(result.http_status, 0);
    assert_non_null(strstr(result.detail, "libcurl 35"));
    http_rig_stop(&rig);
}

static void test_tls_on_a_plaintext_port_is_a_retry(void **state)
{
    tls_identity identity =
        tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    optly_http_config config = trusting_config();
    optly_log_event event;
    tls_peer peer;
    http_rig rig;

    (void)state;
    tls_peer_init(&peer, &identity, NULL);
    http_rig_start(&rig, tls_peer_serve, &peer, &config);
    rig.unread = true;
    event = fake_log_event(url_of(&rig, "http", "127.0.0.1"), "{}");

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_RETRY);

    http_rig_stop(&rig);
    tls_peer_cleanup(&peer);
    tls_identity_destroy(&identity);
}

static void test_hanging_request_does_not_hold_up_others(void **state)
{
    tls_identity identity =
        tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    optly_http_config config = trusting_config();
    optly_log_event event;
    tls_peer peer;
    http_rig rig;

    (void)state;
    tls_peer_init(&peer, &identity, NULL);
    peer.hang_first = true;
    http_rig_start(&rig, tls_peer_serve, &peer, &config);
    rig.unread = true;
    event = fake_log_event(url_of(&rig, "https", "127.0.0.1"), "{}");
    for (size_t i = 0; i < 8; i++)
        http_rig_dispatch(&rig, &event);

    assert_true(
        fake_deliveries_drive(&rig.deliveries, rig.dispatcher, 7, 3000));
    assert_int_equal(fake_deliveries_completed(&rig.deliveries), 7);
    http_rig_stop(&rig);
    tls_peer_cleanup(&peer);
    tls_identity_destroy(&identity);
}

static void hang_up_after_hello(raw_connection *connection)
{
    char hello[100];

    (void)raw_receive(connection, hello, sizeof(hello));
    if (connection->number % 2 == 0)
        raw_reset(connection);
}

static void test_end_within_the_handshake_is_a_retry(void **state)
{
    optly_http_config config = trusting_config();
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, hang_up_after_hello, NULL, &config);
    event = fake_log_event(url_of(&rig, "https", "127.0.0.1"), "{}");

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_RETRY);

    http_rig_stop(&rig);
}

static void never_shake_hands(raw_connection *connection)
{
    raw_hold(connection);
}

static void
test_handshake_that_hangs_ends_with_the_connect_timeout(void **state)
{
    optly_http_config config = trusting_config();
    optly_dispatch_result result;
    optly_log_event event;
    int64_t start;
    http_rig rig;

    (void)state;
    config.connect_timeout_ms = 200;
    http_rig_start(&rig, never_shake_hands, NULL, &config);
    event = fake_log_event(url_of(&rig, "https", "127.0.0.1"), "{}");

    start = optly__monotonic_ms();
    result = http_rig_send(&rig, &event);

    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_non_null(strstr(result.detail, "libcurl 28"));
    assert_in_range(optly__monotonic_ms() - start, 150, 2000);
    http_rig_stop(&rig);
}

/* Writes `identity` with its key to a new file; `path` ends in XXXXXX. */
static void write_identity(char *path, const tls_identity *identity)
{
    char *pem = tls_identity_pem(identity, true);
    int fd = mkstemp(path);

    assert_int_equal(write(fd, pem, strlen(pem)), strlen(pem));
    (void)close(fd);
    free(pem);
}

static void test_client_certificate_is_shown_where_asked_for(void **state)
{
    char path[] = "/tmp/optly-client-XXXXXX";
    tls_identity identity =
        tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    tls_identity client =
        tls_identity_create("DNS:client.example", -DAY_S, DAY_S, &authority);
    tls_peer peer;

    (void)state;
    write_identity(path, &client);
    tls_peer_init(&peer, &identity, &authority);
    for (size_t with = 0; with < 2; with++) {
        optly_http_config config = trusting_config();
        optly_log_event event;
        optly_dispatch_result result;
        http_rig rig;

        config.client_cert_file = with ? path : NULL;
        http_rig_start(&rig, tls_peer_serve, &peer, &config);
        rig.unread = true;
        event = fake_log_event(url_of(&rig, "https", "127.0.0.1"), "{}");
        result = http_rig_send(&rig, &event);
        http_rig_stop(&rig);

        assert_int_equal(result.outcome == OPTLY_DELIVERED, with);
        assert_int_equal(atomic_load(&peer.handshakes), with);
        assert_int_equal(atomic_load(&peer.bytes) > 0, with);
    }
    (void)unlink(path);
    tls_peer_cleanup(&peer);
    tls_identity_destroy(&client);
    tls_identity_destroy(&identity);
}

static void test_forked_child_does_not_end_the_parents_connection(void **state)
{
    tls_identity identity =
        tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    optly_http_config config = trusting_config();
    optly_log_event event;
    tls_peer peer;
    int status = -1;
    pid_t child;
    http_rig rig;

    (void)state;
    tls_peer_init(&peer, &identity, NULL);
    http_rig_start(&rig, tls_peer_serve, &peer, &config);
    rig.unread = true;
    event = fake_log_event(url_of(&rig, "https", "127.0.0.1"), "{}");
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    child = fork();
    if (child == 0) {
        optly_dispatcher_destroy(&rig.dispatcher);
        /* Not an exit, at which a checker would count what is left. */
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
    assert_int_equal(raw_server_connections(rig.server), 1);
    http_rig_stop(&rig);
    tls_peer_cleanup(&peer);
    tls_identity_destroy(&identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trusted_server_gets_all_on_one_connection),
        cmocka_unit_test(test_authority_may_come_from_a_file),
        cmocka_unit_test(test_untrusted_servers_get_not_one_byte),
        cmocka_unit_test(test_systems_authorities_do_not_know_the_server),
        cmocka_unit_test(test_tls_1_1_is_too_old),
        cmocka_unit_test(test_plaintext_on_a_tls_port_is_no_answer),
        cmocka_unit_test(test_tls_on_a_plaintext_port_is_a_retry),
        cmocka_unit_test(test_hanging_request_does_not_hold_up_others),
        cmocka_unit_test(test_end_within_the_handshake_is_a_retry),
        cmocka_unit_test(
            test_handshake_that_hangs_ends_with_the_connect_timeout),
        cmocka_unit_test(test_client_certificate_is_shown_where_asked_for),
        cmocka_unit_test(test_forked_child_does_not_end_the_parents_connection),
    };

    return cmocka_run_group_tests(tests, make_authorities, destroy_authorities);
}
