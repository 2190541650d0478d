/*
 * Clocks that jump, that are old, and that are near their end: the wall clock
 * changes timestamps and nothing else, and waits are as long as they should be.
 * Linked so that the library's clock_gettime and pthread_cond_timedwait are the
 * ones below.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fakes/host.h"

static _Atomic int64_t jump_s;      /* added to the wall clock */
static _Atomic int64_t wall_set_ms; /* what the wall clock shows, if not 0 */
static _Atomic int64_t uptime_s;    /* added to the monotonic clock */
static atomic_uint timed_waits;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *deadline);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *deadline);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);
    int64_t wall_ms = atomic_load(&wall_set_ms);

    if (clock != CLOCK_REALTIME) {
        now->tv_sec = (time_t)(now->tv_sec + atomic_load(&uptime_s));
    } else if (wall_ms != 0) {
        now->tv_sec = (time_t)(wall_ms / 1000);
        now->tv_nsec = (long)(wall_ms % 1000) * 1000000;
    } else {
        now->tv_sec = (time_t)(now->tv_sec + atomic_load(&jump_s));
    }
    return result;
}

/* As the kernel does on such a clock: what is past is over at once. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *deadline)
{
    struct timespec real = *deadline;

    (void)atomic_fetch_add(&timed_waits, 1);
    real.tv_sec -= (time_t)atomic_load(&uptime_s);
    if (real.tv_sec < 0)
        real.tv_sec = 0;
    return __real_pthread_cond_timedwait(cond, mutex, &real);
}

enum { YEAR_S = 365 * 86400 };

/* Whether the clock can show it: 32 bits of seconds end in January 2038, for
 * the system and for the library. */
static bool clock_reaches(int64_t seconds)
{
    return (time_t)seconds == seconds;
}

static int64_t timestamp_of_a_new_event(const host *h)
{
    optly_user_event *event = fake_conversion(h->project, "v");
    int64_t timestamp = optly_user_event_timestamp_ms(event);

    optly_user_event_destroy(event);
    return timestamp;
}

static void test_a_jump_moves_timestamps_and_no_deadline(void **state)
{
    const int64_t jumps[] = {10LL * YEAR_S, -10LL * YEAR_S, 12 * YEAR_S};

    (void)state;
    for (int i = 0; i < 3; i++) {
        int64_t before, first, second;
        host *h;

        if (!clock_reaches(time(NULL) + jumps[i])) {
            print_message("%lld s: beyond this clock\n", (long long)jumps[i]);
            continue;
        }
        h = host_create();
        atomic_store(&jump_s, 0);
        h->config.flush_interval_ms = 300;
        host_start(h);
        before = optly__monotonic_ms();
        first = timestamp_of_a_new_event(h);
        host_add(h, 0);
        atomic_store(&jump_s, jumps[i]);
        second = timestamp_of_a_new_event(h);
        assert_in_range(second - first - jumps[i] * 1000 + 1000, 0, 6000);

        assert_true(host_wait_settled(h, 1)); /* by its age alone */
        assert_in_range(optly__monotonic_ms() - before, 290, 8000);
        atomic_store(&jump_s, -jumps[i]);
        h->dispatcher.hold = true;
        host_add(h, 1);
        before = optly__monotonic_ms();
        assert_int_equal(optly_processor_flush(h->processor, 100),
                         OPTLY_ERR_TIMEOUT);
        assert_in_range(optly__monotonic_ms() - before, 99, 5000);
        host_destroy(h);
    }
    atomic_store(&jump_s, 0);
}

/* Retries keep their pace while the wall clock goes back and forth. */
static void test_retries_do_not_mind_a_restless_wall_clock(void **state)
{
    host *h = host_create();
    int64_t begun = optly__monotonic_ms();

    (void)state;
    h->config.retry_initial_ms = 1;
    h->config.retry_max_ms = 20;
    h->dispatcher.otherwise = OPTLY_RETRY;
    host_start(h);
    host_add_many(h, 0, 10);
    for (int i = 2; i < 40; i++) {
        atomic_store(&jump_s, i % 2 == 0 ? 20LL * YEAR_S : -20LL * YEAR_S);
        assert_true(fake_dispatcher_wait(&h->dispatcher, i));
    }
    /* Forty waits of 20 ms at most each. */
    assert_in_range(optly__monotonic_ms() - begun, 0, 8000);
    atomic_store(&jump_s, 0);
    host_destroy(h);
}

static void test_timestamps_are_exact_in_every_age(void **state)
{
    const int64_t ages_ms[] = {
        1, /* 1970 */
        2147483646999,
        2147483647000,
        2147483647999,
        2147483648000, /* 2038 */
        4294967295999,
        4294967296000,   /* 2106 */
        253402300799999, /* the last of the year 9999 */
        253402300800000,
    };
    host *h = host_create();

    (void)state;
    for (size_t i = 0; i < sizeof(ages_ms) / sizeof(*ages_ms); i++) {
        optly_user_event *event;
        char expected[48];

        if (!clock_reaches(ages_ms[i] / 1000)) {
            print_message("%lld ms: beyond this clock\n",
                          (long long)ages_ms[i]);
            continue;
        }
        atomic_store(&wall_set_ms, ages_ms[i]);
        event = fake_conversion(h->project, "v");
        (void)snprintf(expected, sizeof(expected), "\"timestamp\":%lld,",
                       (long long)ages_ms[i]);
        assert_int_equal(optly_user_event_timestamp_ms(event), ages_ms[i]);
        assert_non_null(strstr(optly_user_event_json(event), expected));
        optly_user_event_destroy(event);
    }
    atomic_store(&wall_set_ms, 0);
    host_destroy(h);
}

