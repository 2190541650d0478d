#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include <optly/event.h>

#include "fakes/failing_allocator.h"
#include "fakes/events.h"
#include "project/project.h"

static const optly_attribute_definition attributes[] = {{"1", "a"}, {"2", "b"}};
static const optly_event_definition events[] = {{"3", "c"}};

static optly_project_config some_config(void)
{
    optly_project_config config = optly_project_config_default();

    config.account_id = "acc";
    config.project_id = "proj";
    config.revision = "1";
    config.attributes = attributes;
    config.attribute_count = 2;
    config.events = events;
    config.event_count = 1;
    return config;
}

/* Makes and frees the project; returns the status. */
static optly_status try_create(const optly_project_config *config,
                               optly_error *err)
{
    optly_project *project = (optly_project *)(uintptr_t)1;
    optly_status status = optly_project_create(&project, config, err);

    assert_int_equal(project == NULL, status != OPTLY_OK);
    optly_project_destroy(project);
    return status;
}

static void assert_refused(const optly_project_config *config,
                           optly_status status, const char *message)
{
    optly_error err = {OPTLY_OK, ""};

    assert_int_equal(try_create(config, &err), status);
    assert_int_equal(err.status, status);
    assert_string_equal(err.message, message);
}

static void test_defaults_are_filled_in(void **state)
{
    const optly_project_config config = some_config();
    optly_project *project;

    (void)state;
    assert_int_equal(optly_project_create(&project, &config, NULL), OPTLY_OK);
    assert_string_equal(optly_project_region(project), "US");
    assert_string_equal(optly_project_sdk_key(project), "");
    assert_string_equal(optly_project_environment_key(project), "");
    assert_string_equal(optly_create_event_context(project).client_name,
                        OPTLY_CLIENT_NAME);
    assert_string_equal(optly_create_event_context(project).client_version,
                        OPTLY_VERSION_STRING);
    assert_true(optly_project_anonymize_ip(project));
    assert_false(optly_project_bot_filtering(project));
    assert_false(optly_project_send_flag_decisions(project));
    optly_project_destroy(project);
}

static void test_everything_is_copied(void **state)
{
    char text[] = "text";
    const optly_attribute_definition attribute = {text, text};
    const optly_event_definition event = {text, text};
    optly_project_config config = some_config();
    optly_project *project;

    (void)state;
    config.account_id = config.project_id = config.revision = text;
    config.region = config.client_name = config.client_version = text;
    config.attributes = &attribute;
    config.attribute_count = 1;
    config.events = &event;
    config.bot_filtering = config.send_flag_decisions = true;
    assert_int_equal(optly_project_create(&project, &config, NULL), OPTLY_OK);
    memset(text, '#', 4);

    assert_string_equal(optly_project_account_id(project), "text");
    assert_string_equal(optly_project_id(project), "text");
    assert_string_equal(optly_project_revision(project), "text");
    assert_string_equal(optly_project_region(project), "text");
    assert_string_equal(optly_project_attribute_id(project, "text"), "text");
    assert_string_equal(optly_project_event(project, "text")->id, "text");
    assert_true(optly_project_bot_filtering(project));
    assert_true(optly_project_send_flag_decisions(project));
    optly_project_destroy(project);
}

static void test_what_is_missing_is_named(void **state)
{
    optly_project_config config;
    const optly_attribute_definition no_id[] = {{"1", "a"}, {NULL, "b"}};
    const optly_event_definition no_key[] = {{"1", ""}};

    (void)state;
    assert_refused(NULL, OPTLY_ERR_INVALID, "config: is NULL");
    config = some_config();
    assert_int_equal(optly_project_create(NULL, &config, NULL),
                     OPTLY_ERR_INVALID);
    config.project_id = NULL;
    assert_refused(&config, OPTLY_ERR_INVALID, "project_id: is NULL");
    config = some_config();
    config.account_id = "";
    assert_refused(&config, OPTLY_ERR_INVALID, "account_id: is empty");
    config = some_config();
    config.revision = NULL;
    assert_refused(&config, OPTLY_ERR_INVALID, "revision: is NULL");
    config = some_config();
    config.attributes = no_id;
    assert_refused(&config, OPTLY_ERR_INVALID, "attributes[1].id: is NULL");
    config.attributes = NULL;
    assert_refused(&config, OPTLY_ERR_INVALID,
                   "attributes: is NULL, attribute_count is not 0");
    config = some_config();
    config.events = no_key;
    assert_refused(&config, OPTLY_ERR_INVALID, "events[0].key: is empty");
    config.events = NULL;
    assert_refused(&config, OPTLY_ERR_INVALID,
                   "events: is NULL, event_count is not 0");
}

