/*
 * libcurl fails at work: every result that a transfer may have, and every call
 * of the driver with every error, once and for good. Linked so that the
 * library's calls come to the functions below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "faults/http_stand.h"

/* The function that fails, by its name; its calls before; all of them on the
 * test's own thread. */
static const char *failing = "";
static int error;
static size_t calls_left;
static bool armed, lasting, has_hit;

/* The result of each transfer to come, while there are any. */
static int injected, injections;
static bool shows_status;

static bool fails_now(const char *name)
{
    if (!armed || strcmp(name, failing) != 0)
        return false;
    if (calls_left > 0) {
        calls_left--;
        return false;
    }
    if (has_hit && !lasting)
        return false;
    has_hit = true;
    return true;
}

static void arm(size_t count, bool for_good)
{
    calls_left = count;
    lasting = for_good;
    has_hit = false;
    armed = true;
}

static bool has_failed(void)
{
    return has_hit;
}

static void disarm(void)
{
    armed = false;
}

static const fault_source calls_of_libcurl = {arm, has_failed, disarm, NULL};

/* `name` as the library sees it: gives `failed` where it is to fail. */
#define WRAP(type, name, parameters, arguments, failed)                        \
    type __real_##name parameters;                                             \
    type __wrap_##name parameters;                                             \
    type __wrap_##name parameters                                              \
    {                                                                          \
        return fails_now(#name) ? (failed) : __real_##name arguments;          \
    }

WRAP(CURL *, curl_easy_init, (void), (), NULL)
WRAP(CURLM *, curl_multi_init, (void), (), NULL)
WRAP(struct curl_slist *, curl_slist_append,
     (struct curl_slist * list, const char *text), (list, text), NULL)
WRAP(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *easy),
     (multi, easy), (CURLMcode)error)
WRAP(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL *easy),
     (multi, easy), (CURLMcode)error)

CURLMcode __real_curl_multi_socket_action(CURLM *multi, curl_socket_t socket,
                                          int ready, int *running);
CURLMcode __wrap_curl_multi_socket_action(CURLM *multi, curl_socket_t socket,
                                          int ready, int *running);
CURLMsg *__real_curl_multi_info_read(CURLM *multi, int *left);
CURLMsg *__wrap_curl_multi_info_read(CURLM *multi, int *left);
CURLcode __real_curl_easy_getinfo(CURL *easy, CURLINFO info, ...);
CURLcode __wrap_curl_easy_getinfo(CURL *easy, CURLINFO info, ...);
curl_version_info_data *__real_curl_version_info(CURLversion age);
curl_version_info_data *__wrap_curl_version_info(CURLversion age);

/* Fails once, after it has ended the last transfer. */
static bool breaks_at_the_end;

CURLMcode __wrap_curl_multi_socket_action(CURLM *multi, curl_socket_t socket,
                                          int ready, int *running)
{
    CURLMcode code;

    if (fails_now("curl_multi_socket_action"))
        return (CURLMcode)error;
    code = __real_curl_multi_socket_action(multi, socket, ready, running);
    if (!breaks_at_the_end || *running > 0)
        return code;
    breaks_at_the_end = false;
    return CURLM_INTERNAL_ERROR;
}

/* So many messages that mean nothing come first. */
static int strange_messages;

CURLMsg *__wrap_curl_multi_info_read(CURLM *multi, int *left)
{
    static CURLMsg strange;
    CURLMsg *message;

    if (strange_messages > 0) {
        strange.msg = strange_messages == 2 ? CURLMSG_NONE : CURLMSG_DONE;
        strange.easy_handle = NULL;
        strange_messages--;
        return &strange;
    }
    if (fails_now("curl_multi_info_read"))
        return NULL;
    message = __real_curl_multi_info_read(multi, left);
    if (message != NULL && injections > 0)
        message->data.result = (CURLcode)injected;
    return message;
}

/* Where a result is injected, no status line came, unless it is shown. */
CURLcode __wrap_curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
    va_list arguments;
    void *to;

    va_start(arguments, info);
    to = va_arg(arguments, void *);
    va_end(arguments);
    if (fails_now("curl_easy_getinfo"))
        return (CURLcode)error;
    if (info == CURLINFO_RESPONSE_CODE && injections > 0) {
        injections--;
        if (!shows_status) {
            *(long *)to = 0;
            return CURLE_OK;
        }
    }
    return __real_curl_easy_getinfo(easy, info, to);
}

