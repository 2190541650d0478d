/*
 * Every allocation of the library and of libcurl fails while events go out by
 * TLS; OpenSSL keeps its own. Nothing is lost, and nothing goes to a server
 * that was not verified for the lack of memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "fakes/failing_allocator.h"
#include "faults/http_stand.h"
#include "integration/tls_peer.h"

enum { DAY_S = 86400 };

static tls_identity authority, known, stranger;
static char *authority_pem;

/* Has `s` send to a server that is `peer`. */
static raw_server *open_stand(stand *s, tls_peer *peer,
                              optly_http_config *config)
{
    static char url[64];
    raw_server *server = raw_server_start(tls_peer_serve, peer);

    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/v1/events",
                   (unsigned)raw_server_port(server));
    *config = http_stand_config();
    config->ca_blob = authority_pem;
    config->ca_blob_len = strlen(authority_pem);
    http_stand_init(s);
    optly_dispatcher_destroy(&s->config.dispatcher);
    s->config.http = config;
    s->config.endpoint = url;
    s->config.max_in_flight = 2;
    stand_open(s);
    return server;
}

static void deliver(fault_point *point)
{
    optly_http_config config;
    raw_server *server;
    tls_peer peer;
    stand s;

    tls_peer_init(&peer, &known, NULL);
    server = open_stand(&s, &peer, &config);
    stand_add_many(&s, 0, 15);
    http_stand_send(&s, point);
    stand_finish(&s, 0);
    raw_server_stop(server);
    tls_peer_cleanup(&peer);
}

/* Tries a few times; no failure makes it believe the stranger. */
static void distrust(fault_point *point)
{
    optly_stats stats = optly_stats_default();
    optly_http_config config;
    raw_server *server;
    tls_peer peer;
    stand s;

    tls_peer_init(&peer, &stranger, NULL);
    server = open_stand(&s, &peer, &config);
    stand_add_many(&s, 0, 15);
    fault_begin(point);
    for (int i = 0; i < 1000 && stats.requests < 4; i++) {
        assert_int_equal(optly_processor_run_once(s.processor, 2), OPTLY_OK);
        assert_int_equal(optly_processor_stats(s.processor, &stats), OPTLY_OK);
        if (point->for_good && fault_has_hit(point))
            break;
    }
    fault_end(point);
    stand_check_books(&s);
    assert_int_equal(optly_processor_close(s.processor, 0, NULL),
                     OPTLY_ERR_TIMEOUT);
    assert_int_equal(stand_dropped(&s), 15);
    stand_cleanup(&s);
    raw_server_stop(server);
    assert_int_equal(atomic_load(&peer.bytes), 0);
    tls_peer_cleanup(&peer);
}

static void test_no_event_is_lost_or_leaks_by_tls(void **state)
{
    (void)state;
    (void)fault_run(&fault_memory, "TLS: deliver", deliver);
    (void)fault_run(&fault_memory, "TLS: distrust", distrust);
    fault_print_total("allocations, TLS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_event_is_lost_or_leaks_by_tls),
    };
    int failures;

    authority = tls_identity_create(NULL, -DAY_S, DAY_S, NULL);
    known = tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    stranger = tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, NULL);
    authority_pem = tls_identity_pem(&authority, false);
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, failing_allocator_malloc,
                             failing_allocator_free, failing_allocator_realloc,
                             failing_allocator_strdup,
                             failing_allocator_calloc) != CURLE_OK)
        return 1;
    failures = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    free(authority_pem);
    tls_identity_destroy(&authority);
    tls_identity_destroy(&known);
    tls_identity_destroy(&stranger);
    return failing_allocator_remove() == 0 ? failures : 1;
}
