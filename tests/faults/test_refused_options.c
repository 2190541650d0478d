/*
 * Each option of libcurl that the library sets is refused in turn, by its
 * name: without it nothing is sent, least of all without one of safety.
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
#include <curl/curl.h>

#include "fakes/http_rig.h"

enum { MOST_OPTIONS = 128 };

static CURLoption options[MOST_OPTIONS];
static size_t option_count, at_create;
static CURLoption refused;
static CURLMoption multi_options[MOST_OPTIONS], multi_refused;
static size_t multi_count;

CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLMcode __real_curl_multi_setopt(CURLM *multi, CURLMoption option, ...);
CURLMcode __wrap_curl_multi_setopt(CURLM *multi, CURLMoption option, ...);

static void remember(CURLoption option)
{
    for (size_t i = 0; i < option_count; i++) {
        if (options[i] == option)
            return;
    }
    if (option_count < MOST_OPTIONS)
        options[option_count++] = option;
}

CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    va_list arguments;
    CURLcode code;

    remember(option);
    if (option == refused)
        return CURLE_UNKNOWN_OPTION;
    va_start(arguments, option);
    if (option < CURLOPTTYPE_OBJECTPOINT)
        code = __real_curl_easy_setopt(easy, option, va_arg(arguments, long));
    else if (option > CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
        code = __real_curl_easy_setopt(easy, option,
                                       va_arg(arguments, curl_off_t));
    else
        code = __real_curl_easy_setopt(easy, option, va_arg(arguments, void *));
    va_end(arguments);
    return code;
}

CURLMcode __wrap_curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
    va_list arguments;
    CURLMcode code;

    multi_options[multi_count++ % MOST_OPTIONS] = option;
    if (option == multi_refused)
        return CURLM_UNKNOWN_OPTION;
    va_start(arguments, option);
    if (option < (CURLMoption)CURLOPTTYPE_OBJECTPOINT)
        code = __real_curl_multi_setopt(multi, option, va_arg(arguments, long));
    else
        code =
            __real_curl_multi_setopt(multi, option, va_arg(arguments, void *));
    va_end(arguments);
    return code;
}

static const char pem[] =
    "-----BEGIN CERTIFICATE-----\nMAUCAwEAAQ==\n-----END CERTIFICATE-----\n"
    "-----BEGIN PRIVATE KEY-----\nMAUCAwEAAQ==\n-----END PRIVATE KEY-----\n";
static char pem_file[] = "/tmp/optly-options-XXXXXX";

/* Authorities from a file or from memory, and all the rest. */
static optly_http_config full_config(bool from_memory)
{
    static const char *const headers[] = {"X-A: b"};
    optly_http_config config = optly_http_config_default();

    config.headers = headers;
    config.header_count = 1;
    config.strict = true;
    config.client_cert_file = pem_file;
    config.no_proxy = "127.0.0.1";
    config.proxy = "http://127.0.0.1:1";
    if (from_memory) {
        config.ca_blob = pem;
        config.ca_blob_len = strlen(pem);
    } else {
        config.ca_file = pem_file;
        config.ca_path = "/tmp";
    }
    return config;
}

/* Learns which options there are: at create, then with a request. */
static void learn(const optly_http_config *config)
{
    optly_log_event event;
    http_rig rig;

    option_count = multi_count = 0;
    http_rig_start(&rig, raw_answer_204, NULL, config);
    at_create = option_count;
    event = fake_log_event(raw_server_url(rig.server), "{}");
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
    http_rig_stop(&rig);
}

/* No dispatcher is made without the option. */
static void expect_no_dispatcher(const optly_http_config *config)
{
    optly_dispatcher dispatcher = {NULL, NULL};
    optly_error err = {OPTLY_OK, ""};

    assert_int_equal(optly_http_dispatcher_create(&dispatcher, config, &err),
                     OPTLY_ERR_UNSUPPORTED);
    assert_null(dispatcher.ops);
    assert_non_null(strstr(err.message, "libcurl refuses a setting"));
}

/*
 * One that has a handle uses that; a second one, or the next request, cannot
 * be set up: nothing is sent, until the option is there again.
 */
