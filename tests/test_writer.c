#include "json/writer.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fakes/failing_allocator.h"
#include "json/utf8.h"

#define LOST OPTLY__UTF8_REPLACEMENT

/* From memory without a NUL behind it, so that a read too far shows. */
static void assert_written(const char *text, size_t len, const char *expected)
{
    char *exact = malloc(len > 0 ? len : 1);
    char scratch[256];
    optly__writer writer;

    assert_non_null(exact);
    memcpy(exact, text, len);
    optly__writer_init(&writer, scratch, sizeof(scratch), 1000000);
    optly__write_string(&writer, exact, len);
    optly__write_raw(&writer, "", 1);
    assert_int_equal(writer.status, OPTLY_OK);
    assert_string_equal(writer.start, expected);
    optly__writer_cleanup(&writer);
    free(exact);
}

static void test_plain_text_is_copied(void **state)
{
    (void)state;
    assert_written("", 0, "\"\"");
    assert_written("abc", 3, "\"abc\"");
    assert_written("longer than eight bytes", 23,
                   "\"longer than eight bytes\"");
    assert_written("\x7f</script>&", 11, "\"\x7f</script>&\"");
}

static void test_special_characters_are_escaped(void **state)
{
    (void)state;
    assert_written("\"\\/", 3, "\"\\\"\\\\/\"");
    assert_written("\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"");
    assert_written("\x01\x0b\x1f", 3, "\"\\u0001\\u000b\\u001f\"");
}

static void test_each_position_of_a_special_byte_is_found(void **state)
{
    static const struct {
        char byte;
        const char *escaped;
    } cases[] = {{'"', "\\\""},       {'\\', "\\\\"},    {'\n', "\\n"},
                 {'\x1f', "\\u001f"}, {'\0', "\\u0000"}, {(char)0xFF, LOST}};

    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
        for (size_t len = 1; len < 40; len++) {
            for (size_t at = 0; at < len; at++) {
                char text[40], expected[64];
                size_t size = strlen(cases[c].escaped);

                memset(text, 'x', len);
                text[at] = cases[c].byte;
                memset(expected, 'x', sizeof(expected));
                expected[0] = '"';
                memcpy(expected + 1 + at, cases[c].escaped, size);
                expected[len + size] = '"';
                expected[len + size + 1] = '\0';
                assert_written(text, len, expected);
            }
        }
    }
}

static void test_valid_utf8_is_copied(void **state)
{
    static const char *const texts[] = {
        "\"\xC2\x80\"",         "\"\xDF\xBF\"",        "\"\xE0\xA0\x80\"",
        "\"\xED\x9F\xBF\"",     "\"\xEE\x80\x80\"",    "\"\xEF\xBF\xBF\"",
        "\"\xF0\x90\x80\x80\"", "\"\xF4\x8F\xBF\xBF\""};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_written(texts[i] + 1, strlen(texts[i]) - 2, texts[i]);
}

static void test_each_invalid_byte_becomes_one_replacement(void **state)
{
    (void)state;
    assert_written("a\xFF", 2, "\"a" LOST "\"");
    assert_written("\x80\xBF", 2, "\"" LOST LOST "\"");
    assert_written("\xC0\xAF", 2, "\"" LOST LOST "\"");          /* overlong */
    assert_written("\xC1\xBF", 2, "\"" LOST LOST "\"");          /* overlong */
    assert_written("\xE0\x9F\xBF", 3, "\"" LOST LOST LOST "\""); /* overlong */
    assert_written("\xED\xA0\x80", 3, "\"" LOST LOST LOST "\""); /* surrogate */
    assert_written("\xF0\x8F\xBF\xBF", 4, "\"" LOST LOST LOST LOST "\"");
    assert_written("\xF4\x90\x80\x80", 4, "\"" LOST LOST LOST LOST "\"");
    assert_written("\xF5\x80\x80\x80", 4, "\"" LOST LOST LOST LOST "\"");
    assert_written("\xE2\x82\xAC", 2, "\"" LOST LOST "\""); /* cut short */
    assert_written("\xE2\x82x", 3, "\"" LOST LOST "x\"");
    assert_written("\xF0\x9F\x98", 3, "\"" LOST LOST LOST "\"");
}

