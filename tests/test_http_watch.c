/* What the HTTP dispatcher waits for: sockets, a timer, a wake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dispatch/http_watch.h"
#include "fakes/failing_allocator.h"
#include "platform/platform.h"

/* More than the watch has room for at first. */
enum { PAIRS = 40 };

static optly__http_watch watch;
static int pairs[PAIRS][2];

static int set_up(void **state)
{
    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    assert_int_equal(optly__http_watch_init(&watch), OPTLY_OK);
    for (int i = 0; i < PAIRS; i++)
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    optly__http_watch_cleanup(&watch);
    assert_int_equal(failing_allocator_remove(), 0);
    for (int i = 0; i < PAIRS; i++) {
        (void)close(pairs[i][0]);
        (void)close(pairs[i][1]);
    }
    return 0;
}

static void make_readable(int i)
{
    assert_int_equal(write(pairs[i][1], "x", 1), 1);
}

static void expect_ready(int i, short expected)
{
    short events = 0;
    int socket = -1;

    assert_true(optly__http_watch_next(&watch, &socket, &events));
    assert_int_equal(socket, pairs[i][0]);
    assert_int_equal(events, expected);
}

static void expect_no_more(void)
{
    short events;
    int socket;

    assert_false(optly__http_watch_next(&watch, &socket, &events));
}

static void test_ready_sockets_are_named_with_what_they_are_for(void **state)
{
    (void)state;
    for (int i = 0; i < PAIRS; i++)
        assert_true(optly__http_watch_set(&watch, pairs[i][0], POLLIN));
    make_readable(3);
    make_readable(PAIRS - 1);
    assert_true(optly__http_watch_set(&watch, pairs[7][0], POLLIN | POLLOUT));

    optly__http_watch_wait(&watch, -1);
    expect_ready(3, POLLIN);
    expect_ready(7, POLLOUT);
    expect_ready(PAIRS - 1, POLLIN);
    expect_no_more();
}

static void test_unset_socket_is_not_waited_for(void **state)
{
    (void)state;
    assert_true(optly__http_watch_set(&watch, pairs[0][0], POLLIN));
    assert_true(optly__http_watch_set(&watch, pairs[1][0], POLLIN));
    make_readable(0);
    assert_true(optly__http_watch_set(&watch, pairs[0][0], 0));
    assert_true(optly__http_watch_set(&watch, pairs[2][0], 0)); /* unknown */

    optly__http_watch_wait(&watch, 0);
    expect_no_more();
    make_readable(1);
    optly__http_watch_wait(&watch, -1);
    expect_ready(1, POLLIN);
}

/* What an earlier one's turn unsets is not acted on, and no other is lost. */
static void test_sockets_may_go_while_they_are_gone_through(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(optly__http_watch_set(&watch, pairs[i][0], POLLIN));
        make_readable(i);
    }
    optly__http_watch_wait(&watch, -1);
    expect_ready(0, POLLIN);
    assert_true(optly__http_watch_set(&watch, pairs[0][0], 0));
    assert_true(optly__http_watch_set(&watch, pairs[1][0], 0));
    expect_no_more(); /* the third has moved to the front */

    optly__http_watch_wait(&watch, -1);
    expect_ready(2, POLLIN);
    expect_no_more();
}

static void test_wake_ends_a_wait_once(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++)
        optly__waker_wake(&watch.waker);
    optly__http_watch_wait(&watch, -1);
    expect_no_more();

    /* Nothing of it is left: the next wait takes its time. */
    int64_t before = optly__monotonic_ms();
    optly__http_watch_wait(&watch, 5);
    assert_true(optly__monotonic_ms() - before >= 4);
}

/* Writing to a full pipe would block. */
static void test_wakes_without_number_do_not_block(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++)
        optly__waker_wake(&watch.waker);
    optly__http_watch_wait(&watch, -1);
}

static void test_timer_ends_a_wait_and_stays_until_it_is_set_anew(void **state)
{
    int64_t before = optly__monotonic_ms();

    (void)state;
    assert_false(optly__http_watch_take_timer(&watch));
    optly__http_watch_set_timer(&watch, 5);
    assert_false(optly__http_watch_take_timer(&watch));
    while (!optly__http_watch_take_timer(&watch))
        optly__http_watch_wait(&watch, -1);
    assert_true(optly__monotonic_ms() - before >= 5);

    /* libcurl does not repeat a time that it has named. */
    while (!optly__http_watch_take_timer(&watch))
        optly__http_watch_wait(&watch, -1);

    optly__http_watch_set_timer(&watch, -1);
    assert_false(optly__http_watch_take_timer(&watch));
    optly__http_watch_set_timer(&watch, 0);
    assert_true(optly__http_watch_take_timer(&watch));
}

static void test_timers_too_far_for_the_system_are_cut(void **state)
{
    (void)state;
    optly__http_watch_set_timer(&watch, LONG_MAX / 2);
    optly__waker_wake(&watch.waker);
    optly__http_watch_wait(&watch, -1);
    assert_false(optly__http_watch_take_timer(&watch));
}

static void test_without_memory_what_is_watched_stays(void **state)
{
    int i = 0;

    (void)state;
    failing_allocator_fail_after(0);
    while (i < PAIRS && optly__http_watch_set(&watch, pairs[i][0], POLLIN))
        i++;
    assert_in_range(i, 1, PAIRS - 1);

    make_readable(0);
    make_readable(i);
    optly__http_watch_wait(&watch, -1);
    expect_ready(0, POLLIN);
    expect_no_more();

    /* With memory again it is taken. */
    assert_true(optly__http_watch_set(&watch, pairs[i][0], POLLIN));
    optly__http_watch_wait(&watch, -1);
    expect_ready(0, POLLIN);
    expect_ready(i, POLLIN);
}

static void test_init_without_memory_holds_nothing(void **state)
{
    optly__http_watch other;

    (void)state;
    failing_allocator_fail_after(0);
    assert_int_equal(optly__http_watch_init(&other), OPTLY_ERR_NO_MEMORY);
    optly__http_watch_cleanup(&other);
}

/* What the host executes does not inherit them. */
static void test_pipe_is_closed_on_exec(void **state)
{
    (void)state;
    assert_true(fcntl(watch.waker.read_fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(watch.waker.write_fd, F_GETFD) & FD_CLOEXEC);
}

/* The driver may come late: what is overdue is not waited for. */
static void test_an_overdue_timer_ends_a_wait_at_once(void **state)
{
    (void)state;
    watch.due_ms = optly__monotonic_ms() - 1000;
    optly__http_watch_wait(&watch, 10000);
    assert_true(optly__monotonic_ms() - watch.due_ms < 6000);
    assert_true(optly__http_watch_take_timer(&watch));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_ready_sockets_are_named_with_what_they_are_for),
        TEST(test_unset_socket_is_not_waited_for),
        TEST(test_sockets_may_go_while_they_are_gone_through),
        TEST(test_wake_ends_a_wait_once),
        TEST(test_wakes_without_number_do_not_block),
        TEST(test_timer_ends_a_wait_and_stays_until_it_is_set_anew),
        TEST(test_timers_too_far_for_the_system_are_cut),
        TEST(test_without_memory_what_is_watched_stays),
        TEST(test_init_without_memory_holds_nothing),
        TEST(test_pipe_is_closed_on_exec),
        TEST(test_an_overdue_timer_ends_a_wait_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
