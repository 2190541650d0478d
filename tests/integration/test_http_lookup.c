/* Names that do not resolve: the resolver is the test's own. */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "fakes/http_rig.h"

static optly__mutex lock;
static optly__cond changed;
static bool released;
static size_t looked_up, answered;

/* Stands before the C library's, also for libcurl's threads. It does not
 * answer until it is let go. */
int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **out)
{
    (void)node;
    (void)service;
    (void)hints;
    *out = NULL;
    optly__mutex_lock(&lock);
    looked_up++;
    optly__cond_broadcast(&changed);
    while (!released)
        optly__cond_wait_until(&changed, &lock, OPTLY__NEVER);
    answered++;
    optly__cond_broadcast(&changed);
    optly__mutex_unlock(&lock);
    return EAI_NONAME;
}

static void wait_for_look_ups(size_t count)
{
    optly__mutex_lock(&lock);
    while (looked_up < count)
        optly__cond_wait_until(&changed, &lock, OPTLY__NEVER);
    optly__mutex_unlock(&lock);
}

static int block_look_ups(void **state)
{
    (void)state;
    released = false;
    looked_up = answered = 0;
    return optly__mutex_init(&lock) && optly__cond_init(&changed) ? 0 : -1;
}

/* Lets libcurl's threads end, whose memory is otherwise still theirs. */
static int let_look_ups_go(void **state)
{
    (void)state;
    optly__mutex_lock(&lock);
    released = true;
    optly__cond_broadcast(&changed);
    while (answered < looked_up)
        optly__cond_wait_until(&changed, &lock, OPTLY__NEVER);
    optly__mutex_unlock(&lock);
    return 0;
}

static optly_http_config look_up_config(void)
{
    optly_http_config config = optly_http_config_default();

    config.allow_plaintext = true;
    return config;
}

static void require_quick_exit(void)
{
    if (curl_version_info(CURLVERSION_NOW)->version_num < 0x075700)
        skip(); /* older ones wait for their thread */
}

static void test_cancel_does_not_wait_for_a_look_up(void **state)
{
    optly_log_event event = fake_log_event("http://slow.example/", "{}");
    optly_http_config config = look_up_config();
    int64_t start;
    http_rig rig;

    (void)state;
    require_quick_exit();
    http_rig_start(&rig, raw_answer_204, NULL, &config);
    http_rig_dispatch(&rig, &event);
    rig.dispatcher.ops->poll(rig.dispatcher.self, 0);
    wait_for_look_ups(1);

    start = optly__monotonic_ms();
    rig.dispatcher.ops->cancel(rig.dispatcher.self);
    rig.dispatcher.ops->poll(rig.dispatcher.self, -1);

    assert_int_equal(rig.deliveries.results[0].outcome, OPTLY_CANCELLED);
    assert_in_range(optly__monotonic_ms() - start, 0, FAKE_SOON_MS);
    http_rig_stop(&rig);
}

static void test_timeout_does_not_wait_for_a_look_up(void **state)
{
    optly_log_event event = fake_log_event("http://slow.example/", "{}");
    optly_http_config config = look_up_config();
    optly_dispatch_result result;
    int64_t start;
    http_rig rig;

    (void)state;
    require_quick_exit();
    config.timeout_ms = 200;
    http_rig_start(&rig, raw_answer_204, NULL, &config);

    start = optly__monotonic_ms();
    result = http_rig_send(&rig, &event);

    assert_int_equal(result.outcome, OPTLY_RETRY);
    assert_in_range(optly__monotonic_ms() - start, 150, 2000);
    http_rig_stop(&rig);
}

static void test_destroy_does_not_wait_for_a_look_up(void **state)
{
    optly_log_event event = fake_log_event("http://slow.example/", "{}");
    optly_http_config config = look_up_config();
    int64_t start;
    http_rig rig;

    (void)state;
    require_quick_exit();
    http_rig_start(&rig, raw_answer_204, NULL, &config);
    http_rig_dispatch(&rig, &event);
    rig.dispatcher.ops->poll(rig.dispatcher.self, 0);
    wait_for_look_ups(1);

    start = optly__monotonic_ms();
    optly_dispatcher_destroy(&rig.dispatcher);

    assert_in_range(optly__monotonic_ms() - start, 0, FAKE_SOON_MS);
    assert_int_equal(rig.deliveries.results[0].outcome, OPTLY_CANCELLED);
    http_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cancel_does_not_wait_for_a_look_up,
                                        block_look_ups, let_look_ups_go),
        cmocka_unit_test_setup_teardown(
            test_timeout_does_not_wait_for_a_look_up, block_look_ups,
            let_look_ups_go),
        cmocka_unit_test_setup_teardown(
            test_destroy_does_not_wait_for_a_look_up, block_look_ups,
            let_look_ups_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
