/*
 * libcurl itself fails: each call of ours in turn. Linked with --wrap, so that
 * the library's calls come here first.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "fakes/failing_allocator.h"
#include "fakes/http_rig.h"

/* Calls that pass before one fails; -1: none fails. */
static int left = -1;
static CURLcode failure = CURLE_UNKNOWN_OPTION;
static CURLoption failed_option;
static bool pipe_fails;

/* What was set last on any handle, by option. */
static struct setting {
    CURLoption option;
    long number;
    char text[128];
    bool is_null;
} settings[128];
static size_t setting_count;

static struct setting *setting_of(CURLoption option)
{
    for (size_t i = 0; i < setting_count; i++) {
        if (settings[i].option == option)
            return &settings[i];
    }
    return NULL;
}

static struct setting *new_setting(CURLoption option)
{
    struct setting *setting = setting_of(option);

    if (setting == NULL)
        setting = &settings[setting_count++];
    memset(setting, 0, sizeof(*setting));
    setting->option = option;
    return setting;
}

static bool fails_now(void)
{
    return left >= 0 && left-- == 0;
}

/* The declarations that --wrap makes up. */
CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);
CURLM *__real_curl_multi_init(void);
CURLM *__wrap_curl_multi_init(void);
CURLMcode __real_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __real_curl_multi_setopt(CURLM *multi, CURLMoption option, ...);
CURLMcode __wrap_curl_multi_setopt(CURLM *multi, CURLMoption option, ...);
int __real_pipe2(int *fds, int flags);
int __wrap_pipe2(int *fds, int flags);
struct curl_slist *__real_curl_slist_append(struct curl_slist *list,
                                            const char *text);
struct curl_slist *__wrap_curl_slist_append(struct curl_slist *list,
                                            const char *text);
CURLcode __real_curl_global_init(long flags);
CURLcode __wrap_curl_global_init(long flags);

static CURLcode set_number(CURL *easy, CURLoption option, long number)
{
    new_setting(option)->number = number;
    return __real_curl_easy_setopt(easy, option, number);
}

static bool is_text(CURLoption option)
{
    const struct curl_easyoption *about = curl_easy_option_by_id(option);

    return about != NULL && about->type == CURLOT_STRING;
}

static CURLcode set_text(CURL *easy, CURLoption option, const char *text)
{
    struct setting *setting = new_setting(option);

    setting->is_null = text == NULL;
    if (text != NULL)
        (void)snprintf(setting->text, sizeof(setting->text), "%s", text);
    return __real_curl_easy_setopt(easy, option, text);
}

CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    va_list arguments;
    CURLcode code;

    if (fails_now()) {
        failed_option = option;
        return failure;
    }
    va_start(arguments, option);
    if (option < CURLOPTTYPE_OBJECTPOINT)
        code = set_number(easy, option, va_arg(arguments, long));
    else if (is_text(option))
        code = set_text(easy, option, va_arg(arguments, const char *));
    else if (option > CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
        code = __real_curl_easy_setopt(easy, option,
                                       va_arg(arguments, curl_off_t));
    else
        code = __real_curl_easy_setopt(easy, option, va_arg(arguments, void *));
    va_end(arguments);
    return code;
}

CURL *__wrap_curl_easy_init(void)
{
    return fails_now() ? NULL : __real_curl_easy_init();
}

CURLM *__wrap_curl_multi_init(void)
{
    return fails_now() ? NULL : __real_curl_multi_init();
}

CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    return fails_now() ? CURLM_OUT_OF_MEMORY
                       : __real_curl_multi_add_handle(multi, easy);
}

CURLMcode __wrap_curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
    va_list arguments;
    CURLMcode code;

    if (fails_now())
        return CURLM_UNKNOWN_OPTION;
    va_start(arguments, option);
    code = __real_curl_multi_setopt(multi, option, va_arg(arguments, long));
    va_end(arguments);
    return code;
}

int __wrap_pipe2(int *fds, int flags)
{
    if (!pipe_fails)
        return __real_pipe2(fds, flags);
    errno = EMFILE;
    return -1;
}

struct curl_slist *__wrap_curl_slist_append(struct curl_slist *list,
                                            const char *text)
{
    return fails_now() ? NULL : __real_curl_slist_append(list, text);
}

CURLcode __wrap_curl_global_init(long flags)
{
    return fails_now() ? CURLE_FAILED_INIT : __real_curl_global_init(flags);
}

static optly_http_config full_config(void)
{
    static const char *const headers[] = {"X-A: b"};
    optly_http_config config = optly_http_config_default();

    config.headers = headers;
    config.header_count = 1;
    config.strict = true;
    config.ca_path = "/tmp";
    return config;
}

