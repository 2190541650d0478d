/* What all requests share: settings, headers, and the rules of safety. */
#ifndef OPTLY__HTTP_CLIENT_H
#define OPTLY__HTTP_CLIENT_H

#include "dispatch/http_config.h"

struct curl_slist;

/* Read-only after init. */
typedef struct optly__http_client {
    optly__http_settings settings;
    struct curl_slist *headers;
} optly__http_client;

/* Also starts libcurl. On failure there is nothing to clean up. */
optly_status optly__http_client_init(optly__http_client *client,
                                     const optly_http_config *config,
                                     optly_error *err);
void optly__http_client_cleanup(optly__http_client *client);

/* Whether a server reached by TLS may choose HTTP/2. */
bool optly__http_client_offers_http2(const optly__http_client *client);

/*
 * Sets on a new handle (a CURL) all that does not change from request to
 * request. Returns a CURLcode: with any but CURLE_OK the handle must not be
 * used, since a rule of safety may be missing.
 */
int optly__http_client_set_up(const optly__http_client *client, void *easy);

#endif