static void test_names_end_with_a_colon(void **state)
{
    char scratch[16];
    optly__writer writer;

    (void)state;
    optly__writer_init(&writer, scratch, sizeof(scratch), 1000);
    optly__write_name(&writer, "ab", 2);
    optly__write_name(&writer, "\n", 1);
    optly__write_name(&writer, "a name that is long", 19);
    optly__write_raw(&writer, "", 1);
    assert_string_equal(writer.start,
                        "\"ab\":\"\\n\":\"a name that is long\":");
    optly__writer_cleanup(&writer);
}

static void test_writer_moves_to_the_heap_and_keeps_its_text(void **state)
{
    char scratch[4];
    optly__writer writer;

    (void)state;
    optly__writer_init(&writer, scratch, sizeof(scratch), 1000000);
    for (int i = 0; i < 1000; i++)
        optly__write_int(&writer, i % 10);
    assert_int_equal(writer.status, OPTLY_OK);
    assert_int_equal(optly__writer_len(&writer), 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(writer.start[i], '0' + (int)(i % 10));
    optly__writer_cleanup(&writer);
}

static void test_limit_holds_to_the_byte(void **state)
{
    (void)state;
    for (size_t size = 1; size < 20; size++) {
        char scratch[20];
        optly__writer writer;

        optly__writer_init(&writer, scratch, size, 10);
        optly__write_literal(&writer, "0123456789");
        assert_int_equal(writer.status, OPTLY_OK);
        optly__write_literal(&writer, "x");
        assert_int_equal(writer.status, OPTLY_ERR_TOO_LARGE);
        assert_int_equal(optly__writer_len(&writer), 10);
        optly__writer_cleanup(&writer);
    }
}

static void test_failure_sticks(void **state)
{
    char scratch[4];
    optly__writer writer;

    (void)state;
    failing_allocator_install(0);
    optly__writer_init(&writer, scratch, sizeof(scratch), 1000);
    optly__write_string(&writer, "too long for it", 15);
    optly__write_literal(&writer, "more");
    optly__writer_cleanup(&writer);

    assert_int_equal(writer.status, OPTLY_ERR_NO_MEMORY);
    assert_int_equal(failing_allocator_calls(), 1);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_truncate_takes_back_the_end(void **state)
{
    char scratch[16];
    optly__writer writer;

    (void)state;
    optly__writer_init(&writer, scratch, sizeof(scratch), 1000);
    optly__write_literal(&writer, "[1,2,");
    optly__writer_truncate(&writer, optly__writer_len(&writer) - 1);
    optly__write_literal(&writer, "]");
    assert_memory_equal(writer.start, "[1,2]", 5);
    assert_int_equal(optly__writer_len(&writer), 5);
    optly__writer_cleanup(&writer);
}

static void test_what_was_written_is_written_again(void **state)
{
    for (int fails = 0; fails < 2; fails++) {
        char scratch[8];
        optly__writer writer;

        (void)state;
        failing_allocator_install(fails ? 0 : FAILING_ALLOCATOR_NEVER);
        optly__writer_init(&writer, scratch, sizeof(scratch), 1000);
        optly__write_literal(&writer, "12345");
        optly__write_again(&writer, 1, 3); /* fits to the byte */
        assert_memory_equal(writer.start, "12345234", 8);
        optly__write_again(&writer, 0, 5);
        assert_int_equal(writer.status, fails ? OPTLY_ERR_NO_MEMORY : OPTLY_OK);
        if (!fails)
            assert_memory_equal(writer.start, "1234523412345", 13);
        optly__writer_cleanup(&writer);
        assert_int_equal(failing_allocator_remove(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text_is_copied),
        cmocka_unit_test(test_special_characters_are_escaped),
        cmocka_unit_test(test_each_position_of_a_special_byte_is_found),
        cmocka_unit_test(test_valid_utf8_is_copied),
        cmocka_unit_test(test_each_invalid_byte_becomes_one_replacement),
        cmocka_unit_test(test_names_end_with_a_colon),
        cmocka_unit_test(test_writer_moves_to_the_heap_and_keeps_its_text),
        cmocka_unit_test(test_limit_holds_to_the_byte),
        cmocka_unit_test(test_failure_sticks),
        cmocka_unit_test(test_truncate_takes_back_the_end),
        cmocka_unit_test(test_what_was_written_is_written_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
