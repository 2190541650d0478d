#include "dispatch/http_client.h"

#include <curl/curl.h>
#include <string.h>

#include "base/error.h"
#include "dispatch/http_library.h"

enum { MAX_CONNECTION_AGE_S = 3600 };

static bool add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);

    if (longer == NULL)
        return false;
    *headers = longer;
    return true;
}

static bool add_headers(optly__http_client *client)
{
    const optly__http_settings *settings = &client->settings;
    struct curl_slist **headers = &client->headers;
    /* An empty Expect keeps libcurl from waiting for "100 Continue". */
    bool added = add_header(headers, "Content-Type: application/json") &&
                 add_header(headers, "Accept: application/json") &&
                 add_header(headers, "Expect:");

    if (settings->gzip_level > 0)
        added = added && add_header(headers, "Content-Encoding: gzip");
    if (settings->strict)
        added = added && add_header(headers, "X-Optimizely-Strict: true");
    for (size_t i = 0; i < settings->header_count; i++)
        added = added && add_header(headers, settings->headers[i]);
    return added;
}

/* Asked once: the answer takes libcurl microseconds to put together. */
static void ask_version(optly__http_client *client)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    client->offers_http2 = !client->settings.http1_only &&
                           (info->features & CURL_VERSION_HTTP2) != 0;
    client->may_wait = client->offers_http2 && info->version_num < 0x080000;
    client->may_reuse_handles =
        info->version_num < 0x075300 || info->version_num >= 0x080200;
}

optly_status optly__http_client_init(optly__http_client *client,
                                     const optly_http_config *config,
                                     optly_error *err)
{
    optly_status status;

    client->headers = NULL;
    status = optly__http_settings_init(&client->settings, config, err);
    if (status != OPTLY_OK)
        return status;
    status =
        optly__http_library_start(client->settings.host_owns_curl_init, err);
#if LIBCURL_VERSION_NUM < 0x074d00
    if (status == OPTLY_OK && client->settings.ca_blob != NULL)
        status = optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                             "http.ca_blob: needs libcurl 7.77");
#endif
    if (status == OPTLY_OK)
        ask_version(client);
    if (status == OPTLY_OK && !add_headers(client))
        status = optly__fail_memory(err);
    if (status != OPTLY_OK)
        optly__http_client_cleanup(client);
    return status;
}

void optly__http_client_cleanup(optly__http_client *client)
{
    curl_slist_free_all(client->headers);
    client->headers = NULL;
    optly__http_settings_cleanup(&client->settings);
}

/* The first failure stays in `*code`, and nothing is set after it. */
static void set_long(CURL *easy, CURLcode *code, CURLoption option, long value)
{
    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, option, value);
}

static void set_text(CURL *easy, CURLcode *code, CURLoption option,
                     const char *value)
{
    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, option, value);
}

struct long_option {
    CURLoption option;
    long value;
};

/* What holds for every transfer, whatever the settings. */
static void set_rules(CURL *easy, CURLcode *code)
{
    static const struct long_option rules[] = {
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_PROXY_SSL_VERIFYPEER, 1},
        {CURLOPT_PROXY_SSL_VERIFYHOST, 2},
        {CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        /* Without memory for a session to resume, libcurl (7.88, say) frees
         * the host's name twice. Connections are kept, so it helps little. */
        {CURLOPT_SSL_SESSIONID_CACHE, 0},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_POST, 1},
        /* The host's headers are for the endpoint, not for a proxy. */
        {CURLOPT_HEADEROPT, CURLHEADER_SEPARATE},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
#if LIBCURL_VERSION_NUM >= 0x075000
        {CURLOPT_MAXLIFETIME_CONN, MAX_CONNECTION_AGE_S},
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
        /* Else giving up during a look-up would wait for its thread. */
        {CURLOPT_QUICK_EXIT, 1},
#endif
#if LIBCURL_VERSION_NUM < 0x075500
        {CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS},
        {CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTPS},
#endif
    };

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        set_long(easy, code, rules[i].option, rules[i].value);
#if LIBCURL_VERSION_NUM >= 0x075500
    set_text(easy, code, CURLOPT_PROTOCOLS_STR, "http,https");
    set_text(easy, code, CURLOPT_REDIR_PROTOCOLS_STR, "https");
#endif
}

#if LIBCURL_VERSION_NUM >= 0x074d00
static void set_blob(CURL *easy, CURLcode *code, CURLoption option,
                     const optly__http_settings *settings)
{
    struct curl_blob blob = {settings->ca_blob, settings->ca_blob_len,
                             CURL_BLOB_NOCOPY};

    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, option, &blob);
}
#endif

/* Given authorities replace the system's: libcurl would add its directory to
 * a given file, and its file to a given directory. */
static void set_authorities(CURL *easy, CURLcode *code,
                            const optly__http_settings *settings)
{
    if (settings->ca_file == NULL && settings->ca_path == NULL &&
        settings->ca_blob == NULL)
        return;
    set_text(easy, code, CURLOPT_CAINFO, settings->ca_file);
    set_text(easy, code, CURLOPT_CAPATH, settings->ca_path);
    set_text(easy, code, CURLOPT_PROXY_CAINFO, settings->ca_file);
    set_text(easy, code, CURLOPT_PROXY_CAPATH, settings->ca_path);
#if LIBCURL_VERSION_NUM >= 0x074d00
    if (settings->ca_blob == NULL)
        return;
    set_blob(easy, code, CURLOPT_CAINFO_BLOB, settings);
    set_blob(easy, code, CURLOPT_PROXY_CAINFO_BLOB, settings);
#endif
}

static void set_settings(CURL *easy, CURLcode *code,
                         const optly__http_client *client)
{
    const optly__http_settings *settings = &client->settings;

    set_long(easy, code, CURLOPT_CONNECTTIMEOUT_MS,
             (long)settings->connect_timeout_ms);
    set_long(easy, code, CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms);
    set_text(easy, code, CURLOPT_USERAGENT, settings->user_agent);
    /* Unset, libcurl would look for it in the environment. */
    set_text(easy, code, CURLOPT_NOPROXY,
             settings->no_proxy != NULL ? settings->no_proxy : "");
    set_authorities(easy, code, settings);
    set_long(easy, code, CURLOPT_HTTP_VERSION,
             client->offers_http2 ? CURL_HTTP_VERSION_2TLS
                                  : CURL_HTTP_VERSION_1_1);
    if (settings->client_cert_file == NULL)
        return;
    set_text(easy, code, CURLOPT_SSLCERT, settings->client_cert_file);
    set_text(easy, code, CURLOPT_SSLKEY, settings->client_key_file);
    /* Unset, OpenSSL would ask for a passphrase on the terminal. */
    set_text(easy, code, CURLOPT_KEYPASSWD, "");
}

int optly__http_client_set_up(const optly__http_client *client, void *easy)
{
    CURLcode code = CURLE_OK;

    set_rules(easy, &code);
    set_settings(easy, &code, client);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
    return (int)code;
}
