/*
 * Personal data and secrets stay out of logs and error messages: events, keys
 * and passwords carry a canary, everything goes wrong that can, and what the
 * library says is searched for it.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <optly/event.h>

#include "fakes/raw_server.h"
#include "platform/platform.h"

#define CANARY "CaNaRy"

/* All that was said, by log lines and by errors. */
static optly__mutex lock;
static uint32_t lines, errors, leaks;

static void search(const char *text)
{
    optly__mutex_lock(&lock);
    if (strcasestr(text, CANARY) != NULL) {
        leaks++;
        print_error("said: %s\n", text);
    }
    optly__mutex_unlock(&lock);
}

static void hear(optly_log_level level, const char *message, void *user)
{
    (void)level;
    (void)user;
    search(message);
    optly__mutex_lock(&lock);
    lines++;
    optly__mutex_unlock(&lock);
}

/* A call that has to fail, and say why. */
static void expect_error(optly_status status, optly_error *err)
{
    assert_true(status < 0);
    assert_int_equal(err->status, status);
    assert_true(err->message[0] != '\0');
    search(err->message);
    errors++;
    memset(err, 0, sizeof(*err));
}

static char *repeat(size_t len)
{
    char *text = malloc(len + 1);

    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = CANARY[i % (sizeof(CANARY) - 1)];
    text[len] = '\0';
    return text;
}

/* --- projects --- */

static optly_project *make_project(void)
{
    static const optly_attribute_definition attributes[] = {{"1", "a"},
                                                            {"2", "b"}};
    static const optly_event_definition events[] = {{"3", "purchase"}};
    optly_project_config config = optly_project_config_default();
    optly_project *project = NULL;

    config.project_id = "project";
    config.account_id = "account";
    config.revision = "1";
    config.send_flag_decisions = true;
    config.attributes = attributes;
    config.attribute_count = 2;
    config.events = events;
    config.event_count = 1;
    assert_int_equal(optly_project_create(&project, &config, NULL), OPTLY_OK);
    assert_int_equal(optly_project_set_log(project, hear, NULL), OPTLY_OK);
    return project;
}

static void test_datafiles_are_not_quoted(void **state)
{
    static const char *const broken[] = {
        "{\"version\":\"4\",\"sdkKey\":\"" CANARY "\",}",
        "{\"version\":\"4\",\"sdkKey\":\"" CANARY "\"",
        "{\"version\":\"4\",\"sdkKey\":\"" CANARY "\\q\"}",
        "{\"version\":\"4\",\"sdkKey\":[\"" CANARY "\"]}",
        "{\"version\":\"4\",\"accountId\":{\"x\":\"" CANARY "\"}}",
        "{\"version\":\"9\",\"sdkKey\":\"" CANARY "\"}",
        "{\"version\":\"4\",\"accountId\":\"1\",\"projectId\":\"2\","
        "\"revision\":\"3\",\"sdkKey\":\"" CANARY "\",\"attributes\":["
        "{\"id\":\"" CANARY "\"}],\"events\":7,\"experiments\":[]}",
        CANARY,
        "\"" CANARY "\"",
        "[\"" CANARY "\"]",
    };
    char *longest = repeat(5000), text[5200];
    optly_project *project = NULL;
    optly_error err = {OPTLY_OK, ""};

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
        expect_error(optly_project_from_datafile(&project, broken[i],
                                                 strlen(broken[i]), &err),
                     &err);
    (void)snprintf(text, sizeof(text),
                   "{\"version\":\"4\",\"accountId\":\"1\",\"projectId\":\"2\","
                   "\"revision\":\"3\",\"sdkKey\":\"%s\"}",
                   longest);
    expect_error(
        optly_project_from_datafile(&project, text, strlen(text), &err), &err);
    free(longest);
}

/* --- builders --- */

