#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "event/visitor_json.h"
#include "fakes/events.h"
#include "fakes/failing_allocator.h"

static optly_project *project;

static int set_up(void **state)
{
    (void)state;
    project = fake_project();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    optly_project_destroy(project);
    return 0;
}

static void assert_tags(const optly_pair *pairs, size_t count,
                        const char *expected)
{
    char scratch[64];
    optly__writer writer;

    optly__writer_init(&writer, scratch, sizeof(scratch), 1000000);
    assert_int_equal(optly__write_tags(&writer, project, pairs, count, NULL),
                     OPTLY_OK);
    optly__write_raw(&writer, "", 1);
    assert_string_equal(writer.start, expected);
    optly__writer_cleanup(&writer);
}

static void test_no_tags_leave_the_field_out(void **state)
{
    const optly_pair broken[] = {optly_double("a", (double)NAN)};

    (void)state;
    assert_tags(NULL, 0, "");
    assert_tags(broken, 1, "");
}

static void test_tags_are_sorted_by_their_bytes(void **state)
{
    const optly_pair pairs[] = {
        optly_int("b", 1),          optly_int("abcdefghij", 2),
        optly_int("abcdefgh", 3),   optly_int("\xC3\xA9", 4),
        optly_int("B", 5),          optly_int("", 6),
        optly_int("abcdefghia", 7), optly_int("abcdefg", 8)};

    (void)state;
    assert_tags(pairs, 8,
                ",\"tags\":{\"\":6,\"B\":5,\"abcdefg\":8,\"abcdefgh\":3,"
                "\"abcdefghia\":7,\"abcdefghij\":2,\"b\":1,\"\xC3\xA9\":4}");
}

static void test_last_of_one_key_wins(void **state)
{
    const optly_pair pairs[] = {optly_int("revenue", 1), optly_int("a", 2),
                                optly_int("revenue", 3), optly_int("a", 4),
                                optly_int("revenue", 5)};

    (void)state;
    assert_tags(pairs, 5, ",\"tags\":{\"a\":4,\"revenue\":5},\"revenue\":5");
}

static void test_an_invalid_winner_leaves_nothing_of_its_key(void **state)
{
    const optly_pair pairs[] = {optly_int("value", 1),
                                optly_double("value", (double)NAN),
                                optly_int("z", 1)};

    (void)state;
    assert_tags(pairs, 3, ",\"tags\":{\"z\":1}");
}

static void test_revenue_and_value_stay_in_the_tags_too(void **state)
{
    const optly_pair pairs[] = {optly_double("value", 0.0),
                                optly_double("revenue", 12.99)};

    (void)state;
    assert_tags(pairs, 2,
                ",\"tags\":{\"revenue\":12.99,\"value\":0},"
                "\"revenue\":12,\"value\":0");
}

static void test_strings_and_bools_are_no_revenue_and_no_value(void **state)
{
    const optly_pair pairs[] = {optly_string("revenue", "12"),
                                optly_bool("value", true)};

    (void)state;
    assert_tags(pairs, 2, ",\"tags\":{\"revenue\":\"12\",\"value\":true}");
}

static void test_revenue_beyond_int64_stays_a_tag(void **state)
{
    const optly_pair pairs[] = {optly_double("revenue", 1e19)};

    (void)state;
    assert_tags(pairs, 1, ",\"tags\":{\"revenue\":1e19}");
}

static void test_a_broken_tag_leaves_the_others(void **state)
{
    const optly_pair pairs[] = {optly_json("b", "[01]"), optly_int("c", 1),
                                optly_double("a", (double)INFINITY),
                                optly_json("d", "[ 1 ]"),
                                optly_json("e", "{\"x\":")};

    (void)state;
    assert_tags(pairs, 5, ",\"tags\":{\"c\":1,\"d\":[1]}");
}