static int missing_features;
static unsigned shown_version; /* 0: the real one */

curl_version_info_data *__wrap_curl_version_info(CURLversion age)
{
    static curl_version_info_data copy;

    copy = *__real_curl_version_info(age);
    copy.features &= ~missing_features;
    if (shown_version != 0)
        copy.version_num = shown_version;
    return &copy;
}

/* Of the machine's set-up; everything else may pass by itself. */
static bool is_misconfiguration(int code)
{
    static const int codes[] = {3, 4, 43, 48, 53, 54, 58, 59, 66, 77, 82, 98};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i] == code)
            return true;
    }
    return false;
}

enum { KNOWN_CODES = 99, UNKNOWN_CODES = 3 };

static const int unknown_codes[UNKNOWN_CODES] = {100, 12345, -1};

static int code_at(int i)
{
    return i < KNOWN_CODES ? i + 1 : unknown_codes[i - KNOWN_CODES];
}

static void test_every_result_of_a_transfer_has_its_class(void **state)
{
    optly_http_config config = http_stand_config();
    /* The server says nothing: what it has said would be to blame. */
    http_plan plan = {.failures = KNOWN_CODES + UNKNOWN_CODES, .failure = NULL};
    optly_log_event event;
    int classes[2] = {0, 0};
    http_rig rig;

    (void)state;
    http_rig_start(&rig, http_plan_serve, &plan, &config);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    for (int i = 0; i < KNOWN_CODES + UNKNOWN_CODES; i++) {
        char start[24];
        bool set_up = is_misconfiguration(code_at(i));
        optly_dispatch_result result;

        injected = code_at(i);
        injections = 1;
        result = http_rig_send(&rig, &event);
        injections = 0;

        assert_int_equal(result.outcome,
                         set_up ? OPTLY_MISCONFIGURED : OPTLY_RETRY);
        assert_int_equal(result.http_status, 0);
        (void)snprintf(start, sizeof(start), "libcurl %d: ", injected);
        assert_memory_equal(result.detail, start, strlen(start));
        assert_true(strlen(result.detail) > strlen(start));
        classes[set_up]++;
    }
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
    http_rig_stop(&rig);
    (void)printf("results of a transfer: %d retried, %d a wrong set-up\n",
                 classes[0], classes[1]);
}