static optly_status convert(optly_user_event **out, const optly_project *p,
                            const char *visitor, const optly_pair *attributes,
                            const optly_pair *tags, size_t count,
                            const char *uuid, optly_error *err)
{
    const optly_user user = {visitor, attributes, attributes != NULL ? 2 : 0};
    optly_conversion conversion = optly_conversion_default();

    conversion.event_key = "purchase";
    conversion.tags = tags;
    conversion.tag_count = count;
    conversion.uuid = uuid;
    return optly_create_conversion(out, p, &user, &conversion, err);
}

/* Each of its parts has the canary. */
static optly_user_event *make_event(const optly_project *project)
{
    const optly_pair attributes[] = {optly_string("a", CANARY "-attribute"),
                                     optly_string("b", CANARY)};
    const optly_pair tags[] = {optly_string("t", CANARY "-tag"),
                               optly_json("j", "{\"k\":\"" CANARY "\"}")};
    optly_user_event *event = NULL;

    assert_int_equal(convert(&event, project, CANARY "-visitor", attributes,
                             tags, 2, NULL, NULL),
                     OPTLY_OK);
    assert_non_null(strstr(optly_user_event_json(event), CANARY "-visitor"));
    assert_non_null(strstr(optly_user_event_json(event), CANARY "-attribute"));
    assert_non_null(strstr(optly_user_event_json(event), CANARY "-tag"));
    return event;
}

static void test_builders_name_keys_and_no_values(void **state)
{
    char *longest = repeat(70000);
    const optly_pair broken[] = {optly_json("a", "{\"" CANARY "\":1}"),
                                 {"b", {(optly_value_type)99, {false}}}};
    const optly_pair unknown[] = {optly_string("not there", CANARY),
                                  optly_string("b", longest)};
    const optly_pair tags[] = {optly_json("j", "{" CANARY),
                               optly_json("k", "[\"" CANARY),
                               optly_json("m", CANARY),
                               optly_string("value", CANARY),
                               optly_string("revenue", CANARY),
                               {"n", {(optly_value_type)99, {false}}}};
    const optly_pair long_tag = optly_string("l", longest);
    optly_pair many[1001];
    optly_project *project = make_project();
    optly_user_event *event = NULL;
    optly_error err = {OPTLY_OK, ""};
    uint32_t before = lines;

    (void)state;
    expect_error(convert(&event, project, longest, NULL, NULL, 0, NULL, &err),
                 &err);
    expect_error(convert(&event, project, CANARY, NULL, NULL, 0, CANARY, &err),
                 &err);
    for (size_t i = 0; i < 1001; i++)
        many[i] = optly_string("t", CANARY);
    expect_error(convert(&event, project, CANARY, NULL, many, 1001, NULL, &err),
                 &err);
    expect_error(convert(&event, project, CANARY, unknown, NULL, 0, NULL, &err),
                 &err);
    expect_error(
        convert(&event, project, CANARY, NULL, &long_tag, 1, NULL, &err), &err);
    assert_int_equal(
        convert(&event, project, CANARY, broken, tags, 6, NULL, &err),
        OPTLY_OK);
    optly_user_event_destroy(event);
    assert_true(lines >= before + 5); /* of what was left out */
    optly_project_destroy(project);
    free(longest);
}

static void test_saved_events_are_not_quoted(void **state)
{
    optly_project *project = make_project();
    optly_user_event *event = make_event(project), *restored = NULL;
    optly_error err = {OPTLY_OK, ""};
    char bytes[4096];
    size_t size = optly_user_event_save(event, bytes, sizeof(bytes));

    (void)state;
    assert_true(size > 0 && size <= sizeof(bytes));
    for (size_t len = 0; len < size; len++)
        expect_error(optly_user_event_restore(&restored, bytes, len, &err),
                     &err);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0x55;
        expect_error(optly_user_event_restore(&restored, bytes, size, &err),
                     &err);
        bytes[i] ^= 0x55;
    }
    optly_user_event_destroy(event);
    optly_project_destroy(project);
}

/* --- processors --- */

static optly_processor_config secret_config(void)
{
    optly_processor_config config = optly_processor_config_default();

    config.sdk_key = CANARY "-sdk-key";
    config.log = hear;
    config.batch_size = 2;
    config.retry_initial_ms = 1;
    config.retry_max_ms = 2;
    config.max_attempts = 3;
    return config;
}

