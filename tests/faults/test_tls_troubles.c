/*
 * A server that must not be trusted, three times, and then the right one in
 * its place: the wrong one gets not one byte of a request, the log names the
 * reason, and all events arrive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "faults/http_way.h"
#include "integration/tls_peer.h"

enum { DAY_S = 86400, WRONG = 3, EVENTS = 200 };

static tls_identity authority, stranger, intermediate;
static char *authority_pem;

static int make_authorities(void **state)
{
    (void)state;
    authority = tls_identity_create(NULL, -DAY_S, DAY_S, NULL);
    stranger = tls_identity_create(NULL, -DAY_S, DAY_S, NULL);
    intermediate = tls_identity_create(NULL, -DAY_S, DAY_S, &authority);
    authority_pem = tls_identity_pem(&authority, false);
    return 0;
}

static int destroy_authorities(void **state)
{
    (void)state;
    free(authority_pem);
    tls_identity_destroy(&authority);
    tls_identity_destroy(&stranger);
    tls_identity_destroy(&intermediate);
    return 0;
}

/* What the wrong server does instead of a handshake, or is. */
typedef enum tls_wrong {
    BAD_CERTIFICATE,
    TLS_1_1,
    ASKS_FOR_A_CERTIFICATE,
    PLAINTEXT,
    CLOSES,
    RESETS,
    TLS_ON_AN_HTTP_PORT
} tls_wrong;

typedef struct tls_case {
    const char *title;
    tls_wrong wrong;
    const char *name; /* of the certificate */
    long from_s, to_s;
    const tls_identity *issuer;
    const char *reason; /* in the log */
} tls_case;

typedef struct tls_way {
    const tls_case *what;
    tls_peer wrong, right;
    http_way way;
} tls_way;

static void note_request(const char *request, void *user)
{
    http_way *way = user;
    const char *body = strstr(request, "\r\n\r\n");

    (void)uuid_ledger_see(way->ledger, body);
    uuid_ledger_acknowledge(way->ledger, body);
}

static void serve_by(raw_connection *connection, tls_peer *peer)
{
    raw_connection as_peer = *connection;

    as_peer.user = peer;
    tls_peer_serve(&as_peer);
}

static void serve_wrongly(raw_connection *connection, tls_way *t)
{
    char byte;

    switch (t->what->wrong) {
    case PLAINTEXT:
        (void)raw_send(connection, "HTTP/1.1 204 No Content\r\n\r\n");
        raw_hold(connection);
        break;
    case CLOSES:
        (void)raw_receive(connection, &byte, 1);
        break;
    case RESETS:
        (void)raw_receive(connection, &byte, 1);
        raw_reset(connection);
        break;
    default:
        serve_by(connection, &t->wrong);
    }
}

static void serve(raw_connection *connection)
{
    tls_way *t = ((http_way *)connection->user)->user;
    raw_request request;

    if (connection->number < WRONG)
        serve_wrongly(connection, t);
    else if (t->what->wrong != TLS_ON_AN_HTTP_PORT)
        serve_by(connection, &t->right);
    else
        while (http_way_take(connection, &request) &&
               http_way_deliver(connection, &request))
            ;
}

static void init_peers(tls_way *t, const tls_identity *wrong,
                       const tls_identity *right)
{
    bool asks = t->what->wrong == ASKS_FOR_A_CERTIFICATE;

    tls_peer_init(&t->wrong, wrong, asks ? &authority : NULL);
    tls_peer_init(&t->right, right, NULL);
    t->right.on_request = note_request;
    t->right.user = &t->way;
    if (t->what->wrong != TLS_1_1)
        return;
    (void)SSL_CTX_set_min_proto_version(t->wrong.context, TLS1_VERSION);
    (void)SSL_CTX_set_max_proto_version(t->wrong.context, TLS1_1_VERSION);
    (void)SSL_CTX_set_cipher_list(t->wrong.context, "DEFAULT:@SECLEVEL=0");
}