/* A status line that came decides, whatever libcurl says after it. */
static void test_no_result_overrules_a_status_line(void **state)
{
    static const struct {
        const char *answer;
        optly_outcome outcome;
    } answers[] = {
        {"HTTP/1.1 204 No\r\n\r\n", OPTLY_DELIVERED},
        {"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", OPTLY_REFUSED},
        {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", OPTLY_RETRY},
    };
    optly_http_config config = http_stand_config();
    optly_dispatch_result result;

    (void)state;
    shows_status = true;
    for (size_t a = 0; a < sizeof(answers) / sizeof(answers[0]); a++) {
        http_plan plan = {.failures = 10000, .failure = answers[a].answer};
        optly_log_event event;
        http_rig rig;

        http_rig_start(&rig, http_plan_serve, &plan, &config);
        event = fake_log_event(raw_server_url(rig.server), "{}");
        for (int code = 1; code <= KNOWN_CODES; code++) {
            injected = code;
            injections = 1;
            result = http_rig_send(&rig, &event);
            assert_int_equal(injections, 0);
            assert_int_equal(result.outcome, answers[a].outcome);
        }
        http_rig_stop(&rig);
    }
    shows_status = false;
}

/* The whole way: kept, told apart in the log, and delivered the next time. */
static void test_no_result_of_a_transfer_loses_events(void **state)
{
    optly_http_config config = http_stand_config();

    (void)state;
    for (int i = 0; i < KNOWN_CODES + UNKNOWN_CODES; i++) {
        optly_stats stats = optly_stats_default();
        http_plan plan = {0};
        raw_server *server;
        stand s;

        http_stand_init(&s);
        server = http_stand_open(&s, &plan, &config);
        stand_add_many(&s, 0, 10);
        injected = code_at(i);
        injections = 2;
        assert_int_equal(optly_processor_flush(s.processor, 20000), OPTLY_OK);
        assert_int_equal(injections, 0);
        assert_int_equal(optly_processor_stats(s.processor, &stats), OPTLY_OK);
        assert_int_equal(stats.requests, 3);
        assert_int_equal(stats.retries, 2);
        assert_int_equal(raw_server_requests(server), 3);
        for (size_t r = 1; r < 3; r++)
            assert_string_equal(raw_server_request(server, 0)->body,
                                raw_server_request(server, r)->body);
        stand_finish(&s, 0);
        raw_server_stop(server);
    }
}

/* From create to the last event, wherever it can get. */
static void live(fault_point *point)
{
    optly_http_config config = http_stand_config();
    optly_dispatcher dispatcher = {NULL, NULL};
    optly_error err = {OPTLY_OK, ""};
    http_plan plan = {.failures = 1,
                      .failure = "HTTP/1.1 503 Busy\r\n"
                                 "Content-Length: 0\r\n\r\n"};
    raw_server *server = raw_server_start(http_plan_serve, &plan);
    optly_status status;
    stand s;

    http_stand_init(&s);
    fault_begin(point);
    status = optly_http_dispatcher_create(&dispatcher, &config, &err);
    if (status != OPTLY_OK) {
        fault_end(point);
        assert_true(point->hit);
        assert_true(status == OPTLY_ERR_NO_MEMORY || status == OPTLY_ERR_IO);
        assert_true(err.message[0] != '\0');
        assert_int_equal(
            optly_http_dispatcher_create(&dispatcher, &config, NULL), OPTLY_OK);
    }
    optly_dispatcher_destroy(&s.config.dispatcher);
    s.config.dispatcher = dispatcher;
    s.config.endpoint = raw_server_url(server);
    s.config.max_in_flight = 2;
    stand_open(&s);
    stand_add_many(&s, 0, 15);
    if (status == OPTLY_OK)
        http_stand_send(&s, point);
    stand_finish(&s, 0);
    raw_server_stop(server);
}

static void test_every_call_of_libcurl_may_fail(void **state)
{
    static const struct {
        const char *name;
        int errors[4];
    } cases[] = {
        {"curl_easy_init", {-1}},
        {"curl_multi_init", {-1}},
        {"curl_slist_append", {-1}},
        {"curl_multi_info_read", {-1}},
        {"curl_multi_add_handle",
         {CURLM_OUT_OF_MEMORY, CURLM_ADDED_ALREADY, CURLM_INTERNAL_ERROR}},
        {"curl_multi_remove_handle",
         {CURLM_BAD_EASY_HANDLE, CURLM_RECURSIVE_API_CALL}},
        {"curl_multi_socket_action",
         {CURLM_OUT_OF_MEMORY, CURLM_INTERNAL_ERROR, CURLM_BAD_SOCKET}},
        {"curl_easy_getinfo",
         {CURLE_UNKNOWN_OPTION, CURLE_BAD_FUNCTION_ARGUMENT}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        failing = cases[i].name;
        for (int e = 0; e < 4 && cases[i].errors[e] != 0; e++) {
            char title[64];

            error = cases[i].errors[e];
            (void)snprintf(title, sizeof(title), "%s %d", failing, error);
            (void)fault_run(&calls_of_libcurl, title, live);
        }
    }
    failing = "";
}

static void test_unfit_libcurl_is_refused_at_create(void **state)
{
    static const int features[] = {CURL_VERSION_SSL, CURL_VERSION_ASYNCHDNS};

    (void)state;
    for (int i = 0; i < 2; i++) {
        optly_dispatcher dispatcher;
        optly_error err;

        missing_features = features[i];
        assert_int_equal(optly_http_dispatcher_create(&dispatcher, NULL, &err),
                         OPTLY_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, "this libcurl"));
        assert_null(dispatcher.ops);
    }
    missing_features = 0;
}

static int start_libcurl(void **state)
{
    (void)state;
    return (int)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int print_total(void **state)
{
    (void)state;
    fault_print_total("calls of libcurl");
    return 0;
}

/* How many handles it takes to send three times, one after the other. */
static size_t count_handles(unsigned version)
{
    optly_http_config config = http_stand_config();
    http_plan plan = {0};
    optly_log_event event;
    size_t made;
    http_rig rig;

    shown_version = version;
    failing = "curl_easy_init";
    arm(1000, false);
    http_rig_start(&rig, http_plan_serve, &plan, &config);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
    made = 1000 - calls_left;
    disarm();
    failing = "";
    http_rig_stop(&rig);
    shown_version = 0;
    return made;
}

/* From 7.83.0 to 8.1 a handle remembers a header that is freed. */
static void test_handles_are_used_again_where_that_is_safe(void **state)
{
    (void)state;
    assert_int_equal(count_handles(0x075200), 1);
    assert_int_equal(count_handles(0x075300), 3);
    assert_int_equal(count_handles(0x0801ff), 3);
    assert_int_equal(count_handles(0x080200), 1);
}

/* HTTP/2 waits for a connection to share; without it that would cost time. */
static void test_a_libcurl_without_http2_sends(void **state)
{
    (void)state;
    missing_features = CURL_VERSION_HTTP2;
    assert_int_equal(count_handles(0x080200), 1);
    missing_features = 0;
}

/* Messages of another kind, and of handles that are not ours. */
static void test_messages_that_say_nothing_are_passed_over(void **state)
{
    optly_http_config config = http_stand_config();
    http_plan plan = {0};
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, http_plan_serve, &plan, &config);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    strange_messages = 2;
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
    assert_int_equal(strange_messages, 0);
    http_rig_stop(&rig);
}

/* A completion that hands over the next event from within, as one of a host's
 * own dispatcher around this one may. */
struct chain {
    optly__delivery_core core; /* first: deliveries point here */
    http_rig *rig;
    const optly_log_event *event;
    int completions;
    optly_outcome outcomes[2];
};

static void hand_over_the_next(optly__delivery_core *core, uint64_t id,
                               const optly_dispatch_result *result)
{
    struct chain *chain = (struct chain *)core;
    optly_delivery next = {core, id + 1};

    chain->completions++;
    chain->outcomes[id] = result->outcome;
    if (id == 0)
        chain->rig->dispatcher.ops->dispatch(chain->rig->dispatcher.self,
                                             chain->event, next);
}

/* libcurl fails in the same call that ends a transfer. */
static void test_a_broken_libcurl_is_given_nothing_more(void **state)
{
    optly_http_config config = http_stand_config();
    http_plan plan = {0};
    optly_log_event event;
    http_rig rig;
    struct chain chain = {.core.complete = hand_over_the_next, .rig = &rig};

    (void)state;
    http_rig_start(&rig, http_plan_serve, &plan, &config);
    event = fake_log_event(raw_server_url(rig.server), "{}");
    chain.event = &event;
    breaks_at_the_end = true;
    failing = "curl_multi_add_handle"; /* counted; none fails */
    arm(1000, false);
    rig.unread = true; /* the rig does not know this delivery */
    rig.dispatcher.ops->dispatch(rig.dispatcher.self, &event,
                                 (optly_delivery){&chain.core, 0});
    while (chain.completions < 2)
        rig.dispatcher.ops->poll(rig.dispatcher.self, 1000);
    assert_int_equal(1000 - calls_left, 1);
    disarm();
    failing = "";
    assert_int_equal(chain.outcomes[0], OPTLY_DELIVERED);
    assert_int_equal(chain.outcomes[1], OPTLY_RETRY);
    assert_int_equal(raw_server_requests(rig.server), 1);
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);
    http_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_result_of_a_transfer_has_its_class),
        cmocka_unit_test(test_no_result_overrules_a_status_line),
        cmocka_unit_test(test_no_result_of_a_transfer_loses_events),
        cmocka_unit_test(test_every_call_of_libcurl_may_fail),
        cmocka_unit_test(test_unfit_libcurl_is_refused_at_create),
        cmocka_unit_test(test_handles_are_used_again_where_that_is_safe),
        cmocka_unit_test(test_a_libcurl_without_http2_sends),
        cmocka_unit_test(test_messages_that_say_nothing_are_passed_over),
        cmocka_unit_test(test_a_broken_libcurl_is_given_nothing_more),
    };

    return cmocka_run_group_tests(tests, start_libcurl, print_total);
}
