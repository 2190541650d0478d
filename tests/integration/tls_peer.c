#include "tls_peer.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void add_extension(X509 *certificate, const tls_identity *issuer,
                          int kind, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer != NULL ? issuer->certificate : certificate,
                   certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    require(extension != NULL);
    require(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

tls_identity tls_identity_create(const char *name, long from_s, long to_s,
                                 const tls_identity *issuer)
{
    static atomic_long serial = 1;
    tls_identity identity = {EVP_EC_gen("P-256"), X509_new()};
    long number = atomic_fetch_add(&serial, 1);
    char common_name[64]; /* no two authorities of one name */
    X509 *certificate = identity.certificate;
    X509_NAME *subject = X509_get_subject_name(certificate);

    require(identity.key != NULL && certificate != NULL);
    (void)snprintf(common_name, sizeof(common_name), "test %ld", number);
    require(X509_set_version(certificate, 2) == 1);
    require(ASN1_INTEGER_set(X509_get_serialNumber(certificate), number) == 1);
    require(X509_gmtime_adj(X509_getm_notBefore(certificate), from_s) != NULL);
    require(X509_gmtime_adj(X509_getm_notAfter(certificate), to_s) != NULL);
    require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                       (unsigned char *)common_name, -1, -1,
                                       0) == 1);
    require(X509_set_issuer_name(
                certificate, issuer != NULL
                                 ? X509_get_subject_name(issuer->certificate)
                                 : subject) == 1);
    require(X509_set_pubkey(certificate, identity.key) == 1);
    add_extension(certificate, issuer, NID_basic_constraints,
                  name == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (name != NULL)
        add_extension(certificate, issuer, NID_subject_alt_name, name);
    require(X509_sign(certificate, issuer != NULL ? issuer->key : identity.key,
                      EVP_sha256()) > 0);
    return identity;
}

void tls_identity_destroy(tls_identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
}

char *tls_identity_pem(const tls_identity *identity, bool with_key)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *bytes, *copy;
    long len;

    require(memory != NULL);
    require(PEM_write_bio_X509(memory, identity->certificate) == 1);
    require(!with_key || PEM_write_bio_PrivateKey(memory, identity->key, NULL,
                                                  NULL, 0, NULL, NULL) == 1);
    len = BIO_get_mem_data(memory, &bytes);
    copy = calloc(1, (size_t)len + 1);
    require(copy != NULL);
    memcpy(copy, bytes, (size_t)len);
    BIO_free(memory);
    return copy;
}

void tls_peer_init(tls_peer *peer, const tls_identity *identity,
                   const tls_identity *clients)
{
    memset(peer, 0, sizeof(*peer));
    peer->context = SSL_CTX_new(TLS_server_method());
    require(peer->context != NULL);
    require(SSL_CTX_use_certificate(peer->context, identity->certificate) == 1);
    require(SSL_CTX_use_PrivateKey(peer->context, identity->key) == 1);
    if (clients == NULL)
        return;
    require(X509_STORE_add_cert(SSL_CTX_get_cert_store(peer->context),
                                clients->certificate) == 1);
    SSL_CTX_set_verify(peer->context,
                       SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

void tls_peer_cleanup(tls_peer *peer)
{
    SSL_CTX_free(peer->context);
}

/* Waits for what `ssl` wants; false when it is over. */
static bool wait_for_tls(raw_connection *connection, SSL *ssl, int result)
{
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return raw_wait(connection, POLLIN);
    case SSL_ERROR_WANT_WRITE:
        return raw_wait(connection, POLLOUT);
    default:
        return false;
    }
}

/* Reads one request of a few KiB; false when there is none. */
static bool read_request(raw_connection *connection, SSL *ssl, char *request,
                         size_t room)
{
    tls_peer *peer = connection->user;
    size_t len = 0;

    while (len < room - 1) {
        int got = SSL_read(ssl, request + len, (int)(room - 1 - len));
        const char *end;

        if (got <= 0) {
            if (!wait_for_tls(connection, ssl, got))
                return false;
            continue;
        }
        (void)atomic_fetch_add(&peer->bytes, (size_t)got);
        len += (size_t)got;
        request[len] = '\0';
        end = strstr(request, "\r\n\r\n");
        if (end != NULL) {
            const char *length = strcasestr(request, "Content-Length:");
            size_t body = length != NULL ? strtoul(length + 15, NULL, 10) : 0;

            if (len >= (size_t)(end - request) + 4 + body)
                return true;
        }
    }
    return false;
}

static bool shake_hands(raw_connection *connection, SSL *ssl)
{
    int result;

    while ((result = SSL_accept(ssl)) != 1) {
        if (!wait_for_tls(connection, ssl, result))
            return false;
    }
    return true;
}

void tls_peer_serve(raw_connection *connection)
{
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
    tls_peer *peer = connection->user;
    SSL *ssl = SSL_new(peer->context);
    char request[8192];

    require(ssl != NULL && SSL_set_fd(ssl, connection->fd) == 1);
    require(fcntl(connection->fd, F_SETFL, O_NONBLOCK) == 0);
    if (shake_hands(connection, ssl)) {
        (void)atomic_fetch_add(&peer->handshakes, 1);
        while (read_request(connection, ssl, request, sizeof(request)) &&
               !(peer->hang_first && connection->number == 0)) {
            if (peer->on_request != NULL)
                peer->on_request(request, peer->user);
            if (SSL_write(ssl, answer, sizeof(answer) - 1) <= 0)
                break;
        }
    }
    if (peer->hang_first && connection->number == 0)
        raw_hold(connection);
    SSL_free(ssl);
}
