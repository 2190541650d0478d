/* Threads, clocks, randomness and the fork guard. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/platform.h"

typedef struct meeting {
    optly__mutex lock;
    optly__cond changed;
    bool there;
    bool signals_blocked;
    char name[32];
} meeting;

static void arrive(void *argument)
{
    meeting *m = argument;
    sigset_t blocked;

    optly__mutex_lock(&m->lock);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    m->signals_blocked = sigismember(&blocked, SIGTERM) == 1 &&
                         sigismember(&blocked, SIGPIPE) == 1 &&
                         sigismember(&blocked, SIGPROF) == 1;
    (void)pthread_getname_np(pthread_self(), m->name, sizeof(m->name));
    m->there = true;
    optly__cond_broadcast(&m->changed);
    optly__mutex_unlock(&m->lock);
}

static void meeting_init(meeting *m)
{
    memset(m, 0, sizeof(*m));
    assert_true(optly__mutex_init(&m->lock));
    assert_true(optly__cond_init(&m->changed));
}

static void meeting_cleanup(meeting *m)
{
    optly__cond_cleanup(&m->changed);
    optly__mutex_cleanup(&m->lock);
}

static void test_a_thread_is_named_and_blocks_all_signals(void **state)
{
    optly__thread thread;
    sigset_t before, after;
    meeting m;

    (void)state;
    meeting_init(&m);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &before);
    assert_true(optly__thread_start(&thread, arrive, &m, 131072, "a-name"));
    (void)pthread_sigmask(SIG_BLOCK, NULL, &after);
    optly__mutex_lock(&m.lock);
    while (!m.there)
        optly__cond_wait_until(&m.changed, &m.lock, OPTLY__NEVER);
    optly__mutex_unlock(&m.lock);
    assert_false(optly__thread_is_self(thread));
    optly__thread_join(&thread);
    assert_true(m.signals_blocked);
    assert_string_equal(m.name, "a-name");
    assert_int_equal(sigismember(&before, SIGTERM),
                     sigismember(&after, SIGTERM));
    assert_true(optly__thread_is_self(optly__thread_self()));
    meeting_cleanup(&m);
}

static void test_an_impossible_stack_starts_no_thread(void **state)
{
    optly__thread thread;
    meeting m;

    (void)state;
    meeting_init(&m);
    assert_false(optly__thread_start(&thread, arrive, &m, 1, "x"));
    meeting_cleanup(&m);
}

static void test_a_wait_ends_at_its_deadline_or_at_once_if_past(void **state)
{
    int64_t before = optly__monotonic_ms();
    meeting m;

    (void)state;
    meeting_init(&m);
    optly__mutex_lock(&m.lock);
    optly__cond_wait_until(&m.changed, &m.lock, -5);
    optly__cond_wait_until(&m.changed, &m.lock, before);
    assert_true(optly__monotonic_ms() - before < 1000);
    while (optly__monotonic_ms() < before + 20)
        optly__cond_wait_until(&m.changed, &m.lock, before + 20);
    optly__mutex_unlock(&m.lock);
    assert_in_range(optly__monotonic_ms() - before, 20, 5000);
    meeting_cleanup(&m);
}

static void test_the_clocks_go_on(void **state)
{
    int64_t coarse = optly__monotonic_coarse_ms();
    int64_t exact = optly__monotonic_ms();

    (void)state;
    assert_true(coarse <= exact);
    assert_true(exact - coarse < 1000);
    assert_true(optly__wall_ms() > 1700000000000);
}

static void test_random_bytes_differ(void **state)
{
    unsigned char a[5000], b[5000];

    (void)state;
    assert_true(optly__random_bytes(a, sizeof(a)));
    assert_true(optly__random_bytes(b, sizeof(b)));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void test_each_fork_has_a_generation_of_its_own(void **state)
{
    uint64_t mine = optly__fork_generation();
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        uint64_t theirs = optly__fork_generation();
        pid_t grandchild = fork();

        if (grandchild == 0) {
            uint64_t third = optly__fork_generation();

            _exit(third != theirs && third != mine && third != 0 ? 0 : 1);
        }
        (void)waitpid(grandchild, &status, 0);
        _exit(status == 0 && theirs != mine && theirs != 0 &&
                      theirs == optly__fork_generation()
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(optly__fork_generation(), mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thread_is_named_and_blocks_all_signals),
        cmocka_unit_test(test_an_impossible_stack_starts_no_thread),
        cmocka_unit_test(test_a_wait_ends_at_its_deadline_or_at_once_if_past),
        cmocka_unit_test(test_the_clocks_go_on),
        cmocka_unit_test(test_random_bytes_differ),
        cmocka_unit_test(test_each_fork_has_a_generation_of_its_own),
    };

    return cmocka_run_group_tests_name("platform", tests, NULL, NULL);
}
