/* Faults on request. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fixture.h"

#define DIGITS_64                                                              \
    "0123456789012345678901234567890123456789012345678901234567890123"

enum { PATIENCE_MS = 20000 };

static void test_status_fault_comes_as_often_as_asked(void **state)
{
    fixture *f = *state;

    add_fault(f, "{\"status\":503,\"retry_after\":\"2\",\"count\":2}");
    add_fault(f, "{\"status\":500,\"when\":\"after\"}");

    assert_int_equal(post(f, good), 503);
    assert_non_null(strstr(f->a.text, "\r\nRetry-After: 2\r\n"));
    assert_int_equal(post(f, good), 503);
    assert_int_equal(collector_saw(f->c, UUID_1), 0);
    assert_int_equal(post(f, good), 500);
    assert_null(strstr(f->a.text, "Retry-After"));
    assert_int_equal(collector_saw(f->c, UUID_1), 1);
    assert_int_equal(post(f, good), 204);
    assert_int_equal(counts_of(f).faults, 3);
}

static void test_reset_fault_loses_the_answer(void **state)
{
    fixture *f = *state;

    add_fault(f, "{\"reset\":true,\"when\":\"before\"}");
    add_fault(f, "{\"reset\":true,\"when\":\"after\"}");

    assert_int_equal(post(f, good), 0);
    assert_true(f->a.was_reset);
    assert_int_equal(collector_saw(f->c, UUID_1), 0);
    assert_int_equal(post(f, good), 0);
    assert_true(f->a.was_reset);
    assert_int_equal(collector_saw(f->c, UUID_1), 1);
    assert_int_equal(post(f, good), 204);
    assert_int_equal(counts_of(f).requests, 3);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_delay_fault_takes_its_time(void **state)
{
    fixture *f = *state;
    int64_t start = monotonic_ms();

    add_fault(f, "{\"delay_ms\":60}");

    assert_int_equal(post(f, good), 204);
    assert_true(monotonic_ms() - start >= 60);
}

static void *post_delayed(void *self)
{
    fixture *f = self;

    post(f, good);
    return NULL;
}

static void test_delay_holds_up_nobody_else_and_can_be_ended(void **state)
{
    fixture *f = *state;
    fixture other = {f->c, f->port, {0, false, ""}};
    pthread_t thread;

    add_fault(f, "{\"delay_ms\":600000}");
    assert_int_equal(pthread_create(&thread, NULL, post_delayed, &other), 0);
    assert_true(collector_wait_requests(f->c, 1, PATIENCE_MS));

    assert_int_equal(post(f, good), 204);
    assert_int_equal(collector_saw(f->c, UUID_1), 1);
    collector_clear_faults(f->c);
    pthread_join(thread, NULL);

    assert_int_equal(other.a.status, 204);
    assert_int_equal(collector_saw(f->c, UUID_1), 2);
}

static void test_destroy_ends_a_delay(void **state)
{
    fixture other = {collector_create(NULL), 0, {0, false, ""}};
    const collector_fault fault = {.delay_ms = COLLECTOR_MAX_DELAY_MS};
    pthread_t thread;

    (void)state;
    assert_non_null(other.c);
    other.port = collector_port(other.c);
    assert_true(collector_add_fault(other.c, &fault));
    assert_int_equal(pthread_create(&thread, NULL, post_delayed, &other), 0);
    assert_true(collector_wait_requests(other.c, 1, PATIENCE_MS));

    collector_destroy(other.c);
    pthread_join(thread, NULL);
}

static void test_wait_gives_up(void **state)
{
    fixture *f = *state;

    assert_false(collector_wait_requests(f->c, 1, 1));
    assert_true(collector_wait_requests(f->c, 0, 0));
}

static void test_bad_fault_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{\"status\":99}",
                                      "{\"status\":600}",
                                      "{\"status\":\"503\"}",
                                      "{\"delay_ms\":-1}",
                                      "{\"delay_ms\":600001}",
                                      "{\"count\":1.5}",
                                      "{\"reset\":1}",
                                      "{\"when\":\"later\"}",
                                      "{\"retry_after\":2}",
                                      "{\"retry_after\":\"1\\r\\nX: y\"}",
                                      "{\"retry_after\":\"" DIGITS_64 "\"}",
                                      "{\"stauts\":503}"};
    const collector_fault too_slow = {.delay_ms = COLLECTOR_MAX_DELAY_MS + 1};
    const collector_fault no_status = {.status = 100};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        client_post(f->port, "/api/fault", bad[i], &f->a);
        assert_int_equal(f->a.status, 400);
    }
    assert_false(collector_add_fault(f->c, &too_slow));
    assert_false(collector_add_fault(f->c, &no_status));
    assert_int_equal(post(f, good), 204);
    assert_int_equal(counts_of(f).faults, 0);
}

static void test_waiting_faults_have_a_bound(void **state)
{
    const collector_fault fault = {.status = 500};
    fixture *f = *state;

    for (int i = 0; i < COLLECTOR_MAX_FAULTS; i++)
        assert_true(collector_add_fault(f->c, &fault));
    assert_false(collector_add_fault(f->c, &fault));
    assert_int_equal(post(f, good), 500);
    assert_true(collector_add_fault(f->c, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_status_fault_comes_as_often_as_asked),
        TEST(test_reset_fault_loses_the_answer),
        TEST(test_delay_fault_takes_its_time),
        TEST(test_delay_holds_up_nobody_else_and_can_be_ended),
        TEST(test_destroy_ends_a_delay),
        TEST(test_wait_gives_up),
        TEST(test_bad_fault_is_refused),
        TEST(test_waiting_faults_have_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