static optly_status make_event_of(optly_user_event **out, const host *h,
                                  int64_t timestamp_ms)
{
    const optly_user user = {"v", NULL, 0};
    optly_impression impression = optly_impression_default();

    impression.timestamp_ms = timestamp_ms;
    return optly_create_impression(out, h->project, &user, &impression, NULL);
}

/* Ages are by arrival: a host's own timestamp decides nothing. */
static void test_a_timestamp_of_the_host_s_expires_nothing(void **state)
{
    const int64_t stamps[] = {1, 2147483648000, 253402300799999};
    const int64_t refused[] = {-1, 253402300800000, INT64_MAX, INT64_MIN};
    optly_user_event *event;
    host *h = host_create();

    (void)state;
    h->config.max_age_ms = 60000;
    host_open(h);
    for (size_t i = 0; i < 3; i++) {
        char expected[48];

        assert_int_equal(make_event_of(&event, h, stamps[i]), OPTLY_OK);
        (void)snprintf(expected, sizeof(expected), "\"timestamp\":%lld,",
                       (long long)stamps[i]);
        assert_non_null(strstr(optly_user_event_json(event), expected));
        assert_int_equal(optly_process_event(h->processor, event), OPTLY_OK);
    }
    assert_int_equal(optly_processor_flush(h->processor, 5000), OPTLY_OK);
    assert_int_equal(host_stats(h).delivered, 3);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(make_event_of(&event, h, refused[i]),
                         OPTLY_ERR_INVALID);
        assert_null(event);
    }
    host_destroy(h);
}

static void test_the_shortest_and_longest_limits_are_kept(void **state)
{
    host *h = host_create();
    int64_t before;

    (void)state;
    h->config.flush_interval_ms = 50;
    host_open(h);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    assert_int_equal(optly_processor_run_once(h->processor, 1), OPTLY_OK);
    assert_int_equal(optly_processor_flush(h->processor, UINT32_MAX), OPTLY_OK);
    for (int i = 0; i < 2; i++) { /* both wait for the interval alone */
        host_add(h, i);
        before = optly__monotonic_ms();
        assert_int_equal(
            optly_processor_run_once(h->processor, i == 0 ? INT_MAX : INT_MIN),
            OPTLY_OK);
        assert_in_range(optly__monotonic_ms() - before, 40, 8000);
        assert_int_equal(host_stats(h).delivered, i + 1);
    }
    host_add(h, 2);
    assert_int_equal(optly_processor_flush(h->processor, UINT32_MAX), OPTLY_OK);

    h->dispatcher.hold = true;
    host_add(h, 3);
    assert_int_equal(optly_processor_flush(h->processor, 0), OPTLY_ERR_TIMEOUT);
    before = optly__monotonic_ms();
    assert_int_equal(optly_processor_flush(h->processor, 1), OPTLY_ERR_TIMEOUT);
    assert_in_range(optly__monotonic_ms() - before, 1, 5000);
    fake_dispatcher_complete(&h->dispatcher, 3, OPTLY_DELIVERED);
    assert_int_equal(optly_processor_close(h->processor, UINT32_MAX, NULL),
                     OPTLY_OK);
    host_destroy(h);
}

/* A few seconds before its nanoseconds are 2^63: after 292 years, or on a
 * clock that somebody has set off. */
static void test_waits_are_right_near_the_end_of_the_clock(void **state)
{
    host *h = host_create();
    struct timespec now;
    int64_t before;

    (void)state;
    (void)__real_clock_gettime(CLOCK_MONOTONIC, &now);
    atomic_store(&uptime_s, INT64_MAX / 1000000000 - 60 - (int64_t)now.tv_sec);
    atomic_store(&timed_waits, 0);
    h->config.flush_interval_ms = 200;
    host_start(h);
    before = optly__monotonic_ms();
    host_add(h, 0);
    assert_true(fake_dispatcher_wait(&h->dispatcher, 1));
    assert_in_range(optly__monotonic_ms() - before, 190, 8000);

    assert_int_equal(optly_processor_flush(h->processor, 5000), OPTLY_OK);
    h->dispatcher.hold = true;
    host_add(h, 1);
    before = optly__monotonic_ms();
    assert_int_equal(optly_processor_flush(h->processor, 100),
                     OPTLY_ERR_TIMEOUT);
    assert_in_range(optly__monotonic_ms() - before, 99, 5000);
    assert_int_equal(optly_processor_close(h->processor, 50, NULL),
                     OPTLY_ERR_TIMEOUT);
    optly_processor_destroy(h->processor);
    h->processor = NULL;
    /* A deadline that is taken for past would make it spin. */
    assert_in_range(atomic_load(&timed_waits), 1, 200);
    atomic_store(&uptime_s, 0);
    host_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_jump_moves_timestamps_and_no_deadline),
        cmocka_unit_test(test_retries_do_not_mind_a_restless_wall_clock),
        cmocka_unit_test(test_timestamps_are_exact_in_every_age),
        cmocka_unit_test(test_a_timestamp_of_the_host_s_expires_nothing),
        cmocka_unit_test(test_the_shortest_and_longest_limits_are_kept),
        cmocka_unit_test(test_waits_are_right_near_the_end_of_the_clock),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
