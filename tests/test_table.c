#include "project/table.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fakes/failing_allocator.h"

static void test_empty_table_finds_nothing(void **state)
{
    optly__table table = {NULL, 0, 0};

    (void)state;
    assert_null(optly__table_get(&table, "a"));
    assert_null(optly__table_get(&table, NULL));
    optly__table_cleanup(&table);
}

static void test_every_key_of_many_is_found(void **state)
{
    enum { KEYS = 2000 };
    static char keys[KEYS][16];
    static int values[KEYS];
    optly__table table = {NULL, 0, 0};

    (void)state;
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%s%d", i % 2 ? "key_" : "",
                       i);
        assert_true(optly__table_put(&table, keys[i], &values[i]));
    }
    for (int i = 0; i < KEYS; i++)
        assert_ptr_equal(optly__table_get(&table, keys[i]), &values[i]);
    assert_int_equal(table.count, KEYS);
    assert_null(optly__table_get(&table, "key"));
    assert_null(optly__table_get(&table, ""));
    optly__table_cleanup(&table);
}

static void test_last_value_of_a_key_counts(void **state)
{
    optly__table table = {NULL, 0, 0};
    int first, last;

    (void)state;
    assert_true(optly__table_put(&table, "key", &first));
    assert_true(optly__table_put(&table, "key", &last));

    assert_ptr_equal(optly__table_get(&table, "key"), &last);
    assert_int_equal(table.count, 1);
    optly__table_cleanup(&table);
}

static void test_keys_compare_byte_for_byte(void **state)
{
    optly__table table = {NULL, 0, 0};
    int value;

    (void)state;
    assert_true(optly__table_put(&table, "Key", &value));
    assert_null(optly__table_get(&table, "key"));
    assert_null(optly__table_get(&table, "Key "));
    assert_null(optly__table_get(&table, "Ke"));
    optly__table_cleanup(&table);
}

static void test_put_without_memory_keeps_what_is_there(void **state)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f",
                                       "g", "h", "i", "j", "k", "l"};
    optly__table table = {NULL, 0, 0};
    int value;
    size_t put = 0;

    (void)state;
    failing_allocator_install(1);
    while (optly__table_put(&table, keys[put], &value))
        put++;

    assert_int_equal(put, 8);
    assert_ptr_equal(optly__table_get(&table, "h"), &value);
    assert_null(optly__table_get(&table, "i"));
    optly__table_cleanup(&table);
    assert_int_equal(failing_allocator_remove(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_table_finds_nothing),
        cmocka_unit_test(test_every_key_of_many_is_found),
        cmocka_unit_test(test_last_value_of_a_key_counts),
        cmocka_unit_test(test_keys_compare_byte_for_byte),
        cmocka_unit_test(test_put_without_memory_keeps_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
