/* What all requests share: settings, headers, and the rules of safety. */
#ifndef OPTLY__HTTP_CLIENT_H
#define OPTLY__HTTP_CLIENT_H

#include "dispatch/http_config.h"

struct curl_slist;

/* Read-only after init. */
typedef struct optly__http_client {
    optly__http_settings settings;
    struct curl_slist *headers;
    bool offers_http2; /* a server reached by TLS may choose it */
    /*
     * Share a connection that is being made, rather than make another: by TLS,
     * as else libcurl would wait for a whole answer to learn that it cannot.
     * Newer ones do so by TLS, too, where the server chose HTTP/1: one that
     * hangs holds up all others (8.14.1 does, 7.88.1 does not; what is between
     * was not tried).
     */
    bool may_wait;
    /*
     * From 7.83.0 on, and until it was mended in 2023 (8.2.0 is sure to be),
     * libcurl keeps a pointer to the last header of a handle's last answer,
     * which is freed by then, and follows it when the next answer's first
     * header begins with a space.
     */
    bool may_reuse_handles;
} optly__http_client;

/* Also starts libcurl. On failure there is nothing to clean up. */
optly_status optly__http_client_init(optly__http_client *client,
                                     const optly_http_config *config,
                                     optly_error *err);
void optly__http_client_cleanup(optly__http_client *client);

/*
 * Sets on a new handle (a CURL) all that does not change from request to
 * request. Returns a CURLcode: with any but CURLE_OK the handle must not be
 * used, since a rule of safety may be missing.
 */
int optly__http_client_set_up(const optly__http_client *client, void *easy);

#endif