static void test_struct_size_is_checked(void **state)
{
    struct {
        optly_project_config config;
        char more[16];
    } newer;
    optly_project_config config = some_config();

    (void)state;
    config.struct_size = 0;
    assert_int_equal(try_create(&config, NULL), OPTLY_ERR_INVALID);
    config.struct_size = sizeof(config) - 1;
    assert_int_equal(try_create(&config, NULL), OPTLY_ERR_INVALID);
    memset(&newer, 0, sizeof(newer));
    newer.config = some_config();
    newer.config.struct_size = sizeof(newer);
    assert_int_equal(try_create(&newer.config, NULL), OPTLY_OK);
    newer.more[15] = 1;
    assert_int_equal(try_create(&newer.config, NULL), OPTLY_ERR_UNSUPPORTED);
}

static void test_every_string_is_limited_to_4_kib(void **state)
{
    char *text = malloc(4098);

    (void)state;
    assert_non_null(text);
    for (size_t len = 4095; len <= 4097; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        for (int i = 0; i < 10; i++) {
            optly_project_config config = some_config();
            optly_attribute_definition attribute = {"1", "a"};
            optly_event_definition event = {"1", "a"};
            const char **strings[] = {
                &config.account_id, &config.project_id,  &config.revision,
                &config.region,     &config.client_name, &config.client_version,
                &attribute.id,      &attribute.key,      &event.id,
                &event.key};

            *strings[i] = text;
            config.attributes = &attribute;
            config.attribute_count = 1;
            config.events = &event;
            assert_int_equal(try_create(&config, NULL),
                             len <= 4096 ? OPTLY_OK : OPTLY_ERR_TOO_LARGE);
        }
    }
    free(text);
}

static void test_bools_of_any_bits_are_read(void **state)
{
    optly_project_config config = some_config();
    optly_project *project;

    (void)state;
    memset(&config.bot_filtering, 2, 1);
    memset(&config.send_flag_decisions, 0xFF, 1);
    assert_int_equal(optly_project_create(&project, &config, NULL), OPTLY_OK);
    assert_true(optly_project_bot_filtering(project));
    assert_true(optly_project_send_flag_decisions(project));
    optly_project_destroy(project);
}

static void test_last_definition_of_a_key_counts(void **state)
{
    const optly_attribute_definition twice[] = {{"1", "a"}, {"2", "a"}};
    optly_project_config config = some_config();
    optly_project *project;

    (void)state;
    config.attributes = twice;
    assert_int_equal(optly_project_create(&project, &config, NULL), OPTLY_OK);
    assert_string_equal(optly_project_attribute_id(project, "a"), "2");
    optly_project_destroy(project);
}

static void test_create_survives_every_failed_allocation(void **state)
{
    static char text[4000];
    const optly_attribute_definition attribute = {text, text};
    const optly_event_definition event = {text, text};
    optly_project_config config = some_config();
    optly_status status = OPTLY_ERR_NO_MEMORY;
    size_t failures = 0;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    config.attributes = &attribute;
    config.attribute_count = 1;
    config.events = &event;
    for (size_t n = 0; status != OPTLY_OK; n++) {
        failing_allocator_install(n);
        status = try_create(&config, NULL);
        assert_int_equal(status, failing_allocator_has_failed()
                                     ? OPTLY_ERR_NO_MEMORY
                                     : OPTLY_OK);
        failures += status != OPTLY_OK;
        assert_int_equal(failing_allocator_remove(), 0);
    }
    assert_true(failures > 8);
}

/* The first thing that an attribute or a variation needs. */
static void test_a_definition_without_memory_is_not_taken(void **state)
{
    const optly_attribute_definition attribute = {.id = "1", .key = "a"};
    const optly_variation variation = {.id = "1", .key = "v"};
    optly__experiment experiment = {.variations = NULL};
    optly_project *project;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    for (int which = 0; which < 2; which++) {
        optly_error err = {OPTLY_OK, ""};

        project->arena.left = 0; /* a block is full */
        failing_allocator_fail_after(0);
        assert_int_equal(
            which == 0
                ? optly__project_add_attribute(project, &attribute, "", &err)
                : optly__project_add_variation(project, &experiment, &variation,
                                               "", &err),
            OPTLY_ERR_NO_MEMORY);
        assert_int_equal(err.status, OPTLY_ERR_NO_MEMORY);
    }
    assert_null(optly__table_get(&project->attributes, "a"));
    assert_null(experiment.variations);
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_filled_in),
        cmocka_unit_test(test_everything_is_copied),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_struct_size_is_checked),
        cmocka_unit_test(test_every_string_is_limited_to_4_kib),
        cmocka_unit_test(test_bools_of_any_bits_are_read),
        cmocka_unit_test(test_last_definition_of_a_key_counts),
        cmocka_unit_test(test_create_survives_every_failed_allocation),
        cmocka_unit_test(test_a_definition_without_memory_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