static void hand_over_and_end(const optly_processor_config *config, int count)
{
    optly_project *project = make_project();
    optly_processor *processor = NULL;
    optly_error err = {OPTLY_OK, ""};

    if (optly_processor_create(&processor, config, &err) != OPTLY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(optly_processor_start(processor), OPTLY_OK);
    for (int i = 0; i < count; i++)
        (void)optly_process_event(processor, make_event(project));
    (void)optly_processor_flush(processor, 10000);
    (void)optly_process_event(processor, make_event(project));
    (void)optly_processor_close(processor, 0, NULL);
    (void)optly_process_event(processor, make_event(project));
    optly_processor_destroy(processor);
    optly_project_destroy(project);
}

static void fail_in_turn(void *self, const optly_log_event *event,
                         optly_delivery delivery)
{
    static const optly_outcome outcomes[] = {
        OPTLY_RETRY,         OPTLY_REFUSED,   OPTLY_MISCONFIGURED,
        (optly_outcome)1234, OPTLY_CANCELLED, OPTLY_REFUSED,
        OPTLY_REFUSED};
    optly_dispatch_result result = optly_dispatch_result_default();
    uint32_t *calls = self;

    assert_non_null(strstr(event->body, CANARY));
    result.outcome = outcomes[(*calls)++ % 7];
    result.http_status = 400;
    optly_delivery_complete(delivery, &result);
    optly_delivery_complete(delivery, &result); /* and is told so */
}

static void leave(void *self)
{
    (void)self;
}

static void test_failures_of_delivery_name_no_data(void **state)
{
    static const optly_dispatcher_ops ops = {
        .struct_size = sizeof(optly_dispatcher_ops),
        .dispatch = fail_in_turn,
        .destroy = leave,
    };
    uint32_t calls = 0, before = lines;

    (void)state;
    for (int overflow = 0; overflow < 3; overflow++) {
        optly_processor_config config = secret_config();

        config.dispatcher = (optly_dispatcher){&ops, &calls};
        config.overflow = (optly_overflow)overflow;
        config.queue_size = 8;
        config.max_payload_bytes = overflow == 2 ? 1024 : 0;
        hand_over_and_end(&config, 50);
    }
    assert_true(calls >= 7);
    assert_true(lines >= before + 5);
}

static void test_bad_settings_are_not_quoted(void **state)
{
    static const char *const endpoints[] = {
        "https://" CANARY ":" CANARY "@host/",
        "https://" CANARY "@host/",
        "ftp://host/" CANARY,
        "https://host/" CANARY " " CANARY,
        "https://host:99999/" CANARY,
        CANARY,
        "http://remote.example/?key=" CANARY,
    };
    char *longest = repeat(5000);
    optly_processor *processor = NULL;
    optly_error err = {OPTLY_OK, ""};

    (void)state;
    for (size_t i = 0; i <= sizeof(endpoints) / sizeof(*endpoints); i++) {
        optly_processor_config config = secret_config();

        config.endpoint =
            i < sizeof(endpoints) / sizeof(*endpoints) ? endpoints[i] : longest;
        expect_error(optly_processor_create(&processor, &config, &err), &err);
    }
    for (int i = 0; i < 3; i++) {
        optly_processor_config config = secret_config();

        config.batch_size = i == 0 ? 20000 : 10;
        config.queue_size = i == 1 ? 5 : 100;
        config.queue_bytes = i == 2 ? 3 : 0;
        expect_error(optly_processor_create(&processor, &config, &err), &err);
    }
    free(longest);
}

/* --- HTTP --- */

#if defined(OPTLY_TEST_HTTP)

static atomic_uint seen_by_server;

static void refuse_http(const optly_http_config *config)
{
    optly_dispatcher dispatcher = {NULL, NULL};
    optly_error err = {OPTLY_OK, ""};

    expect_error(optly_http_dispatcher_create(&dispatcher, config, &err), &err);
}

static void test_secrets_of_http_settings_are_not_quoted(void **state)
{
    static const char *const proxies[] = {
        "ftp://user:" CANARY "@127.0.0.1:1", "http://user:" CANARY "@",
        "http://user:" CANARY "@host:99999", "://user:" CANARY "@host",
        "http://us er:" CANARY "@host:1",    "http://user:" CANARY "\x80@h:1",
        "http://user:" CANARY "@[::1:3128",
    };
    static const char *const headers[] = {
        "Authorization " CANARY,
        "Authorization: " CANARY "\r\nX: y",
        "Authorization: " CANARY "\xff",
        "Host: " CANARY,
        ": " CANARY,
        "Content-Length: " CANARY,
    };
    static const char pem[] =
        "-----BEGIN CERTIFICATE-----\n" CANARY "\n-----END CERTIFICATE-----\n";
    static const char key[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" CANARY
                              "\n-----END ENCRYPTED PRIVATE KEY-----\n";
    char path[] = "/tmp/optly-key-XXXXXX";
    int file = mkstemp(path);

    (void)state;
    assert_true(file >= 0);
    assert_int_equal(write(file, key, sizeof(key) - 1), sizeof(key) - 1);
    (void)close(file);
    for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++) {
        optly_http_config config = optly_http_config_default();

        config.proxy = proxies[i];
        refuse_http(&config);
    }
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        optly_http_config config = optly_http_config_default();

        config.headers = &headers[i];
        config.header_count = 1;
        refuse_http(&config);
    }
    for (int i = 0; i < 4; i++) {
        optly_http_config config = optly_http_config_default();

        if (i == 0) {
            config.ca_blob = pem;
            config.ca_blob_len = sizeof(pem) - 1;
        }
        if (i == 1)
            config.user_agent = CANARY "\r\n";
        if (i >= 2) {
            config.client_cert_file = path;
            config.client_key_file = path;
        }
        if (i == 3)
            config.ca_file = path;
        refuse_http(&config);
    }
    (void)unlink(path);
}

