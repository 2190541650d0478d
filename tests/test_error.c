/* Statuses, error messages, and structs that may grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <optly/event.h>

#include "base/error.h"

static void test_each_status_has_a_text_of_its_own(void **state)
{
    const char *texts[16];

    (void)state;
    for (int i = 0; i < 16; i++) {
        texts[i] = optly_status_text((optly_status)(1 - i));
        assert_non_null(texts[i]);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(texts[i], texts[j]);
    }
    assert_string_equal(optly_status_text((optly_status)-99), "unknown status");
}

static void test_the_version_is_that_of_the_header(void **state)
{
    char expected[32];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "%d.%d.%d", OPTLY_VERSION_MAJOR,
                   OPTLY_VERSION_MINOR, OPTLY_VERSION_PATCH);
    assert_string_equal(optly_version(), expected);
    assert_string_equal(OPTLY_VERSION_STRING, expected);
}

static void test_a_long_message_is_cut_and_terminated(void **state)
{
    optly_error err;
    char longer[400];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(optly__fail(&err, OPTLY_ERR_IO, "%s", longer),
                     OPTLY_ERR_IO);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    assert_int_equal(optly__fail(NULL, OPTLY_ERR_IO, "%s", longer),
                     OPTLY_ERR_IO);
    assert_int_equal(optly__fail_memory(&err), OPTLY_ERR_NO_MEMORY);
    assert_string_equal(err.message, "out of memory");
}

typedef struct first_version {
    size_t struct_size;
    uint64_t a;
} first_version;

typedef struct second_version {
    size_t struct_size;
    uint64_t a, b;
} second_version;

static void test_a_shorter_struct_is_filled_up_with_zeros(void **state)
{
    first_version from = {sizeof(from), 7};
    second_version to;

    (void)state;
    memset(&to, 0xff, sizeof(to));
    assert_int_equal(optly__copy_struct(&to, sizeof(to), &from,
                                        sizeof(first_version), "it", NULL),
                     OPTLY_OK);
    assert_int_equal(to.a, 7);
    assert_int_equal(to.b, 0);
}

static void test_a_longer_struct_must_be_zero_beyond(void **state)
{
    second_version from = {sizeof(from), 7, 0};
    first_version to;
    optly_error err;

    (void)state;
    assert_int_equal(
        optly__copy_struct(&to, sizeof(to), &from, sizeof(to), "it", &err),
        OPTLY_OK);
    from.b = 1;
    assert_int_equal(
        optly__copy_struct(&to, sizeof(to), &from, sizeof(to), "it", &err),
        OPTLY_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "it.struct_size"));
}

static void test_a_zeroed_or_missing_struct_is_invalid(void **state)
{
    first_version from = {0, 0}, to;

    (void)state;
    assert_int_equal(
        optly__copy_struct(&to, sizeof(to), &from, sizeof(to), "it", NULL),
        OPTLY_ERR_INVALID);
    from.struct_size = sizeof(to) - 1;
    assert_int_equal(
        optly__copy_struct(&to, sizeof(to), &from, sizeof(to), "it", NULL),
        OPTLY_ERR_INVALID);
    assert_int_equal(
        optly__copy_struct(&to, sizeof(to), NULL, sizeof(to), "it", NULL),
        OPTLY_ERR_INVALID);
}

static void keep_line(optly_log_level level, const char *message, void *user)
{
    assert_int_equal(level, OPTLY_LOG_INFO);
    (void)snprintf(user, 600, "%s", message);
}

static void test_a_log_line_is_formatted_and_cut(void **state)
{
    char line[600] = "", longer[600];
    const optly__log log = {keep_line, line}, none = {NULL, NULL};

    (void)state;
    optly__log_write(&log, OPTLY_LOG_INFO, "%s is %d", "it", 7);
    assert_string_equal(line, "it is 7");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    optly__log_write(&log, OPTLY_LOG_INFO, "%s", longer);
    assert_int_equal(strlen(line), 511);
    optly__log_write(&none, OPTLY_LOG_INFO, "nobody listens");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_status_has_a_text_of_its_own),
        cmocka_unit_test(test_the_version_is_that_of_the_header),
        cmocka_unit_test(test_a_long_message_is_cut_and_terminated),
        cmocka_unit_test(test_a_shorter_struct_is_filled_up_with_zeros),
        cmocka_unit_test(test_a_longer_struct_must_be_zero_beyond),
        cmocka_unit_test(test_a_zeroed_or_missing_struct_is_invalid),
        cmocka_unit_test(test_a_log_line_is_formatted_and_cut),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