static void test_create_fails_with_any_call_of_libcurl(void **state)
{
    optly_http_config config = full_config();
    optly_status status = OPTLY_ERR_IO;
    int failures = 0;

    (void)state;
    for (int n = 0; status != OPTLY_OK; n++) {
        optly_dispatcher dispatcher = {NULL, &dispatcher};
        optly_error err = {OPTLY_OK, ""};

        left = n;
        failing_allocator_install(FAILING_ALLOCATOR_NEVER);
        status = optly_http_dispatcher_create(&dispatcher, &config, &err);
        left = -1;
        if (status != OPTLY_OK) {
            failures++;
            assert_null(dispatcher.ops);
            assert_null(dispatcher.self);
            assert_int_equal(err.status, status);
            assert_true(err.message[0] != '\0');
        }
        optly_dispatcher_destroy(&dispatcher);
        assert_int_equal(failing_allocator_remove(), 0);
    }
    /* 1 start, 5 headers, 2 handles, some 35 options, 1 wake. */
    assert_true(failures > 40);
}

/* Dispatches one event while call `n` of libcurl's fails. */
static optly_dispatch_result dispatch_with_failure(int n, size_t *requests)
{
    optly_dispatch_result result;
    optly_log_event event;
    http_rig rig;

    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    /* The handle that create made is in use, so dispatch makes another. */
    http_rig_dispatch(&rig, &event);
    left = n;
    http_rig_dispatch(&rig, &event);
    left = -1;
    assert_true(http_rig_drive(&rig, 2));
    assert_int_equal(rig.deliveries.results[0].outcome, OPTLY_DELIVERED);
    result = rig.deliveries.results[1];
    *requests = raw_server_requests(rig.server);
    http_rig_stop(&rig);
    return result;
}

static void test_nothing_is_sent_when_a_setting_is_refused(void **state)
{
    optly_dispatch_result result = optly_dispatch_result_default();
    bool saw[4] = {false, false, false, false};
    size_t requests;

    (void)state;
    failure = CURLE_UNKNOWN_OPTION;
    for (int n = 0; result.outcome != OPTLY_DELIVERED; n++) {
        failed_option = (CURLoption)0;
        result = dispatch_with_failure(n, &requests);
        saw[0] = saw[0] || failed_option == CURLOPT_SSL_VERIFYPEER;
        saw[1] = saw[1] || failed_option == CURLOPT_SSL_VERIFYHOST;
        saw[2] = saw[2] || failed_option == CURLOPT_SSLVERSION;
        saw[3] = saw[3] || failed_option == CURLOPT_PROXY;
        if (result.outcome == OPTLY_DELIVERED)
            break;
        assert_int_equal(requests, 1);
        if (failed_option != 0)
            assert_int_equal(result.outcome, OPTLY_MISCONFIGURED);
        else
            assert_int_equal(result.outcome, OPTLY_RETRY);
        assert_true(result.detail[0] != '\0');
    }
    assert_int_equal(requests, 2);
    assert_true(saw[0] && saw[1] && saw[2] && saw[3]);
}

static void test_lack_of_memory_is_a_retry(void **state)
{
    optly_dispatch_result result = optly_dispatch_result_default();
    size_t requests;

    (void)state;
    failure = CURLE_OUT_OF_MEMORY;
    for (int n = 0; result.outcome != OPTLY_DELIVERED; n++) {
        result = dispatch_with_failure(n, &requests);
        assert_int_equal(result.outcome == OPTLY_DELIVERED, requests == 2);
        assert_true(result.outcome == OPTLY_DELIVERED ||
                    result.outcome == OPTLY_RETRY);
    }
    failure = CURLE_UNKNOWN_OPTION;
}

static void test_every_failed_allocation_of_ours_is_survived(void **state)
{
    optly_http_config config = full_config();
    int failures = 0, delivered = 0;

    (void)state;
    config.max_connections = 1; /* so that some have to wait */
    for (int n = 0; delivered < 3; n++) {
        raw_server *server = raw_server_start(raw_answer_204, NULL);
        optly_log_event event = fake_log_event(raw_server_url(server), "{}");
        optly_status status;
        http_rig rig;

        fake_deliveries_init(&rig.deliveries);
        failing_allocator_install((size_t)n);
        status = optly_http_dispatcher_create(&rig.dispatcher, &config, NULL);
        for (size_t i = 0; status == OPTLY_OK && i < 3; i++)
            http_rig_dispatch(&rig, &event);
        delivered = 0;
        if (status == OPTLY_OK) {
            assert_true(http_rig_drive(&rig, 3));
            for (size_t i = 0; i < 3; i++)
                delivered +=
                    rig.deliveries.results[i].outcome == OPTLY_DELIVERED;
        } else {
            assert_int_equal(status, OPTLY_ERR_NO_MEMORY);
        }
        failures += delivered < 3;
        optly_dispatcher_destroy(&rig.dispatcher);
        assert_int_equal(failing_allocator_remove(), 0);
        fake_deliveries_cleanup(&rig.deliveries);
        raw_server_stop(server);
    }
    assert_true(failures >= 7);
}

static void make_and_forget(const optly_http_config *config)
{
    optly_dispatcher dispatcher;

    setting_count = 0;
    assert_int_equal(optly_http_dispatcher_create(&dispatcher, config, NULL),
                     OPTLY_OK);
    optly_dispatcher_destroy(&dispatcher);
}

