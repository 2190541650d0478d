#include "dispatch/http_transfer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/ascii.h"
#include "base/error.h"
#include "base/memory.h"
#include "dispatch/endpoint.h"
#include "dispatch/gzip.h"
#include "platform/platform.h"

static size_t take_header(char *line, size_t size, size_t count, void *user)
{
    optly__http_transfer *transfer = user;
    size_t len = size * count;

    return optly__http_response_header(&transfer->response, line, len) ? len
                                                                       : 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    optly__http_transfer *transfer = user;
    size_t len = size * count;

    (void)bytes;
    return optly__http_response_body(&transfer->response, len) ? len : 0;
}

/* As libcurl would, but not for the programs that the host starts. */
static curl_socket_t open_socket(void *user, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    (void)user;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

static void set_callbacks(optly__http_transfer *transfer, CURLcode *code)
{
    CURL *easy = transfer->easy;

    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
}

optly_status optly__http_transfer_create(optly__http_transfer **out,
                                         const optly__http_client *client,
                                         optly_error *err)
{
    optly__http_transfer *transfer = optly__alloc_zero(sizeof(*transfer));
    CURLcode code;

    _Static_assert(sizeof(transfer->error) >= CURL_ERROR_SIZE,
                   "libcurl writes this much");
    *out = NULL;
    if (transfer == NULL)
        return optly__fail_memory(err);
    transfer->client = client;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL) {
        optly__free(transfer);
        return optly__fail_memory(err);
    }
    code = (CURLcode)optly__http_client_set_up(client, transfer->easy);
    set_callbacks(transfer, &code);
    if (code == CURLE_OK) {
        *out = transfer;
        return OPTLY_OK;
    }
    optly__http_transfer_destroy(transfer);
    if (code == CURLE_OUT_OF_MEMORY)
        return optly__fail_memory(err);
    return optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                       "libcurl refuses a setting: %s",
                       curl_easy_strerror(code));
}

void optly__http_transfer_destroy(optly__http_transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    optly__http_transfer_release(transfer);
    optly__free(transfer);
}

/* A body that libcurl borrows. Given none, it would turn to its read function,
 * which is the standard input. */
static void set_body(CURL *easy, CURLcode *code, const void *body, size_t len)
{
    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                 (curl_off_t)len);
    if (*code == CURLE_OK)
        *code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                                 body != NULL ? body : "");
}

static CURLcode set_request(optly__http_transfer *transfer)
{
    const optly__http_settings *settings = &transfer->client->settings;
    const optly_log_event *event = transfer->event;
    const void *body = event->body;
    size_t len = body != NULL ? event->body_len : 0;
    bool secure = optly__ascii_begins(event->endpoint, "https:", 6);
    const char *proxy = secure ? settings->https_proxy : settings->http_proxy;
    CURLcode code;

    if (settings->gzip_level > 0) {
        if (!optly__gzip(settings->gzip_level, body, len, &transfer->gzipped,
                         &len))
            return CURLE_OUT_OF_MEMORY;
        body = transfer->gzipped;
    }
    code = curl_easy_setopt(transfer->easy, CURLOPT_URL, event->endpoint);
    /* Unset, libcurl would look for it in the environment. */
    if (code == CURLE_OK)
        code = curl_easy_setopt(transfer->easy, CURLOPT_PROXY,
                                proxy != NULL ? proxy : "");
    if (code == CURLE_OK)
        code = curl_easy_setopt(transfer->easy, CURLOPT_PIPEWAIT,
                                (long)(secure && transfer->client->may_wait));
    set_body(transfer->easy, &code, body, len);
    return code;
}

bool optly__http_transfer_prepare(optly__http_transfer *transfer,
                                  const optly_log_event *event,
                                  optly_delivery delivery,
                                  optly_dispatch_result *result)
{
    bool allow_plaintext = transfer->client->settings.allow_plaintext;
    optly_error err;
    CURLcode code;

    *result = optly_dispatch_result_default();
    result->outcome = OPTLY_MISCONFIGURED;
    if (optly__endpoint_check(event->endpoint, allow_plaintext, &err) !=
        OPTLY_OK) {
        (void)snprintf(result->detail, sizeof(result->detail), "%.127s",
                       err.message);
        return false;
    }
    transfer->event = event;
    transfer->delivery = delivery;
    transfer->error[0] = '\0';
    optly__http_response_init(&transfer->response);
    code = set_request(transfer);
    if (code == CURLE_OK)
        return true;
    if (code == CURLE_OUT_OF_MEMORY)
        result->outcome = OPTLY_RETRY;
    (void)snprintf(result->detail, sizeof(result->detail),
                   "libcurl refuses a setting: %s", curl_easy_strerror(code));
    optly__http_transfer_release(transfer);
    return false;
}

void optly__http_transfer_release(optly__http_transfer *transfer)
{
    optly__free(transfer->gzipped);
    transfer->gzipped = NULL;
    transfer->event = NULL;
}

optly_outcome optly__http_code_outcome(int code)
{
    switch ((CURLcode)code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
#if LIBCURL_VERSION_NUM >= 0x074d00
    case CURLE_SSL_CLIENTCERT:
#endif
        return OPTLY_MISCONFIGURED;
    default: /* CURLE_UNSUPPORTED_PROTOCOL, too: an answer of HTTP/0.9 */
        return OPTLY_RETRY;
    }
}

/* A refusal by the proxy says nothing about the batch, so never split it. */
static optly_outcome proxy_outcome(long status)
{
    optly_outcome outcome = optly__http_status_outcome(status);

    return outcome == OPTLY_RETRY ? OPTLY_RETRY : OPTLY_MISCONFIGURED;
}

static void judge_failure(const optly__http_transfer *transfer, CURLcode code,
                          optly_dispatch_result *result)
{
    const char *text = transfer->error;
    long status = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (status >= 300) {
        result->outcome = proxy_outcome(status);
        (void)snprintf(result->detail, sizeof(result->detail),
                       "the proxy answered HTTP %ld", status);
        return;
    }
    /* Once the server has said something, libcurl's "bad argument" is its. */
    result->outcome = transfer->response.header_bytes > 0
                          ? OPTLY_RETRY
                          : optly__http_code_outcome((int)code);
    (void)snprintf(result->detail, sizeof(result->detail), "libcurl %d: %.100s",
                   (int)code,
                   text[0] != '\0' ? text : curl_easy_strerror(code));
}

/*
 * A status line decides, also when the answer broke off behind it: the server
 * has judged the request, and nothing that follows changes that.
 */
void optly__http_transfer_judge(const optly__http_transfer *transfer, int code,
                                optly_dispatch_result *result)
{
    long status = 0;

    *result = optly_dispatch_result_default();
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 599 || transfer->response.is_garbled) {
        judge_failure(transfer, (CURLcode)code, result);
        return;
    }
    result->http_status = (int32_t)status;
    result->outcome = optly__http_status_outcome(status);
    if (result->outcome == OPTLY_RETRY ||
        result->outcome == OPTLY_MISCONFIGURED)
        result->retry_after_ms =
            optly__http_retry_after_ms(&transfer->response, optly__wall_ms());
    (void)snprintf(result->detail, sizeof(result->detail), "HTTP %ld%s%s",
                   status, code != CURLE_OK ? ", then: " : "",
                   code != CURLE_OK ? curl_easy_strerror((CURLcode)code) : "");
}
