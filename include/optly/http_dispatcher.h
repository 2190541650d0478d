/**
 * @file
 * The default dispatcher: HTTP by libcurl.
 */
#ifndef OPTLY_HTTP_DISPATCHER_H
#define OPTLY_HTTP_DISPATCHER_H

#include <optly/dispatcher.h>

OPTLY_BEGIN_DECLS

/**
 * Settings of the HTTP dispatcher. Everything is copied; zero and NULL mean
 * the default.
 *
 * Peer and host are always verified, with TLS 1.2 or newer; redirects are not
 * followed; http:// is for loopback only unless `allow_plaintext`.
 */
typedef struct optly_http_config {
    size_t struct_size;           /**< set by optly_http_config_default */
    uint32_t connect_timeout_ms;  /**< 1 to 600,000; default 5000 */
    uint32_t timeout_ms;          /**< of an attempt, 1 to 600,000; 10000 */
    uint32_t max_connections;     /**< 1 to 1,024; default 8 */
    int32_t gzip_level;           /**< 0: off (default), 1 fast to 9 small */
    const char *proxy;            /**< as curl takes it; default none */
    const char *no_proxy;         /**< as curl takes it; default none */
    const char *ca_file;          /**< PEM; default the system's */
    const char *ca_path;          /**< hashed PEM files; default the system's */
    const void *ca_blob;          /**< PEM in memory; copied */
    size_t ca_blob_len;           /**< of `ca_blob` */
    const char *client_cert_file; /**< PEM; default none */
    const char *client_key_file;  /**< PEM, no passphrase; default none */
    const char *user_agent;       /**< default "optly-event/<version>" */
    const char *const *headers;   /**< each "Name: value" */
    size_t header_count;          /**< 64 at most */
    bool http1_only;              /**< do not offer HTTP/2 */
    bool strict;                  /**< send X-Optimizely-Strict: true */
    bool allow_plaintext;         /**< http:// to hosts other than loopback */
    bool use_env_proxy;       /**< read the proxy variables, once, in create */
    bool host_owns_curl_init; /**< the host called curl_global_init */
    bool reserved[3];         /**< false */
} optly_http_config;

/** All defaults. */
static inline optly_http_config optly_http_config_default(void)
{
    optly_http_config config;

    memset(&config, 0, sizeof(config));
    config.struct_size = sizeof(config);
    return config;
}

/**
 * Makes an HTTP dispatcher; `config` may be NULL for all defaults.
 *
 * Checked here, not at the first send: `ca_file`, `ca_path`, `ca_blob` and the
 * client's certificate and key are read (PEM; an encrypted key is refused,
 * since nobody could be asked for its password), `proxy` is parsed. A CA that
 * is given replaces the system's; `ca_blob` excludes the other two.
 *
 * `headers` may not name what the library sets or what frames a message
 * (Accept, Content-..., Host, User-Agent, Transfer-Encoding, Proxy-... and the
 * like), nor hold CR, LF or bytes outside printable ASCII.
 *
 * `max_connections` is also the number of requests under way at once; more
 * wait, and their timeout begins when they leave. A name look-up that was
 * cancelled may keep libcurl's resolver thread until the system answers.
 *
 * Returns OPTLY_OK; OPTLY_ERR_INVALID with the field; OPTLY_ERR_UNSUPPORTED
 * when this build or its libcurl cannot do what is asked;
 * OPTLY_ERR_NO_MEMORY; OPTLY_ERR_IO when libcurl does not start.
 */
OPTLY_API optly_status optly_http_dispatcher_create(
    optly_dispatcher *out, const optly_http_config *config, optly_error *err);

OPTLY_END_DECLS

#endif