/* Every count around the change of the algorithm, and the most. */
static void test_any_number_of_tags_is_sorted(void **state)
{
    static const size_t counts[] = {31, 32, 33, 34, 64, 999, 1000};
    static char keys[1000][32];
    static optly_pair pairs[1000];
    char *expected = malloc(40000);

    (void)state;
    assert_non_null(expected);
    for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
        size_t count = counts[c];
        char *at = expected + sprintf(expected, ",\"tags\":{");

        for (size_t i = 0; i < count; i++) {
            size_t place = i * 7919 % count; /* a prime: each place once */

            (void)snprintf(keys[i], sizeof(keys[i]), "some_key_%04zu", place);
            pairs[i] = optly_int(keys[i], (int64_t)place);
        }
        for (size_t i = 0; i < count; i++)
            at += sprintf(at, "\"some_key_%04zu\":%zu,", i, i);
        (void)strcpy(at - 1, "}");
        assert_tags(pairs, count, expected);
    }
    free(expected);
}

static void test_last_of_many_with_one_key_wins(void **state)
{
    static optly_pair pairs[1000];

    (void)state;
    for (int i = 0; i < 1000; i++)
        pairs[i] = optly_int(i % 2 ? "some_long_key" : "value", i);
    assert_tags(pairs, 1000,
                ",\"tags\":{\"some_long_key\":999,\"value\":998},"
                "\"value\":998");
}

static void test_null_key_is_an_error_with_a_place(void **state)
{
    const optly_pair pairs[] = {optly_int("a", 1), optly_int(NULL, 1)};
    char scratch[256];
    optly__writer writer;
    optly_error err;

    (void)state;
    optly__writer_init(&writer, scratch, sizeof(scratch), 1000);
    assert_int_equal(optly__write_tags(&writer, project, pairs, 2, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "tags[1].key: is NULL");
}

static void test_many_tags_without_memory_are_an_error(void **state)
{
    optly_pair pairs[33];
    char scratch[256];
    optly__writer writer;

    (void)state;
    for (size_t i = 0; i < 33; i++)
        pairs[i] = optly_int("a", 1);
    failing_allocator_install(0);
    optly__writer_init(&writer, scratch, sizeof(scratch), 1000);
    assert_int_equal(optly__write_tags(&writer, project, pairs, 33, NULL),
                     OPTLY_ERR_NO_MEMORY);
    assert_int_equal(failing_allocator_remove(), 0);
}

/* The writer may be full just before a number is written once more. */
static void test_numbers_are_written_again_wherever_the_room_ends(void **state)
{
    for (int len = 0; len < 64; len++) {
        char text[65] = "", expected[256];
        const optly_pair pairs[] = {optly_string("a", text),
                                    optly_int("revenue", 1234567890123),
                                    optly_int("value", 9876543210)};

        (void)state;
        memset(text, 'x', (size_t)len);
        (void)snprintf(expected, sizeof(expected),
                       ",\"tags\":{\"a\":\"%s\",\"revenue\":1234567890123,"
                       "\"value\":9876543210},\"revenue\":1234567890123,"
                       "\"value\":9876543210",
                       text);
        assert_tags(pairs, 3, expected);
        for (size_t most = 1; most <= strlen(expected); most++) {
            char scratch[64];
            optly__writer writer;

            optly__writer_init(&writer, scratch, sizeof(scratch), most);
            optly__write_literal(&writer, "{"); /* tags never come first */
            assert_int_equal(
                optly__write_tags(&writer, project, pairs, 3, NULL), OPTLY_OK);
            assert_int_equal(writer.status, OPTLY_ERR_TOO_LARGE);
            assert_true(optly__writer_len(&writer) <= most);
            optly__writer_cleanup(&writer);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_tags_leave_the_field_out),
        cmocka_unit_test(test_tags_are_sorted_by_their_bytes),
        cmocka_unit_test(test_last_of_one_key_wins),
        cmocka_unit_test(test_an_invalid_winner_leaves_nothing_of_its_key),
        cmocka_unit_test(test_revenue_and_value_stay_in_the_tags_too),
        cmocka_unit_test(test_strings_and_bools_are_no_revenue_and_no_value),
        cmocka_unit_test(test_revenue_beyond_int64_stays_a_tag),
        cmocka_unit_test(test_a_broken_tag_leaves_the_others),
        cmocka_unit_test(test_any_number_of_tags_is_sorted),
        cmocka_unit_test(test_last_of_many_with_one_key_wins),
        cmocka_unit_test(test_null_key_is_an_error_with_a_place),
        cmocka_unit_test(test_many_tags_without_memory_are_an_error),
        cmocka_unit_test(test_numbers_are_written_again_wherever_the_room_ends),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
