/* The allocator of the library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fakes/failing_allocator.h"

#include <optly/status.h>

static void *allocate(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static void test_half_an_allocator_is_refused(void **state)
{
    const optly_allocator no_release = {allocate, NULL, NULL};
    const optly_allocator no_allocate = {NULL, release, NULL};

    (void)state;
    assert_int_equal(optly_set_allocator(&no_release), OPTLY_ERR_INVALID);
    assert_int_equal(optly_set_allocator(&no_allocate), OPTLY_ERR_INVALID);
}

static void test_all_goes_through_the_allocator_that_is_set(void **state)
{
    unsigned char *zeroed;
    char *copy;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    zeroed = optly__alloc_zero(100);
    copy = optly__copy_string("text");
    assert_int_equal(failing_allocator_live(), 2);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeroed[i], 0);
    assert_string_equal(copy, "text");
    optly__free(zeroed);
    optly__free(copy);
    optly__free(NULL);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_a_failure_comes_back_as_null(void **state)
{
    (void)state;
    failing_allocator_install(0);
    assert_null(optly__alloc_zero(100));
    failing_allocator_fail_after(0);
    assert_null(optly__copy_string("text"));
    assert_int_equal(failing_allocator_remove(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_an_allocator_is_refused),
        cmocka_unit_test(test_all_goes_through_the_allocator_that_is_set),
        cmocka_unit_test(test_a_failure_comes_back_as_null),
    };

    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
