/*
 * The layout of the public structs: none ends in padding, where a field that
 * is appended later could hide unseen, but for what layouts.h says; and none
 * has shrunk below its first version.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "layouts.h"

/* 32-bit systems align integers of 64 bits by 8 bytes or by 4 (x86, where no
 * struct ends in padding). */
#define IS_64_BIT (sizeof(void *) == 8)
#define ALIGNS_BY_8 (_Alignof(int64_t) == 8)

typedef struct layout {
    const char *name;
    size_t size, end_of_last;
    size_t first_size, first_padding; /* as it was published */
    bool may_grow;                    /* it has a struct_size */
} layout;

#define ROW(type, last, size_64, size_32, padding_32, may_grow)                \
    {#type,                                                                    \
     sizeof(type),                                                             \
     END_OF(type, last),                                                       \
     IS_64_BIT     ? (size_64)                                                 \
     : ALIGNS_BY_8 ? (size_32)                                                 \
                   : (size_32) - (padding_32),                                 \
     !IS_64_BIT && ALIGNS_BY_8 ? (padding_32) : 0,                             \
     may_grow},
#define FIXED(type, last, size_64, size_32, padding_32)                        \
    ROW(type, last, size_64, size_32, padding_32, false)
#define GROWS(type, last, size_64, size_32, padding_32)                        \
    ROW(type, last, size_64, size_32, padding_32, true)

static const layout layouts[] = {LAYOUTS(FIXED, GROWS)};

enum { COUNT = sizeof(layouts) / sizeof(*layouts) };

static void test_no_struct_ends_in_more_padding_than_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        print_message("%s\n", layouts[i].name);
        assert_int_equal(layouts[i].end_of_last,
                         layouts[i].size > layouts[i].first_size
                             ? layouts[i].size
                             : layouts[i].size - layouts[i].first_padding);
    }
}

static void
test_structs_keep_the_size_that_they_were_published_with(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        print_message("%s\n", layouts[i].name);
        if (layouts[i].may_grow)
            assert_in_range(layouts[i].size, layouts[i].first_size, 4096);
        else
            assert_int_equal(layouts[i].size, layouts[i].first_size);
    }
}

static void test_every_growing_struct_begins_with_its_size(void **state)
{
    (void)state;
    assert_int_equal(offsetof(optly_project_config, struct_size), 0);
    assert_int_equal(offsetof(optly_impression, struct_size), 0);
    assert_int_equal(offsetof(optly_conversion, struct_size), 0);
    assert_int_equal(offsetof(optly_queue_ops, struct_size), 0);
    assert_int_equal(offsetof(optly_log_event, struct_size), 0);
    assert_int_equal(offsetof(optly_dispatch_result, struct_size), 0);
    assert_int_equal(offsetof(optly_dispatcher_ops, struct_size), 0);
    assert_int_equal(offsetof(optly_queue_dispatcher_config, struct_size), 0);
    assert_int_equal(offsetof(optly_http_config, struct_size), 0);
    assert_int_equal(offsetof(optly_metrics, struct_size), 0);
    assert_int_equal(offsetof(optly_processor_config, struct_size), 0);
    assert_int_equal(offsetof(optly_close_report, struct_size), 0);
    assert_int_equal(offsetof(optly_delivery_report, struct_size), 0);
    assert_int_equal(offsetof(optly_stats, struct_size), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_struct_ends_in_more_padding_than_published),
        cmocka_unit_test(
            test_structs_keep_the_size_that_they_were_published_with),
        cmocka_unit_test(test_every_growing_struct_begins_with_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
