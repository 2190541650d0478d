#include "dispatch/http_config.h"

#include <string.h>

#include <optly/version.h>

#include "base/error.h"
#include "base/memory.h"
#include "dispatch/http_header.h"
#include "dispatch/http_proxy.h"
#include "dispatch/pem.h"

enum {
    MAX_TIMEOUT_MS = 600000,
    MAX_CONNECTIONS = 1024,
    MAX_HEADERS = 64,
    MAX_TEXT_BYTES = 8192,
    MAX_BLOB_BYTES = 16 << 20
};

/* Takes a number of the config, or its default for 0. */
static optly_status take_number(uint32_t *to, uint32_t value, uint32_t unset,
                                uint32_t max, const char *field,
                                optly_error *err)
{
    *to = value != 0 ? value : unset;
    if (*to <= max)
        return OPTLY_OK;
    return optly__fail(err, OPTLY_ERR_INVALID,
                       "http.%s: %u, should be from 1 to %u", field,
                       (unsigned)value, (unsigned)max);
}

static optly_status take_numbers(optly__http_settings *settings,
                                 const optly_http_config *config,
                                 optly_error *err)
{
    optly_status status;

    status =
        take_number(&settings->connect_timeout_ms, config->connect_timeout_ms,
                    5000, MAX_TIMEOUT_MS, "connect_timeout_ms", err);
    if (status == OPTLY_OK)
        status = take_number(&settings->timeout_ms, config->timeout_ms, 10000,
                             MAX_TIMEOUT_MS, "timeout_ms", err);
    if (status == OPTLY_OK)
        status =
            take_number(&settings->max_connections, config->max_connections, 8,
                        MAX_CONNECTIONS, "max_connections", err);
    if (status != OPTLY_OK)
        return status;
    if (config->gzip_level < 0 || config->gzip_level > 9)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "http.gzip_level: %d, should be from 0 to 9",
                           (int)config->gzip_level);
#if !defined(OPTLY_WITH_ZLIB)
    if (config->gzip_level > 0)
        return optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                           "http.gzip_level: this build has no zlib");
#endif
    settings->gzip_level = (int)config->gzip_level;
    return OPTLY_OK;
}

/* Copies a text that may be NULL, but not empty. */
static optly_status take_text(char **to, const char *text, const char *field,
                              optly_error *err)
{
    if (text == NULL)
        return OPTLY_OK;
    if (text[0] == '\0')
        return optly__fail(err, OPTLY_ERR_INVALID, "http.%s: is empty", field);
    if (strnlen(text, MAX_TEXT_BYTES + 1) > MAX_TEXT_BYTES)
        return optly__fail(err, OPTLY_ERR_TOO_LARGE,
                           "http.%s: is longer than %d bytes", field,
                           MAX_TEXT_BYTES);
    *to = optly__copy_string(text);
    return *to != NULL ? OPTLY_OK : optly__fail_memory(err);
}

static optly_status take_blob(optly__http_settings *settings,
                              const optly_http_config *config, optly_error *err)
{
    if (config->ca_blob == NULL && config->ca_blob_len == 0)
        return OPTLY_OK;
    if (config->ca_blob == NULL || config->ca_blob_len == 0)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "http.ca_blob: one of pointer and length is unset");
    if (config->ca_blob_len > MAX_BLOB_BYTES)
        return optly__fail(err, OPTLY_ERR_TOO_LARGE,
                           "http.ca_blob: is larger than 16 MiB");
    if (config->ca_file != NULL || config->ca_path != NULL)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "http.ca_blob: does not go with ca_file or ca_path");
    settings->ca_blob = optly__alloc(config->ca_blob_len);
    if (settings->ca_blob == NULL)
        return optly__fail_memory(err);
    memcpy(settings->ca_blob, config->ca_blob, config->ca_blob_len);
    settings->ca_blob_len = config->ca_blob_len;
    return optly__pem_check_blob(settings->ca_blob, settings->ca_blob_len,
                                 "http.ca_blob", err);
}

static optly_status take_authorities(optly__http_settings *settings,
                                     const optly_http_config *config,
                                     optly_error *err)
{
    optly_status status =
        take_text(&settings->ca_file, config->ca_file, "ca_file", err);

    if (status == OPTLY_OK && settings->ca_file != NULL)
        status = optly__pem_check_certificates(settings->ca_file,
                                               "http.ca_file", err);
    if (status == OPTLY_OK)
        status = take_text(&settings->ca_path, config->ca_path, "ca_path", err);
    if (status == OPTLY_OK && settings->ca_path != NULL)
        status =
            optly__pem_check_directory(settings->ca_path, "http.ca_path", err);
    return status == OPTLY_OK ? take_blob(settings, config, err) : status;
}