/* Gives back what it was sent, in every place of an answer. */
static void echo(raw_connection *connection)
{
    static const char *const answers[] = {
        "HTTP/1.1 500 " CANARY "\r\nX: " CANARY
        "\r\nContent-Length: 6\r\n\r\n" CANARY,
        "HTTP/1.1 400 " CANARY "\r\nContent-Length: 6\r\n\r\n" CANARY,
        "HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1/" CANARY
        "\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"" CANARY
        "\"\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 " CANARY "\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 407 " CANARY "\r\nProxy-Authenticate: Basic realm=\"" CANARY
        "\"\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 429 " CANARY "\r\nRetry-After: " CANARY
        "\r\nContent-Length: 0\r\n\r\n",
        CANARY " " CANARY "\r\n\r\n",
        "HTTP/1.1 " CANARY "\r\n\r\n",
        "HTTP/1.1 204 No\r\n" CANARY "\r\n\r\n",
        "HTTP/1.1 200 Ok\r\nContent-Length: " CANARY "\r\n\r\n",
    };
    enum { ANSWERS = sizeof(answers) / sizeof(*answers) };
    atomic_uint *count = connection->user;

    while (raw_read_request(connection)) {
        size_t number = atomic_fetch_add(count, 1);
        const raw_request *request = raw_server_request(
            connection->server, raw_server_requests(connection->server) - 1);

        if (strstr(request->body, CANARY) != NULL)
            (void)atomic_fetch_add(&seen_by_server, 1);
        if (!raw_send(connection, answers[number % ANSWERS]) ||
            number % ANSWERS >= 7)
            return;
    }
}

static void hang_up(raw_connection *connection)
{
    (void)raw_read_request(connection);
    raw_reset(connection);
}

