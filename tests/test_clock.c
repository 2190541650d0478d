/*
 * The wall clock jumps, and nothing happens but other timestamps. Linked so
 * that the library's clock_gettime is the one below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fakes/host.h"

static _Atomic int64_t jump_s; /* added to the wall clock */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);

    if (clock == CLOCK_REALTIME)
        now->tv_sec += (time_t)atomic_load(&jump_s);
    return result;
}

enum { YEAR_S = 365 * 86400 };

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
        host *h = host_create();
        int64_t before, first, second;

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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_jump_moves_timestamps_and_no_deadline),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
