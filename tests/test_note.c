/* Lines for the log: kept until the engine is whole, then told in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rig.h"

static void test_lines_wait_until_they_are_told(void **state)
{
    rig *r = rig_create();

    (void)state;
    rig_start(r);
    optly__engine_note(&r->engine, OPTLY_LOG_INFO, "number %d", 1);
    optly__engine_note(&r->engine, OPTLY_LOG_INFO, "number %d", 2);
    assert_int_equal(r->log_lines, 0);
    assert_true(optly__engine_tell(&r->engine));
    assert_int_equal(r->log_lines, 2);
    assert_string_equal(r->log[0], "number 1");
    assert_string_equal(r->log[1], "number 2");
    assert_true(optly__engine_tell(&r->engine));
    assert_int_equal(r->log_lines, 2); /* each once */
    rig_destroy(r);
}

static void test_more_lines_than_there_is_room_for_are_left_out(void **state)
{
    rig *r = rig_create();
    char longer[400];

    (void)state;
    rig_start(r);
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    for (int i = 0; i < OPTLY__NOTES + 3; i++)
        optly__engine_note(&r->engine, OPTLY_LOG_INFO, "%s", longer);
    assert_true(optly__engine_tell(&r->engine));
    assert_int_equal(r->log_lines, OPTLY__NOTES);
    assert_int_equal(strlen(r->log[0]), 255); /* cut */
    rig_destroy(r);
}

static void test_nobody_listens_and_nothing_is_kept(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.log.log = NULL;
    rig_start(r);
    optly__engine_note(&r->engine, OPTLY_LOG_INFO, "anything");
    assert_int_equal(r->engine.note_count, 0);
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_wait_until_they_are_told),
        cmocka_unit_test(test_more_lines_than_there_is_room_for_are_left_out),
        cmocka_unit_test(test_nobody_listens_and_nothing_is_kept),
    };

    return cmocka_run_group_tests_name("note", tests, NULL, NULL);
}
