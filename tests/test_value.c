#include "event/value.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TWO_TO_53 INT64_C(9007199254740992)

static bool suits(optly_pair pair)
{
    return optly__value_suits_attribute(&pair.value);
}

static void test_attributes_are_bools_strings_and_finite_numbers(void **state)
{
    (void)state;
    assert_true(suits(optly_bool("k", false)));
    assert_true(suits(optly_string("k", "")));
    assert_true(suits(optly_int("k", 0)));
    assert_true(suits(optly_double("k", -0.5)));
    assert_false(suits(optly_null("k")));
    assert_false(suits(optly_json("k", "{}")));
    assert_false(suits(optly_string("k", NULL)));
    assert_false(suits(optly_double("k", (double)NAN)));
    assert_false(suits(optly_double("k", (double)INFINITY)));
    assert_false(suits(optly_double("k", -(double)INFINITY)));
}

static void test_attribute_numbers_end_at_two_to_53(void **state)
{
    (void)state;
    assert_true(suits(optly_int("k", TWO_TO_53 - 1)));
    assert_true(suits(optly_int("k", TWO_TO_53)));
    assert_true(suits(optly_int("k", TWO_TO_53 + 1))); /* 2^53 as a double */
    assert_false(suits(optly_int("k", TWO_TO_53 + 2)));
    assert_true(suits(optly_int("k", -TWO_TO_53)));
    assert_false(suits(optly_int("k", -TWO_TO_53 - 2)));
    assert_false(suits(optly_int("k", INT64_MIN)));
    assert_true(suits(optly_double("k", 9007199254740991.0)));
    assert_true(suits(optly_double("k", -9007199254740992.0)));
    assert_false(suits(optly_double("k", 9007199254740994.0)));
}

static void test_a_value_of_unknown_type_suits_nothing(void **state)
{
    optly_pair pair = optly_int("k", 1);
    char scratch[8];
    optly__writer writer;
    int64_t revenue;

    (void)state;
    pair.value.type = (optly_value_type)6;
    optly__writer_init(&writer, scratch, sizeof(scratch), sizeof(scratch));

    assert_false(suits(pair));
    assert_false(optly__write_value(&writer, &pair.value, 0));
    assert_false(optly__value_as_revenue(&pair.value, &revenue));
    assert_false(optly__value_is_number(&pair.value));
    assert_int_equal(optly__writer_len(&writer), 0);
}

static void assert_written(optly_pair pair, const char *expected)
{
    char scratch[512];
    optly__writer writer;
    size_t text_len;

    optly__writer_init(&writer, scratch, sizeof(scratch), 10000);
    assert_true(optly__value_measure(&pair.value, &text_len));
    assert_int_equal(optly__write_value(&writer, &pair.value, text_len),
                     expected != NULL);
    optly__write_raw(&writer, "", 1);
    assert_string_equal(writer.start, expected != NULL ? expected : "");
    optly__writer_cleanup(&writer);
}

static void test_every_type_is_written_as_a_tag(void **state)
{
    (void)state;
    assert_written(optly_null("k"), "null");
    assert_written(optly_bool("k", true), "true");
    assert_written(optly_bool("k", false), "false");
    assert_written(optly_int("k", INT64_MIN), "-9223372036854775808");
    assert_written(optly_double("k", 19.99), "19.99");
    assert_written(optly_double("k", -0.0), "-0");
    assert_written(optly_string("k", "a\"b"), "\"a\\\"b\"");
    assert_written(optly_json("k", " [ {\"a\" : 1.0} ] "), "[{\"a\":1.0}]");
}

static void test_what_json_cannot_carry_leaves_no_trace(void **state)
{
    (void)state;
    assert_written(optly_double("k", (double)NAN), NULL);
    assert_written(optly_double("k", (double)INFINITY), NULL);
    assert_written(optly_string("k", NULL), NULL);
    assert_written(optly_json("k", NULL), NULL);
    assert_written(optly_json("k", "[1,2"), NULL);
    assert_written(optly_json("k", "1"), NULL);
}

static void test_json_may_nest_to_32(void **state)
{
    char text[67];

    (void)state;
    for (size_t depth = 31; depth <= 33; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        assert_written(optly_json("k", text), depth <= 32 ? text : NULL);
    }
}

static void test_strings_are_measured_up_to_64_kib(void **state)
{
    char *text = malloc(65538);
    optly_pair pair;
    size_t len;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 65537);
    pair = optly_string("k", text);
    text[65537] = '\0';
    assert_false(optly__value_measure(&pair.value, &len));
    text[65536] = '\0';
    assert_true(optly__value_measure(&pair.value, &len));
    assert_int_equal(len, 65536);
    text[65535] = '\0';
    assert_true(optly__value_measure(&pair.value, &len));
    assert_int_equal(len, 65535);
    free(text);
}

static void assert_revenue(optly_pair pair, bool is_one, int64_t expected)
{
    int64_t revenue = 77;

    assert_int_equal(optly__value_as_revenue(&pair.value, &revenue), is_one);
    assert_true(revenue == (is_one ? expected : 77));
}

static void test_revenue_is_an_integer_or_cut_to_one(void **state)
{
    (void)state;
    assert_revenue(optly_int("k", INT64_MAX), true, INT64_MAX);
    assert_revenue(optly_int("k", 0), true, 0);
    assert_revenue(optly_double("k", 12.99), true, 12);
    assert_revenue(optly_double("k", -12.99), true, -12);
    assert_revenue(optly_double("k", -9223372036854775808.0), true, INT64_MIN);
    assert_revenue(optly_double("k", 9223372036854774784.0), true,
                   INT64_C(9223372036854774784));
    assert_revenue(optly_double("k", 9223372036854775808.0), false, 0);
    assert_revenue(optly_double("k", -9223372036854777856.0), false, 0);
    assert_revenue(optly_double("k", (double)NAN), false, 0);
    assert_revenue(optly_double("k", (double)INFINITY), false, 0);
    assert_revenue(optly_string("k", "12"), false, 0);
    assert_revenue(optly_bool("k", true), false, 0);
    assert_revenue(optly_null("k"), false, 0);
    assert_revenue(optly_json("k", "[1]"), false, 0);
}

static void test_a_bool_of_any_bits_is_true(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool flag = false;

        memset(&flag, byte, sizeof(flag));
        assert_int_equal(optly__read_bool(&flag), byte != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes_are_bools_strings_and_finite_numbers),
        cmocka_unit_test(test_attribute_numbers_end_at_two_to_53),
        cmocka_unit_test(test_a_value_of_unknown_type_suits_nothing),
        cmocka_unit_test(test_every_type_is_written_as_a_tag),
        cmocka_unit_test(test_what_json_cannot_carry_leaves_no_trace),
        cmocka_unit_test(test_json_may_nest_to_32),
        cmocka_unit_test(test_strings_are_measured_up_to_64_kib),
        cmocka_unit_test(test_revenue_is_an_integer_or_cut_to_one),
        cmocka_unit_test(test_a_bool_of_any_bits_is_true),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