static void expect_no_request(const optly_http_config *config,
                              CURLoption option)
{
    optly_dispatch_result result;
    optly_log_event event;
    http_rig rig;

    http_rig_start(&rig, raw_answer_204, NULL, config);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    http_rig_dispatch(&rig, &event);
    refused = option;
    http_rig_dispatch(&rig, &event);
    refused = (CURLoption)0;
    assert_true(http_rig_drive(&rig, 2));
    assert_int_equal(rig.deliveries.results[0].outcome, OPTLY_DELIVERED);
    result = rig.deliveries.results[1];
    assert_int_equal(result.outcome, OPTLY_MISCONFIGURED);
    assert_non_null(strstr(result.detail, "libcurl refuses a setting"));
    assert_int_equal(raw_server_requests(rig.server), 1);
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
    assert_int_equal(raw_server_requests(rig.server), 2);
    http_rig_stop(&rig);
}

static bool is_set(CURLoption option)
{
    for (size_t i = 0; i < option_count; i++) {
        if (options[i] == option)
            return true;
    }
    return false;
}

static void test_nothing_is_sent_without_any_of_the_options(void **state)
{
    static const CURLoption safety[] = {
        CURLOPT_SSL_VERIFYPEER,
        CURLOPT_SSL_VERIFYHOST,
        CURLOPT_SSLVERSION,
        CURLOPT_PROXY_SSL_VERIFYPEER,
        CURLOPT_PROXY_SSL_VERIFYHOST,
        CURLOPT_PROXY_SSLVERSION,
        CURLOPT_FOLLOWLOCATION,
        CURLOPT_HTTP09_ALLOWED,
        CURLOPT_NETRC,
        CURLOPT_TIMEOUT_MS,
        CURLOPT_CONNECTTIMEOUT_MS,
        CURLOPT_SSLCERT,
        CURLOPT_SSLKEY,
        CURLOPT_NOPROXY,
        CURLOPT_PROXY,
        CURLOPT_HTTPHEADER,
#if LIBCURL_VERSION_NUM >= 0x075500
        CURLOPT_PROTOCOLS_STR,
        CURLOPT_REDIR_PROTOCOLS_STR,
#else
        CURLOPT_PROTOCOLS,
        CURLOPT_REDIR_PROTOCOLS,
#endif
    };
    size_t creates = 0, requests = 0;

    (void)state;
    for (int from_memory = 0; from_memory < 2; from_memory++) {
        optly_http_config config = full_config(from_memory != 0);
        CURLoption learnt[MOST_OPTIONS];
        size_t count;

        learn(&config);
        for (size_t i = 0; i < sizeof(safety) / sizeof(safety[0]); i++)
            assert_true(is_set(safety[i]));
        assert_int_equal(is_set(CURLOPT_CAINFO) && is_set(CURLOPT_PROXY_CAINFO),
                         true);
#if LIBCURL_VERSION_NUM >= 0x074d00
        assert_int_equal(is_set(CURLOPT_CAINFO_BLOB), from_memory != 0);
#endif
        count = option_count;
        memcpy(learnt, options, sizeof(options));
        for (size_t i = 0; i < at_create; i++, creates++) {
            refused = learnt[i];
            expect_no_dispatcher(&config);
            refused = (CURLoption)0;
        }
        for (size_t i = 0; i < count; i++, requests++)
            expect_no_request(&config, learnt[i]);
    }
    (void)printf("options refused: %zu at create, %zu for a request\n", creates,
                 requests);
}

static void test_no_dispatcher_without_any_option_of_the_multi(void **state)
{
    optly_http_config config = full_config(false);
    CURLMoption learnt[MOST_OPTIONS];
    size_t count;

    (void)state;
    learn(&config);
    count = multi_count;
    assert_in_range(count, 8, MOST_OPTIONS);
    memcpy(learnt, multi_options, sizeof(learnt));
    for (size_t i = 0; i < count; i++) {
        multi_refused = learnt[i];
        expect_no_dispatcher(&config);
    }
    multi_refused = (CURLMoption)0;
    (void)printf("options of the multi refused: %zu\n", count);
}

static int write_pem(void **state)
{
    int fd = mkstemp(pem_file);

    (void)state;
    if (fd < 0 || write(fd, pem, strlen(pem)) != (ssize_t)strlen(pem))
        return -1;
    return close(fd);
}

static int remove_pem(void **state)
{
    (void)state;
    return unlink(pem_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_sent_without_any_of_the_options),
        cmocka_unit_test(test_no_dispatcher_without_any_option_of_the_multi),
    };

    return cmocka_run_group_tests(tests, write_pem, remove_pem);
}
