#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include <optly/event.h>

#include "fakes/events.h"
#include "fakes/failing_allocator.h"

static void test_null_is_answered_with_nothing(void **state)
{
    (void)state;
    assert_string_equal(optly_project_id(NULL), "");
    assert_string_equal(optly_project_account_id(NULL), "");
    assert_string_equal(optly_project_revision(NULL), "");
    assert_string_equal(optly_project_region(NULL), "");
    assert_string_equal(optly_project_sdk_key(NULL), "");
    assert_string_equal(optly_project_environment_key(NULL), "");
    assert_false(optly_project_anonymize_ip(NULL));
    assert_false(optly_project_bot_filtering(NULL));
    assert_false(optly_project_send_flag_decisions(NULL));
    assert_null(optly_project_attribute_id(NULL, "k"));
    assert_null(optly_project_event(NULL, "k"));
    assert_null(optly_project_experiment(NULL, "k"));
    assert_null(optly_project_variation(NULL, "k", "k"));
    assert_string_equal(optly_create_event_context(NULL).revision, "");
    assert_int_equal(optly_project_set_client(NULL, "a", "b"),
                     OPTLY_ERR_INVALID);
    assert_int_equal(optly_project_set_log(NULL, NULL, NULL),
                     OPTLY_ERR_INVALID);
}

static void test_definitions_are_found_by_key(void **state)
{
    optly_project *project = fake_project();

    (void)state;
    assert_string_equal(optly_project_attribute_id(project, "plan"), "1002");
    assert_null(optly_project_attribute_id(project, "Plan"));
    assert_null(optly_project_attribute_id(project, NULL));
    assert_string_equal(optly_project_event(project, "sign_up")->id, "2002");
    assert_string_equal(optly_project_event(project, "sign_up")->key,
                        "sign_up");
    assert_null(optly_project_event(project, "sign"));
    assert_null(optly_project_event(project, NULL));
    assert_null(optly_project_experiment(project, "any"));
    assert_null(optly_project_variation(project, "any", "any"));
    optly_project_destroy(project);
}

static void test_set_client_changes_what_is_given(void **state)
{
    optly_project *project = fake_project();

    (void)state;
    assert_int_equal(optly_project_set_client(project, "sdk", "9"), OPTLY_OK);
    assert_int_equal(optly_project_set_client(project, NULL, "10"), OPTLY_OK);
    assert_string_equal(optly_create_event_context(project).client_name, "sdk");
    assert_string_equal(optly_create_event_context(project).client_version,
                        "10");
    assert_string_equal(optly_project_id(project), "proj");
    optly_project_destroy(project);
}

static void test_set_client_is_limited_to_4_kib(void **state)
{
    optly_project *project = fake_project();
    char *text = malloc(4098);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 4097);
    text[4097] = '\0';
    assert_int_equal(optly_project_set_client(project, text, NULL),
                     OPTLY_ERR_TOO_LARGE);
    assert_int_equal(optly_project_set_client(project, NULL, text),
                     OPTLY_ERR_TOO_LARGE);
    text[4096] = '\0';
    assert_int_equal(optly_project_set_client(project, text, text), OPTLY_OK);
    free(text);
    optly_project_destroy(project);
}

static void test_set_client_without_memory_changes_nothing(void **state)
{
    optly_project *project;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    failing_allocator_fail_after(0);
    assert_int_equal(optly_project_set_client(project, "other", NULL),
                     OPTLY_ERR_NO_MEMORY);
    assert_string_equal(optly_create_event_context(project).client_name,
                        "c-sdk");
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_answered_with_nothing),
        cmocka_unit_test(test_definitions_are_found_by_key),
        cmocka_unit_test(test_set_client_changes_what_is_given),
        cmocka_unit_test(test_set_client_is_limited_to_4_kib),
        cmocka_unit_test(test_set_client_without_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
