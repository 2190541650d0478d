/* The HTTP dispatcher's settings: checked, completed and owned. */
#ifndef OPTLY__HTTP_CONFIG_H
#define OPTLY__HTTP_CONFIG_H

#include <optly/http_dispatcher.h>

typedef struct optly__http_settings {
    uint32_t connect_timeout_ms, timeout_ms, max_connections;
    int gzip_level;
    bool http1_only, allow_plaintext, host_owns_curl_init;
    /* Owned; NULL: not set. */
    char *http_proxy, *https_proxy; /* with a scheme */
    char *no_proxy;
    char *ca_file, *ca_path;
    char *ca_blob;
    size_t ca_blob_len;
    char *client_cert_file, *client_key_file;
    char *user_agent; /* always set */
    char **headers;   /* the host's; header_count of them */
    size_t header_count;
    bool strict;
} optly__http_settings;

/*
 * Checks `config` (NULL: all defaults) and fills in `settings`. Reads the
 * files it names, to check them, and the environment if it asks for it.
 * On failure there is nothing to clean up.
 */
optly_status optly__http_settings_init(optly__http_settings *settings,
                                       const optly_http_config *config,
                                       optly_error *err);
void optly__http_settings_cleanup(optly__http_settings *settings);

#endif
