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

#define BOT_FILTERING                                                          \
    "{\"value\":false,\"key\":\"$opt_bot_filtering\",\"type\":\"custom\","     \
    "\"entity_id\":\"$opt_bot_filtering\"}"

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

static void assert_attributes(const optly_pair *pairs, size_t count,
                              const char *expected)
{
    char scratch[64];
    optly__writer writer;

    optly__writer_init(&writer, scratch, sizeof(scratch), 1000000);
    assert_int_equal(
        optly__write_attributes(&writer, project, pairs, count, NULL),
        OPTLY_OK);
    optly__write_raw(&writer, "", 1);
    assert_string_equal(writer.start, expected);
    optly__writer_cleanup(&writer);
}

static void test_no_attributes_are_bot_filtering_alone(void **state)
{
    (void)state;
    assert_attributes(NULL, 0, BOT_FILTERING);
}

static void test_known_keys_get_their_id(void **state)
{
    const optly_pair pairs[] = {optly_string("device", "ios"),
                                optly_int("age", 42)};

    (void)state;
    assert_attributes(
        pairs, 2,
        "{\"value\":\"ios\",\"key\":\"device\",\"type\":\"custom\","
        "\"entity_id\":\"1001\"},"
        "{\"value\":42,\"key\":\"age\",\"type\":\"custom\","
        "\"entity_id\":\"1003\"}," BOT_FILTERING);
}

static void test_reserved_keys_are_their_own_id(void **state)
{
    const optly_pair pairs[] = {optly_string("$opt_user_agent", "x"),
                                optly_bool("$opt_", true)};

    (void)state;
    assert_attributes(
        pairs, 2,
        "{\"value\":\"x\",\"key\":\"$opt_user_agent\",\"type\":\"custom\","
        "\"entity_id\":\"$opt_user_agent\"},"
        "{\"value\":true,\"key\":\"$opt_\",\"type\":\"custom\","
        "\"entity_id\":\"$opt_\"}," BOT_FILTERING);
}

static void test_unknown_keys_are_left_out(void **state)
{
    const optly_pair pairs[] = {optly_int("unknown", 1), optly_int("", 1),
                                optly_int("$opt", 1), optly_int("Device", 1)};

    (void)state;
    assert_attributes(pairs, 4, BOT_FILTERING);
}

static void test_attributes_without_an_id_are_left_out(void **state)
{
    static const char datafile[] =
        "{\"version\":\"4\",\"attributes\":[{\"id\":\"\",\"key\":\"device\"},"
        "{\"id\":\"\",\"key\":\"$opt_known\"},{\"id\":\"7\",\"key\":\"plan\"}]"
        "}";
    const optly_pair pairs[] = {optly_int("device", 1),
                                optly_int("$opt_known", 2),
                                optly_int("plan", 3)};

    (void)state;
    optly_project_destroy(project);
    assert_int_equal(
        optly_project_from_datafile(&project, datafile, strlen(datafile), NULL),
        OPTLY_OK);
    assert_attributes(pairs, 3,
                      "{\"value\":3,\"key\":\"plan\",\"type\":\"custom\","
                      "\"entity_id\":\"7\"}," BOT_FILTERING);
    optly_project_destroy(project);
    project = fake_project();
}

static void test_invalid_values_are_left_out(void **state)
{
    const optly_pair pairs[] = {optly_null("device"), optly_json("plan", "{}"),
                                optly_double("score", (double)NAN),
                                optly_int("age", INT64_MAX),
                                optly_string("beta", NULL)};

    (void)state;
    assert_attributes(pairs, 5, BOT_FILTERING);
}

static void test_a_callers_own_bot_filtering_is_never_sent(void **state)
{
    const optly_pair pairs[] = {optly_bool("$opt_bot_filtering", true)};

    (void)state;
    assert_attributes(pairs, 1, BOT_FILTERING);
}