/* Sends to a script, by a proxy with a password if `by_proxy`. */
static void send_to(raw_script script, bool by_proxy, bool queued, int count)
{
    atomic_uint answered = 0;
    raw_server *server = raw_server_start(script, &answered);
    optly_http_config http = optly_http_config_default();
    optly_processor_config config = secret_config();
    char proxy[128];

    (void)snprintf(proxy, sizeof(proxy), "http://user:" CANARY "@127.0.0.1:%u",
                   (unsigned)raw_server_port(server));
    config.endpoint = raw_server_url(server);
    config.http = &http;
    http.timeout_ms = 2000;
    http.user_agent = CANARY;
    if (by_proxy) {
        config.endpoint = "http://192.0.2.1/" CANARY;
        http.allow_plaintext = true;
        http.proxy = proxy;
    }
    if (queued) {
        config.http = NULL;
        assert_int_equal(
            optly_http_dispatcher_create(&config.dispatcher, &http, NULL),
            OPTLY_OK);
        assert_int_equal(optly_queue_dispatcher_create(
                             &config.dispatcher, config.dispatcher, NULL, NULL),
                         OPTLY_OK);
    }
    hand_over_and_end(&config, count);
    raw_server_stop(server);
}

static void test_answers_are_not_quoted(void **state)
{
    uint32_t before = lines;

    (void)state;
    for (int queued = 0; queued < 2; queued++) {
        for (int by_proxy = 0; by_proxy < 2; by_proxy++) {
            send_to(echo, by_proxy != 0, queued != 0, 30);
            send_to(hang_up, by_proxy != 0, queued != 0, 4);
        }
    }
    assert_true(lines >= before + 8);
    assert_true(atomic_load(&seen_by_server) > 0);
}

/* Nobody listens at the endpoint, the proxy, or the name. */
static void test_failures_to_connect_name_no_secret(void **state)
{
    static const char *const ways[][2] = {
        {"http://127.0.0.1:1/" CANARY, NULL},
        {"https://127.0.0.1:1/?" CANARY, NULL},
        {"https://localhost:1/" CANARY, "http://user:" CANARY "@127.0.0.1:1"},
        {"https://localhost:1/" CANARY, "https://user:" CANARY "@127.0.0.1:1"},
        {"https://localhost:1/" CANARY, "socks5h://us:" CANARY "@127.0.0.1:1"},
        {"http://127.0.0.1:1/" CANARY, "socks4://us:" CANARY "@127.0.0.1:1"},
        {"https://nowhere.invalid/" CANARY, NULL},
        {"https://localhost:1/", "http://user:" CANARY "@nowhere.invalid:1"},
    };
    uint32_t before = lines;

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        optly_http_config http = optly_http_config_default();
        optly_processor_config config = secret_config();

        http.timeout_ms = 2000;
        http.proxy = ways[i][1];
        config.endpoint = ways[i][0];
        config.http = &http;
        hand_over_and_end(&config, 4);
    }
    assert_true(lines >= before + sizeof(ways) / sizeof(*ways));
}

#endif

static int make_lock(void **state)
{
    (void)state;
    return optly__mutex_init(&lock) ? 0 : -1;
}

/* After each test, so that it is known which. */
static int expect_no_leak(void **state)
{
    uint32_t found;

    (void)state;
    optly__mutex_lock(&lock);
    found = leaks;
    leaks = 0;
    optly__mutex_unlock(&lock);
    return found == 0 ? 0 : -1;
}

#define CANARY_TEST(test) cmocka_unit_test_teardown(test, expect_no_leak)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CANARY_TEST(test_datafiles_are_not_quoted),
        CANARY_TEST(test_builders_name_keys_and_no_values),
        CANARY_TEST(test_saved_events_are_not_quoted),
        CANARY_TEST(test_failures_of_delivery_name_no_data),
        CANARY_TEST(test_bad_settings_are_not_quoted),
#if defined(OPTLY_TEST_HTTP)
        CANARY_TEST(test_secrets_of_http_settings_are_not_quoted),
        CANARY_TEST(test_answers_are_not_quoted),
        CANARY_TEST(test_failures_to_connect_name_no_secret),
#endif
    };
    int failed = cmocka_run_group_tests(tests, make_lock, NULL);

    print_message("%u log lines and %u errors, no canary\n", lines, errors);
    return failed;
}
