#include "json/scan.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json/utf8.h"

#define LOST OPTLY__UTF8_REPLACEMENT

static const optly__scan_rules rules = {.most_depth = 32, .suits_cjson = false};

static void assert_copied(const char *text, const char *expected)
{
    char scratch[1024];
    optly__writer writer;

    optly__writer_init(&writer, scratch, sizeof(scratch), 100000);
    assert_true(optly__scan_json(text, strlen(text), &rules, &writer, NULL));
    optly__write_raw(&writer, "", 1);
    assert_string_equal(writer.start, expected);
    optly__writer_cleanup(&writer);
}

/* From memory without a NUL behind it, so that a read too far shows. */
static bool accepts(const char *text, size_t len, size_t *offset)
{
    char *exact = malloc(len > 0 ? len : 1);
    bool is_valid;

    assert_non_null(exact);
    memcpy(exact, text, len);
    is_valid = optly__scan_json(exact, len, &rules, NULL, offset);
    free(exact);
    return is_valid;
}

static void test_valid_json_is_copied_without_white_space(void **state)
{
    (void)state;
    assert_copied("{}", "{}");
    assert_copied(" [ ] ", "[]");
    assert_copied("\t{ \"a\" : [ 1 , 2.50 , -0 ] ,\r\n \"b\" : { } } ",
                  "{\"a\":[1,2.50,-0],\"b\":{}}");
    assert_copied("[true, false, null, \" kept \"]",
                  "[true,false,null,\" kept \"]");
    assert_copied("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}");
}

static void test_numbers_are_kept_verbatim(void **state)
{
    (void)state;
    assert_copied("[9007199254740993, 1.10, 1E+2, 0.0e-0, -1e-999]",
                  "[9007199254740993,1.10,1E+2,0.0e-0,-1e-999]");
}

static void test_what_is_not_json_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "1",
                                        "\"a\"",
                                        "null",
                                        "[01]",
                                        "[1.]",
                                        "[.5]",
                                        "[+1]",
                                        "[-]",
                                        "[1e]",
                                        "[1e+]",
                                        "[0x1]",
                                        "[NaN]",
                                        "[Infinity]",
                                        "[1,]",
                                        "[,1]",
                                        "[1 2]",
                                        "[1",
                                        "[",
                                        "]",
                                        "[}",
                                        "{]",
                                        "{",
                                        "{\"a\"",
                                        "{\"a\":",
                                        "{\"a\":1",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "{1:1}",
                                        "{\"a\" 1}",
                                        "{'a':1}",
                                        "{,}",
                                        "{\"a\":1}x",
                                        "{} {}",
                                        "[tru]",
                                        "[truex]",
                                        "[nul]",
                                        "[True]",
                                        "[\"a]",
                                        "[\"\\x\"]",
                                        "[\"\\u12\"]",
                                        "[\"\\u12G4\"]",
                                        "[\"\\\"]",
                                        "[\"\t\"]",
                                        "[\"\n\"]",
                                        "\xEF\xBB\xBF{}",
                                        "[1]//",
                                        "/**/[1]",
                                        "[--1]",
                                        "[1.5.2]",
                                        "[\"a\"\"b\"]",
                                        "{\"a\":}",
                                        "{\"a\":1 \"b\":2}",
                                        "[-01]",
                                        "[\\u0031]",
                                        "{}}",
                                        "[]]"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (accepts(texts[i], strlen(texts[i]), NULL))
            fail_msg("taken: %s", texts[i]);
    }
}

static void test_every_beginning_of_json_is_refused(void **state)
{
    static const char text[] =
        "{\"a\":[1.5e-3,\"\\u00e9\\ud83d\\ude00\",true,null],\"b\":{\"c\":-1}}";

    (void)state;
    assert_true(accepts(text, sizeof(text) - 1, NULL));
    for (size_t len = 0; len < sizeof(text) - 1; len++)
        assert_false(accepts(text, len, NULL));
}

static void test_nul_bytes_are_refused(void **state)
{
    (void)state;
    assert_false(accepts("[1]\0", 4, NULL));
    assert_false(accepts("[\"\0\"]", 5, NULL));
    assert_false(accepts("\0[1]", 4, NULL));
}