static void expect_text(CURLoption option, const char *text)
{
    const struct setting *setting = setting_of(option);

    assert_non_null(setting);
    assert_int_equal(setting->is_null, text == NULL);
    if (text != NULL)
        assert_string_equal(setting->text, text);
}

static void test_every_handle_keeps_the_rules(void **state)
{
    static const struct {
        CURLoption option;
        long number;
    } rules[] = {
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_PROXY_SSL_VERIFYPEER, 1},
        {CURLOPT_PROXY_SSL_VERIFYHOST, 2},
        {CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSL_SESSIONID_CACHE, 0},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_MAXLIFETIME_CONN, 3600},
        {CURLOPT_CONNECTTIMEOUT_MS, 5000},
        {CURLOPT_TIMEOUT_MS, 10000},
    };
    static const CURLoption never[] = {CURLOPT_ACCEPT_ENCODING,
                                       CURLOPT_COOKIEFILE,
                                       CURLOPT_COOKIEJAR,
                                       CURLOPT_COOKIE,
                                       CURLOPT_USERPWD,
                                       CURLOPT_VERBOSE,
                                       CURLOPT_HSTS,
                                       CURLOPT_ALTSVC,
                                       CURLOPT_CAINFO,
                                       CURLOPT_CAPATH,
                                       CURLOPT_SSLCERT};

    (void)state;
    make_and_forget(NULL);

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        assert_non_null(setting_of(rules[i].option));
        assert_int_equal(setting_of(rules[i].option)->number, rules[i].number);
    }
    assert_int_equal(
        setting_of(CURLOPT_HTTP_VERSION)->number,
        (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2) != 0
            ? CURL_HTTP_VERSION_2TLS
            : CURL_HTTP_VERSION_1_1);
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        assert_null(setting_of(never[i]));
    expect_text(CURLOPT_NOPROXY, "");
#if LIBCURL_VERSION_NUM >= 0x075500
    expect_text(CURLOPT_PROTOCOLS_STR, "http,https");
    expect_text(CURLOPT_REDIR_PROTOCOLS_STR, "https");
#endif
}

static void test_http1_only_does_not_offer_more(void **state)
{
    optly_http_config config = optly_http_config_default();

    (void)state;
    config.http1_only = true;
    make_and_forget(&config);

    assert_int_equal(setting_of(CURLOPT_HTTP_VERSION)->number,
                     CURL_HTTP_VERSION_1_1);
}

/* libcurl would go on trusting the system's directory beside a given file. */
static void test_given_authorities_replace_the_systems(void **state)
{
    static const char bundle[] = "/etc/ssl/certs/ca-certificates.crt";
    optly_http_config config = optly_http_config_default();

    (void)state;
    config.ca_path = "/tmp";
    make_and_forget(&config);
    expect_text(CURLOPT_CAINFO, NULL);
    expect_text(CURLOPT_CAPATH, "/tmp");
    expect_text(CURLOPT_PROXY_CAINFO, NULL);
    expect_text(CURLOPT_PROXY_CAPATH, "/tmp");

    if (access(bundle, R_OK) != 0)
        skip();
    config.ca_path = NULL;
    config.ca_file = bundle;
    make_and_forget(&config);
    expect_text(CURLOPT_CAINFO, bundle);
    expect_text(CURLOPT_CAPATH, NULL);
    expect_text(CURLOPT_PROXY_CAINFO, bundle);
    expect_text(CURLOPT_PROXY_CAPATH, NULL);
}

static void test_dispatcher_that_cannot_be_woken_is_refused(void **state)
{
    optly_dispatcher dispatcher;
    optly_error err;

    (void)state;
    pipe_fails = true;
    assert_int_equal(optly_http_dispatcher_create(&dispatcher, NULL, &err),
                     OPTLY_ERR_IO);
    pipe_fails = false;
    assert_non_null(strstr(err.message, "descriptors"));
}

static void test_host_may_own_libcurls_start(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly_dispatcher dispatcher;

    (void)state;
    config.host_owns_curl_init = true;
    assert_int_equal(optly_http_dispatcher_create(&dispatcher, &config, NULL),
                     OPTLY_OK);
    optly_dispatcher_destroy(&dispatcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First, since libcurl starts only once. */
        cmocka_unit_test(test_create_fails_with_any_call_of_libcurl),
        cmocka_unit_test(test_nothing_is_sent_when_a_setting_is_refused),
        cmocka_unit_test(test_lack_of_memory_is_a_retry),
        cmocka_unit_test(test_every_failed_allocation_of_ours_is_survived),
        cmocka_unit_test(test_every_handle_keeps_the_rules),
        cmocka_unit_test(test_http1_only_does_not_offer_more),
        cmocka_unit_test(test_given_authorities_replace_the_systems),
        cmocka_unit_test(test_dispatcher_that_cannot_be_woken_is_refused),
        cmocka_unit_test(test_host_may_own_libcurls_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
