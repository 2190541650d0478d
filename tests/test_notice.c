#include "project/notice.h"

#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fakes/events.h"

/* What was logged. */
struct lines {
    size_t count;
    optly_log_level level;
    char last[512];
};

static void keep_line(optly_log_level level, const char *message, void *user)
{
    struct lines *lines = user;

    lines->count++;
    lines->level = level;
    (void)snprintf(lines->last, sizeof(lines->last), "%s", message);
}

static void test_a_key_is_named_once(void **state)
{
    static optly__notices notices;
    struct lines lines = {0, OPTLY_LOG_DEBUG, ""};
    const optly__log log = {keep_line, &lines};

    (void)state;
    for (int i = 0; i < 3; i++)
        optly__notice(&notices, &log, OPTLY__NOTICE_INVALID_TAG, "key", 3);

    assert_int_equal(lines.count, 1);
    assert_int_equal(lines.level, OPTLY_LOG_WARNING);
    assert_string_equal(lines.last,
                        "tag left out, its value is not valid: \"key\"");
}

static void test_kinds_are_told_apart(void **state)
{
    static optly__notices notices;
    struct lines lines = {0, OPTLY_LOG_DEBUG, ""};
    const optly__log log = {keep_line, &lines};

    (void)state;
    optly__notice(&notices, &log, OPTLY__NOTICE_INVALID_TAG, "key", 3);
    optly__notice(&notices, &log, OPTLY__NOTICE_INVALID_ATTRIBUTE, "key", 3);
    assert_string_equal(lines.last,
                        "attribute left out, its value is not valid: \"key\"");
    optly__notice(&notices, &log, OPTLY__NOTICE_UNKNOWN_ATTRIBUTE, "key", 3);
    assert_string_equal(lines.last,
                        "attribute left out, not in the datafile: \"key\"");
    assert_int_equal(lines.level, OPTLY_LOG_INFO);
    optly__notice(&notices, &log, OPTLY__NOTICE_EMPTY_VISITOR, "", 0);
    assert_string_equal(lines.last, "event with an empty visitor id");
    assert_int_equal(lines.count, 4);
}

static void test_keys_are_cut_and_escaped(void **state)
{
    static optly__notices notices;
    struct lines lines = {0, OPTLY_LOG_DEBUG, ""};
    const optly__log log = {keep_line, &lines};
    char key[200];

    (void)state;
    memset(key, '\n', sizeof(key));
    optly__notice(&notices, &log, OPTLY__NOTICE_INVALID_TAG, key, sizeof(key));

    assert_null(strchr(lines.last, '\n'));
    assert_int_equal(strlen(strchr(lines.last, '"')), 2 + 64 * 2);
}

static void test_any_number_of_keys_gives_few_lines(void **state)
{
    static optly__notices notices;
    struct lines lines = {0, OPTLY_LOG_DEBUG, ""};
    const optly__log log = {keep_line, &lines};

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            char key[16];
            int len = snprintf(key, sizeof(key), "key-%d", i);

            optly__notice(&notices, &log, OPTLY__NOTICE_INVALID_TAG, key,
                          (size_t)len);
        }
    }
    assert_int_equal(lines.count, OPTLY__NOTICE_SLOTS / 2 + 1);
    assert_non_null(strstr(lines.last, "further ones are not named"));
}

/* Values and visitor ids may not show up in any line. */
static void test_builders_name_keys_and_never_values(void **state)
{
    const optly_pair attributes[] = {optly_string("unknown", "SECRET"),
                                     optly_json("device", "\"SECRET\"")};
    const optly_pair tags[] = {optly_json("broken", "{SECRET"),
                               optly_double("nan", (double)NAN)};
    const optly_user user = {"SECRET", attributes, 2};
    struct lines lines = {0, OPTLY_LOG_DEBUG, ""};
    optly_conversion conversion = optly_conversion_default();
    optly_project *project = fake_project();

    (void)state;
    conversion.event_key = "purchase";
    conversion.tags = tags;
    conversion.tag_count = 2;
    assert_int_equal(optly_project_set_log(project, keep_line, &lines),
                     OPTLY_OK);
    for (int i = 0; i < 3; i++) {
        optly_user_event *event = NULL;

        assert_int_equal(
            optly_create_conversion(&event, project, &user, &conversion, NULL),
            OPTLY_OK);
        optly_user_event_destroy(event);
        assert_null(strstr(lines.last, "SECRET"));
    }
    assert_int_equal(lines.count, 4);
    optly_project_destroy(project);
}

static void test_an_empty_visitor_id_is_said_once(void **state)
{
    struct lines lines = {0, OPTLY_LOG_DEBUG, ""};
    optly_project *project = fake_project();

    (void)state;
    assert_int_equal(optly_project_set_log(project, keep_line, &lines),
                     OPTLY_OK);
    for (int i = 0; i < 3; i++)
        optly_user_event_destroy(fake_conversion(project, ""));
    assert_int_equal(lines.count, 1);
    optly_project_destroy(project);
}

/* Threads that come at once may fill all slots: then nothing is said. */
static void test_no_slot_left_means_silence(void **state)
{
    static optly__notices notices;
    struct lines lines = {0, OPTLY_LOG_DEBUG, ""};
    const optly__log log = {keep_line, &lines};

    (void)state;
    for (size_t i = 0; i < OPTLY__NOTICE_SLOTS; i++)
        atomic_store(&notices.said[i], i + 2);
    optly__notice(&notices, &log, OPTLY__NOTICE_INVALID_TAG, "key", 3);
    assert_int_equal(lines.count, 0);
}

static void test_without_a_log_nothing_is_kept(void **state)
{
    static optly__notices notices;
    const optly__log log = {NULL, NULL};

    (void)state;
    optly__notice(&notices, &log, OPTLY__NOTICE_INVALID_TAG, "key", 3);
    assert_int_equal(atomic_load(&notices.count), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_named_once),
        cmocka_unit_test(test_kinds_are_told_apart),
        cmocka_unit_test(test_keys_are_cut_and_escaped),
        cmocka_unit_test(test_any_number_of_keys_gives_few_lines),
        cmocka_unit_test(test_builders_name_keys_and_never_values),
        cmocka_unit_test(test_an_empty_visitor_id_is_said_once),
        cmocka_unit_test(test_no_slot_left_means_silence),
        cmocka_unit_test(test_without_a_log_nothing_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