static void test_numbers_that_overflow_a_double_are_refused(void **state)
{
    static const struct {
        const char *text;
        bool fits;
    } cases[] = {
        {"[1e308]", true},
        {"[1e309]", false},
        {"[-1e309]", false},
        {"[1.7976931348623157e308]", true},
        {"[1.7976931348623158e308]", true}, /* rounds down */
        {"[1.7976931348623159e308]", false},
        {"[1.8e308]", false},
        {"[0.17976931348623157e309]", true},
        {"[0.18e309]", false},
        {"[0e999999999999999999999]", true},
        {"[0.000e99999]", true},
        {"[1e-999999999999999999999]", true},
        {"[1e999999999999999999999]", false},
        {"[0.00000000001e318]", true},
        {"[0.00000000001e320]", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (accepts(cases[i].text, strlen(cases[i].text), NULL) !=
            cases[i].fits)
            fail_msg("wrong about %s", cases[i].text);
    }
}

static void test_long_numbers_are_judged_by_their_size(void **state)
{
    char text[400];

    (void)state;
    memset(text, '1', sizeof(text));
    text[0] = '[';
    text[310] = ']'; /* 309 digits: 1.1e308 */
    assert_true(accepts(text, 311, NULL));
    text[1] = '2';
    assert_false(accepts(text, 311, NULL));
    text[1] = '1';
    text[310] = '1';
    text[311] = ']';
    assert_false(accepts(text, 312, NULL));
}

static void test_depth_is_limited_to_the_level(void **state)
{
    char text[70];

    (void)state;
    for (size_t depth = 31; depth <= 33; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(accepts(text, 2 * depth, NULL), depth <= 32);
    }
}

static void test_brackets_close_in_order_at_every_depth(void **state)
{
    (void)state;
    assert_copied("[{\"a\":[{\"b\":[[{\"c\":[]}]]}]}]",
                  "[{\"a\":[{\"b\":[[{\"c\":[]}]]}]}]");
    assert_false(accepts("[{\"a\":[{\"b\":[[{\"c\":[}]]}]}]", 27, NULL));
}

static void test_strings_are_repaired(void **state)
{
    (void)state;
    assert_copied("[\"\xFF\xC3\xA9\xC3\"]", "[\"" LOST "\xC3\xA9" LOST "\"]");
    assert_copied("[\"\\ud83d\\ude00\"]", "[\"\\ud83d\\ude00\"]");
    assert_copied("[\"\\uD83D\\uDE00\"]", "[\"\\uD83D\\uDE00\"]");
    assert_copied("[\"\\uDBFF\\uDFFF\\uE000\"]", "[\"\\uDBFF\\uDFFF\\uE000\"]");
    assert_copied("[\"\\ud83d\"]", "[\"" LOST "\"]");
    assert_copied("[\"\\ud83dx\\ude00\"]", "[\"" LOST "x" LOST "\"]");
    assert_copied("[\"\\ud83d\\ud83d\\ude00\"]",
                  "[\"" LOST "\\ud83d\\ude00\"]");
    assert_copied("[\"\\ud83d\\u0041\"]", "[\"" LOST "\\u0041\"]");
    assert_copied("{\"\xFE\":1}", "{\"" LOST "\":1}");
}

static bool suits_cjson(const char *text)
{
    const optly__scan_rules strict = {.most_depth = 32, .suits_cjson = true};
    size_t len = strlen(text);

    assert_true(optly__scan_json(text, len, &rules, NULL, NULL));
    return optly__scan_json(text, len, &strict, NULL, NULL);
}

static void
test_what_cjson_cannot_read_is_refused_only_where_asked(void **state)
{
    char text[80];

    (void)state;
    assert_false(suits_cjson("[\"\\u0000\"]"));
    assert_true(suits_cjson("[\"\\\\u0000\"]"));
    assert_false(suits_cjson("[\"\\ud83d\"]"));
    assert_false(suits_cjson("[\"\\ude00\"]"));
    assert_true(suits_cjson("[\"\\ud83d\\ude00\"]"));
    for (size_t len = 63; len <= 64; len++) {
        memset(text, '1', sizeof(text));
        text[0] = '[';
        text[len + 1] = ']';
        text[len + 2] = '\0';
        assert_int_equal(suits_cjson(text), len == 63);
    }
}

static bool is_final(const char *text)
{
    const optly__scan_rules strict = {.most_depth = 32, .is_final = true};
    size_t len = strlen(text);

    assert_true(optly__scan_json(text, len, &rules, NULL, NULL));
    return optly__scan_json(text, len, &strict, NULL, NULL);
}

static void test_what_needs_repair_is_refused_only_where_asked(void **state)
{
    (void)state;
    assert_true(is_final("[\"\xC3\xA9\\ud83d\\ude00\\u0000\"]"));
    assert_false(is_final("[\"\xFF\"]"));
    assert_false(is_final("{\"\xC3\":1}"));
    assert_false(is_final("[\"\\ud83d\"]"));
    assert_false(is_final("[\"\\ude00\"]"));
}

static void test_offset_is_where_the_fault_is(void **state)
{
    size_t offset = 99;

    (void)state;
    assert_false(accepts("{\"a\":tru}", 9, &offset));
    assert_int_equal(offset, 5);
    assert_false(accepts("{} x", 4, &offset));
    assert_int_equal(offset, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_json_is_copied_without_white_space),
        cmocka_unit_test(test_numbers_are_kept_verbatim),
        cmocka_unit_test(test_what_is_not_json_is_refused),
        cmocka_unit_test(test_every_beginning_of_json_is_refused),
        cmocka_unit_test(test_nul_bytes_are_refused),
        cmocka_unit_test(test_numbers_that_overflow_a_double_are_refused),
        cmocka_unit_test(test_long_numbers_are_judged_by_their_size),
        cmocka_unit_test(test_depth_is_limited_to_the_level),
        cmocka_unit_test(test_brackets_close_in_order_at_every_depth),
        cmocka_unit_test(test_strings_are_repaired),
        cmocka_unit_test(
            test_what_cjson_cannot_read_is_refused_only_where_asked),
        cmocka_unit_test(test_what_needs_repair_is_refused_only_where_asked),
        cmocka_unit_test(test_offset_is_where_the_fault_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