static void run(const tls_case *what)
{
    tls_identity right =
        tls_identity_create("IP:127.0.0.1", -DAY_S, DAY_S, &authority);
    tls_identity wrong =
        tls_identity_create(what->name, what->from_s, what->to_s, what->issuer);
    bool is_plain = what->wrong == TLS_ON_AN_HTTP_PORT;
    tls_way t = {.what = what};
    char url[64];
    uuid_sums sums;

    init_peers(&t, &wrong, &right);
    http_way_init(&t.way, serve, EVENTS);
    t.way.user = &t;
    t.way.http.timeout_ms = 20000;
    t.way.http.ca_blob = authority_pem;
    t.way.http.ca_blob_len = strlen(authority_pem);
    t.way.config.max_in_flight = 1;
    t.way.config.worker_stack_bytes = 65536; /* the least there is */
    (void)snprintf(url, sizeof(url), "http%s://127.0.0.1:%u/v1/events",
                   is_plain ? "" : "s",
                   (unsigned)raw_server_port(t.way.server));
    t.way.config.endpoint = url;
    http_way_open(&t.way);
    http_way_add(&t.way, 0, EVENTS);
    sums = http_way_close(&t.way);

    assert_int_equal(sums.delivered, EVENTS);
    assert_int_equal(sums.repeats, 0);
    assert_int_equal(atomic_load(&t.wrong.bytes), 0);
    if (strstr(t.way.first_trouble, what->reason) == NULL)
        fail_msg("%s: %s", what->title, t.way.first_trouble);
    tls_peer_cleanup(&t.wrong);
    tls_peer_cleanup(&t.right);
    tls_identity_destroy(&wrong);
    tls_identity_destroy(&right);
}

#define HERE "IP:127.0.0.1", -DAY_S, DAY_S

static void test_wrong_servers_get_nothing_and_cost_nothing(void **state)
{
    const tls_case cases[] = {
        {"unknown authority", BAD_CERTIFICATE, HERE, &stranger, "libcurl 60"},
        {"self-signed", BAD_CERTIFICATE, HERE, NULL, "self"},
        {"expired", BAD_CERTIFICATE, "IP:127.0.0.1", -2 * DAY_S, -DAY_S,
         &authority, "expired"},
        {"not yet valid", BAD_CERTIFICATE, "IP:127.0.0.1", DAY_S, 2 * DAY_S,
         &authority, "not yet valid"},
        {"another host", BAD_CERTIFICATE, "DNS:other.example", -DAY_S, DAY_S,
         &authority, "libcurl 60"},
        {"another address", BAD_CERTIFICATE, "IP:127.0.0.2", -DAY_S, DAY_S,
         &authority, "libcurl 60"},
        {"an address as a name", BAD_CERTIFICATE, "DNS:127.0.0.1", -DAY_S,
         DAY_S, &authority, "libcurl 60"},
        {"no intermediate", BAD_CERTIFICATE, HERE, &intermediate, "libcurl 60"},
        {"TLS 1.1", TLS_1_1, HERE, &authority, "libcurl 35"},
        {"asks for a certificate", ASKS_FOR_A_CERTIFICATE, HERE, &authority,
         "libcurl"},
        {"plaintext on a TLS port", PLAINTEXT, HERE, &authority, "libcurl 35"},
        {"closes in the handshake", CLOSES, HERE, &authority, "libcurl 35"},
        {"resets in the handshake", RESETS, HERE, &authority, "libcurl 35"},
        {"TLS on an http port", TLS_ON_AN_HTTP_PORT, HERE, &authority,
         "libcurl"},
    };
    const size_t count = sizeof(cases) / sizeof(cases[0]);

    (void)state;
    for (size_t i = 0; i < count; i++)
        run(&cases[i]);
    (void)printf("TLS: %zu kinds of wrong servers, 0 bytes to them, %d events "
                 "each\n",
                 count, EVENTS);
}

/* Has OpenSSL, when it starts, allow what it usually would not: what is then
 * refused is refused by the library. */
static void relax_openssl(void)
{
    static const char lax[] = "openssl_conf = main\n[main]\nssl_conf = ssl\n"
                              "[ssl]\nsystem_default = lax\n[lax]\n"
                              "MinProtocol = TLSv1\n"
                              "CipherString = DEFAULT:@SECLEVEL=0\n";
    static char path[] = "/tmp/optly-openssl-XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0 || write(fd, lax, strlen(lax)) != (ssize_t)strlen(lax) ||
        close(fd) != 0 || setenv("OPENSSL_CONF", path, 1) != 0 ||
        OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
        abort();
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_servers_get_nothing_and_cost_nothing),
    };

    relax_openssl();
    return cmocka_run_group_tests(tests, make_authorities, destroy_authorities);
}
