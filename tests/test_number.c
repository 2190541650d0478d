#include "json/number.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *double_text(double value)
{
    static char text[OPTLY__NUMBER_SIZE + 1];

    memset(text, '#', sizeof(text));
    text[optly__double_text(text, value)] = '\0';
    return text;
}

static const char *int_text(int64_t value)
{
    static char text[OPTLY__NUMBER_SIZE + 1];

    memset(text, '#', sizeof(text));
    text[optly__int_text(text, value)] = '\0';
    return text;
}

static void test_integers_are_written_exactly(void **state)
{
    int64_t power = 1;

    (void)state;
    assert_string_equal(int_text(0), "0");
    assert_string_equal(int_text(INT64_MAX), "9223372036854775807");
    assert_string_equal(int_text(INT64_MIN), "-9223372036854775808");
    for (int i = 0; i < 19; i++) {
        for (int64_t step = -1; step <= 1; step++) {
            char expected[32];

            (void)snprintf(expected, sizeof(expected), "%" PRId64,
                           power + step);
            assert_string_equal(int_text(power + step), expected);
        }
        power *= i < 18 ? 10 : 1;
    }
}

static void test_integral_doubles_have_no_exponent_below_two_to_63(void **state)
{
    (void)state;
    assert_string_equal(double_text(0.0), "0");
    assert_string_equal(double_text(-0.0), "-0");
    assert_string_equal(double_text(42.0), "42");
    assert_string_equal(double_text(1e17), "100000000000000000");
    assert_string_equal(double_text(-9007199254740992.0), "-9007199254740992");
    assert_string_equal(double_text(9223372036854774784.0),
                        "9223372036854774784");
    assert_string_equal(double_text(9223372036854775808.0),
                        "9.223372036854776e18");
}

static void test_doubles_have_the_shortest_digits(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.1, "0.1"},
        {19.99, "19.99"},
        {-0.05, "-0.05"},
        {1.05, "1.05"},
        {0.000001, "0.000001"},
        {1e-7, "1e-7"},
        {1.5e-10, "1.5e-10"},
        {0.1 + 0.2, "0.30000000000000004"},
        {123456.789012345, "123456.789012345"},
        {4294967296.5, "4294967296.5"},
        {999999999999999.9, "999999999999999.9"},
        {1e21, "1e21"},
        {1e22, "1e22"},
        {1.7976931348623157e308, "1.7976931348623157e308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {2.225073858507201e-308, "2.225073858507201e-308"},
        {5e-324, "5e-324"},
        {1e-323, "1e-323"},
        {5.684341886080802e-14, "5.684341886080802e-14"}, /* 2^-44 */
        {9.5367431640625e-7, "9.5367431640625e-7"},       /* 2^-20 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(double_text(cases[i].value), cases[i].text);
}

/* A fixed sequence, so that a failure can be repeated. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static bool reads_back(double value)
{
    char *end;
    const char *text = double_text(value);
    double read = strtod(text, &end);

    return *end == '\0' && memcmp(&read, &value, sizeof(value)) == 0;
}

static void test_random_doubles_read_back_as_the_same(void **state)
{
    uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);

    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = next_random(&seed);
        double value;

        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value) && !reads_back(value))
            fail_msg("%a is written as %s", value, double_text(value));
    }
}

/* With one digit less none reads back, up or down. */
static void test_random_doubles_have_no_shorter_text(void **state)
{
    uint64_t seed = 88172645463325252u;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_random(&seed);
        char shorter[64];
        double value;
        int count = 0;

        memcpy(&value, &bits, sizeof(value));
        value = fabs(value);
        if (!isfinite(value) || (value < 9.3e18 && value == floor(value)))
            continue;
        for (const char *at = double_text(value); *at != '\0' && *at != 'e';
             at++) {
            if (*at != '.' && (count > 0 || *at != '0'))
                count++;
        }
        if (count < 2)
            continue;
        (void)snprintf(shorter, sizeof(shorter), "%.*e", count - 2, value);
        if (strtod(shorter, NULL) == value)
            fail_msg("%s, but %s will do", double_text(value), shorter);
    }
}

static void test_every_price_is_written_as_such(void **state)
{
    (void)state;
    for (int cents = 0; cents < 100000; cents++) {
        char expected[32];
        size_t len;

        (void)snprintf(expected, sizeof(expected), "%d.%02d", cents / 100,
                       cents % 100);
        len = strlen(expected);
        while (expected[len - 1] == '0')
            expected[--len] = '\0';
        if (expected[len - 1] == '.')
            expected[len - 1] = '\0';
        assert_string_equal(double_text((double)cents / 100.0), expected);
    }
}

static void test_powers_of_two_read_back(void **state)
{
    (void)state;
    for (int exponent = -1074; exponent <= 1023; exponent++)
        assert_true(reads_back(ldexp(1.0, exponent)));
}

static void test_the_locale_has_no_say(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE",
                                        "fr_FR.UTF-8", "tr_TR.UTF-8"};
    locale_t locale = (locale_t)0, before;

    (void)state;
    for (size_t i = 0;
         locale == (locale_t)0 && i < sizeof(names) / sizeof(*names); i++)
        locale = newlocale(LC_ALL_MASK, names[i], (locale_t)0);
    if (locale == (locale_t)0) {
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    before = uselocale(locale);
    assert_string_equal(double_text(19.99), "19.99");
    assert_string_equal(double_text(0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(double_text(1.5e-10), "1.5e-10");
    (void)uselocale(before);
    freelocale(locale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_written_exactly),
        cmocka_unit_test(
            test_integral_doubles_have_no_exponent_below_two_to_63),
        cmocka_unit_test(test_doubles_have_the_shortest_digits),
        cmocka_unit_test(test_random_doubles_read_back_as_the_same),
        cmocka_unit_test(test_random_doubles_have_no_shorter_text),
        cmocka_unit_test(test_every_price_is_written_as_such),
        cmocka_unit_test(test_powers_of_two_read_back),
        cmocka_unit_test(test_the_locale_has_no_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
