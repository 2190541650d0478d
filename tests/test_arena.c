#include "project/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fakes/failing_allocator.h"

static void test_memory_is_aligned_and_does_not_overlap(void **state)
{
    enum { COUNT = 300 };
    optly__arena arena = {NULL, 0};
    unsigned char *parts[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        parts[i] = optly__arena_alloc(&arena, i + 1);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % alignof(max_align_t), 0);
        memset(parts[i], (int)(i % 256), i + 1);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(parts[i][0], i % 256);
        assert_int_equal(parts[i][i], i % 256);
    }
    optly__arena_cleanup(&arena);
}

static void test_large_parts_get_room(void **state)
{
    optly__arena arena = {NULL, 0};
    char *large = optly__arena_alloc(&arena, 100000);

    (void)state;
    assert_non_null(large);
    memset(large, 1, 100000);
    assert_string_equal(optly__arena_copy(&arena, "abc...", 3), "abc");
    optly__arena_cleanup(&arena);
}

static void test_absurd_sizes_and_no_memory_give_null(void **state)
{
    optly__arena arena = {NULL, 0};

    (void)state;
    assert_null(optly__arena_alloc(&arena, SIZE_MAX));
    failing_allocator_install(0);
    assert_null(optly__arena_copy(&arena, "abc", 3));
    assert_int_equal(failing_allocator_remove(), 0);
    optly__arena_cleanup(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_aligned_and_does_not_overlap),
        cmocka_unit_test(test_large_parts_get_room),
        cmocka_unit_test(test_absurd_sizes_and_no_memory_give_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
