#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "platform/sigpipe.h"

static bool is_blocked(void)
{
    sigset_t mask;

    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGPIPE) == 1;
}

static bool is_pending(void)
{
    sigset_t pending;

    (void)sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

static void set_blocked(bool blocked)
{
    sigset_t sigpipe;

    (void)sigemptyset(&sigpipe);
    (void)sigaddset(&sigpipe, SIGPIPE);
    (void)pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &sigpipe, NULL);
}

static void test_signal_between_block_and_restore_is_swallowed(void **state)
{
    optly__sigpipe guard;

    (void)state;
    optly__sigpipe_block(&guard);
    assert_true(is_blocked());
    (void)raise(SIGPIPE); /* its default action would end this process */
    optly__sigpipe_restore(&guard);

    assert_false(is_blocked());
    assert_false(is_pending());
}

static void test_mask_that_blocks_it_already_is_left_alone(void **state)
{
    optly__sigpipe guard;

    (void)state;
    set_blocked(true);
    (void)raise(SIGPIPE); /* the host's own, not ours to swallow */
    optly__sigpipe_block(&guard);
    optly__sigpipe_restore(&guard);

    assert_true(is_blocked());
    assert_true(is_pending());
    (void)signal(SIGPIPE, SIG_IGN); /* discards it */
    (void)signal(SIGPIPE, SIG_DFL);
    set_blocked(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signal_between_block_and_restore_is_swallowed),
        cmocka_unit_test(test_mask_that_blocks_it_already_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