static void test_last_of_one_key_wins_in_its_own_place(void **state)
{
    const optly_pair pairs[] = {optly_int("age", 1), optly_int("score", 2),
                                optly_int("age", 3), optly_int("beta", 4)};

    (void)state;
    assert_attributes(pairs, 4,
                      "{\"value\":2,\"key\":\"score\",\"type\":\"custom\","
                      "\"entity_id\":\"1004\"},"
                      "{\"value\":3,\"key\":\"age\",\"type\":\"custom\","
                      "\"entity_id\":\"1003\"},"
                      "{\"value\":4,\"key\":\"beta\",\"type\":\"custom\","
                      "\"entity_id\":\"1005\"}," BOT_FILTERING);
}

static void test_an_invalid_winner_takes_the_valid_ones_along(void **state)
{
    const optly_pair pairs[] = {optly_int("age", 1), optly_null("age")};

    (void)state;
    assert_attributes(pairs, 2, BOT_FILTERING);
}

/* Beyond what the stack holds, with every key there twice. */
static void test_many_attributes_follow_the_same_rules(void **state)
{
    enum { COUNT = 1000 };
    static char keys[COUNT][20];
    static optly_pair pairs[COUNT];
    char *expected = malloc(COUNT * 120), *at = expected;

    (void)state;
    assert_non_null(expected);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "$opt_%d", i % (COUNT / 2));
        pairs[i] = optly_int(keys[i], i);
        if (i >= COUNT / 2)
            at += sprintf(at,
                          "{\"value\":%d,\"key\":\"%s\",\"type\":\"custom\","
                          "\"entity_id\":\"%s\"},",
                          i, keys[i], keys[i]);
    }
    (void)strcpy(at, BOT_FILTERING);

    assert_attributes(pairs, COUNT, expected);
    free(expected);
}

static void
test_null_keys_and_long_strings_are_errors_with_a_place(void **state)
{
    optly_pair pairs[] = {optly_int("age", 1), optly_int(NULL, 1)};
    char *text = malloc(65538);
    char scratch[256];
    optly__writer writer;
    optly_error err;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 65537);
    text[65537] = '\0';
    optly__writer_init(&writer, scratch, sizeof(scratch), 1000);
    assert_int_equal(optly__write_attributes(&writer, project, pairs, 2, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "attributes[1].key: is NULL");
    pairs[1] = optly_string("age", text);
    assert_int_equal(optly__write_attributes(&writer, project, pairs, 2, &err),
                     OPTLY_ERR_TOO_LARGE);
    assert_string_equal(err.message,
                        "attributes[1].value: longer than 65536 bytes");
    text[4097] = '\0';
    pairs[1] = optly_int(text, 1);
    assert_int_equal(optly__write_attributes(&writer, project, pairs, 2, &err),
                     OPTLY_ERR_TOO_LARGE);
    assert_string_equal(err.message,
                        "attributes[1].key: longer than 4096 bytes");
    optly__writer_cleanup(&writer);
    free(text);
}

static void test_many_attributes_without_memory_are_an_error(void **state)
{
    optly_pair pairs[33];
    char scratch[256];
    optly__writer writer;

    (void)state;
    for (size_t i = 0; i < 33; i++)
        pairs[i] = optly_int("age", (int64_t)i);
    failing_allocator_install(0);
    optly__writer_init(&writer, scratch, sizeof(scratch), 1000);
    assert_int_equal(optly__write_attributes(&writer, project, pairs, 33, NULL),
                     OPTLY_ERR_NO_MEMORY);
    optly__writer_cleanup(&writer);
    assert_int_equal(failing_allocator_remove(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_attributes_are_bot_filtering_alone),
        cmocka_unit_test(test_known_keys_get_their_id),
        cmocka_unit_test(test_reserved_keys_are_their_own_id),
        cmocka_unit_test(test_unknown_keys_are_left_out),
        cmocka_unit_test(test_attributes_without_an_id_are_left_out),
        cmocka_unit_test(test_invalid_values_are_left_out),
        cmocka_unit_test(test_a_callers_own_bot_filtering_is_never_sent),
        cmocka_unit_test(test_last_of_one_key_wins_in_its_own_place),
        cmocka_unit_test(test_an_invalid_winner_takes_the_valid_ones_along),
        cmocka_unit_test(test_many_attributes_follow_the_same_rules),
        cmocka_unit_test(
            test_null_keys_and_long_strings_are_errors_with_a_place),
        cmocka_unit_test(test_many_attributes_without_memory_are_an_error),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
