/*
 * The other end of a TLS connection, and certificates made on the spot. A
 * script for the raw server, which counts the bytes that came through.
 */
#ifndef OPTLY_TLS_PEER_H
#define OPTLY_TLS_PEER_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "fakes/raw_server.h"

typedef struct tls_identity {
    EVP_PKEY *key;
    X509 *certificate;
} tls_identity;

/* A certificate for `name` ("IP:127.0.0.1", "DNS:a.example"; NULL: that of an
 * authority) from `from_s` to `to_s`, seconds from now, signed by `issuer`
 * (NULL: by itself). */
tls_identity tls_identity_create(const char *name, long from_s, long to_s,
                                 const tls_identity *issuer);
void tls_identity_destroy(tls_identity *identity);

/* The certificate, and the key if wanted, as PEM, for free(). */
char *tls_identity_pem(const tls_identity *identity, bool with_key);

typedef struct tls_peer {
    SSL_CTX *context;
    atomic_size_t handshakes; /* that ended well */
    atomic_size_t bytes;      /* of the application, decrypted */
    bool hang_first;          /* the first connection never gets an answer */
    /* Sees each request before it is answered; may be NULL. */
    void (*on_request)(const char *request, void *user);
    void *user;
} tls_peer;

/* `clients`, if not NULL, is who must have signed the client's certificate. */
void tls_peer_init(tls_peer *peer, const tls_identity *identity,
                   const tls_identity *clients);
void tls_peer_cleanup(tls_peer *peer);

/* A raw_script with a tls_peer for its user: answers each request with 204. */
void tls_peer_serve(raw_connection *connection);

#endif