/* Without a key file the key is in the certificate's file. */
static optly_status take_client(optly__http_settings *settings,
                                const optly_http_config *config,
                                optly_error *err)
{
    const char *key_file = config->client_key_file;
    optly_status status;

    if (config->client_cert_file == NULL && key_file != NULL)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "http.client_key_file: is set, but "
                           "client_cert_file is not");
    if (config->client_cert_file == NULL)
        return OPTLY_OK;
    status = take_text(&settings->client_cert_file, config->client_cert_file,
                       "client_cert_file", err);
    if (status == OPTLY_OK)
        status = optly__pem_check_certificates(settings->client_cert_file,
                                               "http.client_cert_file", err);
    if (status == OPTLY_OK)
        status =
            take_text(&settings->client_key_file,
                      key_file != NULL ? key_file : config->client_cert_file,
                      "client_key_file", err);
    if (status == OPTLY_OK)
        status = optly__pem_check_key(
            settings->client_key_file,
            key_file != NULL ? "http.client_key_file" : "http.client_cert_file",
            err);
    return status;
}

static optly_status take_user_agent(optly__http_settings *settings,
                                    const optly_http_config *config,
                                    optly_error *err)
{
    const char *agent = config->user_agent;
    const char *problem;

    if (agent == NULL)
        agent = "optly-event/" OPTLY_VERSION_STRING;
    problem = optly__header_value_problem(agent);
    if (problem != NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "http.user_agent: %s",
                           problem);
    return take_text(&settings->user_agent, agent, "user_agent", err);
}

static optly_status take_headers(optly__http_settings *settings,
                                 const optly_http_config *config,
                                 optly_error *err)
{
    size_t count = config->header_count;

    if (count > MAX_HEADERS)
        return optly__fail(err, OPTLY_ERR_TOO_LARGE,
                           "http.header_count: %zu, should be at most %d",
                           count, MAX_HEADERS);
    if (count == 0)
        return OPTLY_OK;
    if (config->headers == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "http.headers: is NULL");
    settings->headers = optly__alloc_zero(count * sizeof(char *));
    if (settings->headers == NULL)
        return optly__fail_memory(err);
    settings->header_count = count;
    for (size_t i = 0; i < count; i++) {
        const char *problem = optly__header_problem(config->headers[i]);
        optly_status status;

        if (problem != NULL)
            return optly__fail(err, OPTLY_ERR_INVALID, "http.headers[%zu]: %s",
                               i, problem);
        status = take_text(&settings->headers[i], config->headers[i], "headers",
                           err);
        if (status != OPTLY_OK)
            return status;
    }
    return OPTLY_OK;
}

typedef optly_status (*take_part)(optly__http_settings *settings,
                                  const optly_http_config *config,
                                  optly_error *err);

optly_status optly__http_settings_init(optly__http_settings *settings,
                                       const optly_http_config *config,
                                       optly_error *err)
{
    static const take_part parts[] = {take_numbers,    take_authorities,
                                      take_client,     optly__http_take_proxies,
                                      take_user_agent, take_headers};
    optly_http_config own = optly_http_config_default();
    optly_status status = OPTLY_OK;

    memset(settings, 0, sizeof(*settings));
    if (config != NULL)
        status = optly__copy_struct(&own, sizeof(own), config,
                                    OPTLY__SIZE_TO(optly_http_config, reserved),
                                    "http", err);
    for (size_t i = 0;
         status == OPTLY_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
        status = parts[i](settings, &own, err);
    settings->http1_only = own.http1_only;
    settings->strict = own.strict;
    settings->allow_plaintext = own.allow_plaintext;
    settings->host_owns_curl_init = own.host_owns_curl_init;
    if (status != OPTLY_OK)
        optly__http_settings_cleanup(settings);
    return status;
}

/* Frees a text that may hold a password or a token. */
static void free_secret(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    optly__free(text);
}

void optly__http_settings_cleanup(optly__http_settings *settings)
{
    free_secret(settings->http_proxy);
    free_secret(settings->https_proxy);
    optly__free(settings->no_proxy);
    optly__free(settings->ca_file);
    optly__free(settings->ca_path);
    optly__free(settings->ca_blob);
    optly__free(settings->client_cert_file);
    optly__free(settings->client_key_file);
    optly__free(settings->user_agent);
    for (size_t i = 0; i < settings->header_count; i++)
        free_secret(settings->headers[i]);
    optly__free(settings->headers);
    memset(settings, 0, sizeof(*settings));
}
