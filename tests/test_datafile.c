#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#include <optly/event.h>

#include "fakes/events.h"
#include "fakes/failing_allocator.h"

/* From memory without a NUL behind it, so that a read too far shows. */
static optly_status read_bytes(optly_project **out, const char *text,
                               size_t len, optly_error *err)
{
    char *exact = malloc(len > 0 ? len : 1);
    optly_status status;

    assert_non_null(exact);
    memcpy(exact, text, len);
    *out = (optly_project *)(uintptr_t)1;
    status = optly_project_from_datafile(out, exact, len, err);
    assert_int_equal(*out == NULL, status != OPTLY_OK);
    free(exact);
    return status;
}

static optly_project *read_good(const char *text)
{
    optly_project *project;
    optly_error err = {OPTLY_OK, ""};

    if (read_bytes(&project, text, strlen(text), &err) != OPTLY_OK)
        fail_msg("%s", err.message);
    return project;
}

static void assert_refused(const char *text, optly_status status,
                           const char *message)
{
    optly_project *project;
    optly_error err = {OPTLY_OK, ""};

    assert_int_equal(read_bytes(&project, text, strlen(text), &err), status);
    assert_string_equal(err.message, message);
    assert_int_equal(err.status, status);
}

static void test_realistic_datafile_is_read(void **state)
{
    optly_project *project = read_good(fake_datafile);

    (void)state;
    assert_string_equal(optly_project_account_id(project), "10001");
    assert_string_equal(optly_project_id(project), "20002");
    assert_string_equal(optly_project_revision(project), "42");
    assert_string_equal(optly_project_region(project), "EU");
    assert_string_equal(optly_project_sdk_key(project), "sdk-key");
    assert_string_equal(optly_project_environment_key(project), "production");
    assert_true(optly_project_anonymize_ip(project));
    assert_true(optly_project_bot_filtering(project));
    assert_true(optly_project_send_flag_decisions(project));
    assert_string_equal(optly_project_attribute_id(project, "attribute_19"),
                        "1019");
    assert_string_equal(optly_project_event(project, "event_9")->id, "2009");
    assert_string_equal(optly_project_variation(project, "pricing", "high")->id,
                        "4004");
    assert_string_equal(optly_project_variation(project, "pricing", "low")->id,
                        "4003");
    assert_null(optly_project_variation(project, "pricing", "control"));
    optly_project_destroy(project);
}

static void test_experiments_come_from_everywhere(void **state)
{
    static const struct {
        const char *key, *id, *layer_id;
    } cases[] = {{"checkout", "3001", "3000"},
                 {"grouped", "3003", "3200"},
                 {"rollout_rule", "3004", "5101"},
                 {"holdout", "3005", ""}};
    optly_project *project = read_good(fake_datafile);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const optly_experiment *experiment =
            optly_project_experiment(project, cases[i].key);

        assert_non_null(experiment);
        assert_string_equal(experiment->id, cases[i].id);
        assert_string_equal(experiment->key, cases[i].key);
        assert_string_equal(experiment->layer_id, cases[i].layer_id);
    }
    assert_null(optly_project_experiment(project, NULL));
    assert_null(optly_project_variation(project, "checkout", NULL));
    assert_null(optly_project_variation(project, NULL, "control"));
    optly_project_destroy(project);
}

static void test_local_holdouts_are_read(void **state)
{
    optly_project *project = read_good(
        "{\"version\":\"4\",\"localHoldouts\":[{\"id\":\"1\",\"key\":\"h\","
        "\"variations\":[{\"id\":\"2\",\"key\":\"off\"}]}]}");

    (void)state;
    assert_string_equal(optly_project_variation(project, "h", "off")->id, "2");
    optly_project_destroy(project);
}

static void test_a_holdout_has_no_layer(void **state)
{
    optly_project *project = read_good(
        "{\"version\":\"4\",\"holdouts\":[{\"id\":\"1\",\"key\":\"h\","
        "\"layerId\":\"9\"}],\"localHoldouts\":[{\"id\":\"2\","
        "\"key\":\"l\",\"layerId\":\"9\"}]}");

    (void)state;
    assert_string_equal(optly_project_experiment(project, "h")->layer_id, "");
    assert_string_equal(optly_project_experiment(project, "l")->layer_id, "");
    optly_project_destroy(project);
}

static void test_what_is_absent_has_defaults(void **state)
{
    optly_project *project = read_good("{\"version\":\"4\"}");

    (void)state;
    assert_string_equal(optly_project_region(project), "US");
    assert_string_equal(optly_project_id(project), "");
    assert_string_equal(optly_project_sdk_key(project), "");
    assert_false(optly_project_anonymize_ip(project));
    assert_false(optly_project_bot_filtering(project));
    assert_false(optly_project_send_flag_decisions(project));
    optly_project_destroy(project);
}

static void test_null_counts_as_absent(void **state)
{
    optly_project *project = read_good(
        "{\"version\":\"4\",\"region\":null,\"anonymizeIP\":null,"
        "\"experiments\":null,\"attributes\":[null,{\"id\":null,"
        "\"key\":\"a\"}],\"groups\":[{\"experiments\":null}],\"x\":null}");

    (void)state;
    assert_string_equal(optly_project_region(project), "US");
    assert_string_equal(optly_project_attribute_id(project, "a"), "");
    optly_project_destroy(project);
}

static void test_last_of_one_name_wins(void **state)
{
    optly_project *project = read_good(
        "{\"version\":\"9\",\"revision\":\"1\",\"revision\":\"2\","
        "\"version\":\"4\",\"attributes\":5,\"attributes\":"
        "[{\"id\":\"1\",\"key\":\"a\"},{\"id\":\"2\",\"key\":\"a\"}],"
        "\"experiments\":[{\"id\":\"3\",\"key\":\"e\",\"variations\":"
        "[{\"id\":\"4\",\"key\":\"v\"},{\"id\":\"5\",\"key\":\"v\"}]}],"
        "\"holdouts\":[{\"id\":\"6\",\"key\":\"e\"}]}");

    (void)state;
    assert_string_equal(optly_project_revision(project), "2");
    assert_string_equal(optly_project_attribute_id(project, "a"), "2");
    assert_string_equal(optly_project_variation(project, "e", "v")->id, "5");
    assert_string_equal(optly_project_experiment(project, "e")->id, "3");
    optly_project_destroy(project);
}

static void test_names_are_case_sensitive(void **state)
{
    optly_project *project =
        read_good("{\"version\":\"4\",\"Revision\":\"1\",\"REGION\":5}");

    (void)state;
    assert_string_equal(optly_project_revision(project), "");
    assert_string_equal(optly_project_region(project), "US");
    optly_project_destroy(project);
}

static void test_versions_2_3_and_4_are_known(void **state)
{
    (void)state;
    optly_project_destroy(read_good("{\"version\":\"2\"}"));
    optly_project_destroy(read_good("{\"version\":\"3\"}"));
    optly_project_destroy(read_good("{\"version\":\"4\"}"));
    assert_refused("{\"version\":\"1\"}", OPTLY_ERR_UNSUPPORTED,
                   "version: is \"1\", known are 2, 3 and 4");
    assert_refused("{\"version\":\"5\"}", OPTLY_ERR_UNSUPPORTED,
                   "version: is \"5\", known are 2, 3 and 4");
    assert_refused("{}", OPTLY_ERR_UNSUPPORTED, "version: is missing");
    assert_refused("{\"version\":4}", OPTLY_ERR_PARSE,
                   "version: should be a string");
}

static void test_wrong_types_are_named_by_their_path(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"\"accountId\":1", "accountId: should be a string"},
        {"\"revision\":1", "revision: should be a string"},
        {"\"region\":[]", "region: should be a string"},
        {"\"anonymizeIP\":1", "anonymizeIP: should be true or false"},
        {"\"botFiltering\":\"true\"", "botFiltering: should be true or false"},
        {"\"sendFlagDecisions\":0",
         "sendFlagDecisions: should be true or false"},
        {"\"attributes\":{}", "attributes: should be an array"},
        {"\"attributes\":[{},5]", "attributes[1]: should be an object"},
        {"\"attributes\":[{\"id\":1}]", "attributes[0].id: should be a string"},
        {"\"events\":[{\"key\":true}]", "events[0].key: should be a string"},
        {"\"experiments\":[{},{},{\"variations\":[{\"id\":7}]}]",
         "experiments[2].variations[0].id: should be a string"},
        {"\"experiments\":[{\"layerId\":7}]",
         "experiments[0].layerId: should be a string"},
        {"\"experiments\":[{\"variations\":{}}]",
         "experiments[0].variations: should be an array"},
        {"\"groups\":[{\"experiments\":[{\"key\":1}]}]",
         "groups[0].experiments[0].key: should be a string"},
        {"\"rollouts\":[1]", "rollouts[0]: should be an object"},
        {"\"holdouts\":\"\"", "holdouts: should be an array"},
        {"\"localHoldouts\":[[]]", "localHoldouts[0]: should be an object"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256];

        (void)snprintf(text, sizeof(text), "{\"version\":\"4\",%s}",
                       cases[i].text);
        assert_refused(text, OPTLY_ERR_PARSE, cases[i].message);
    }
}

static void test_what_is_not_json_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_refused("", OPTLY_ERR_PARSE, "datafile: not valid JSON at byte 0");
    assert_refused("null", OPTLY_ERR_PARSE,
                   "datafile: not valid JSON at byte 0");
    assert_refused("[]", OPTLY_ERR_PARSE, "datafile: should be an object");
    assert_refused("{\"version\":\"4\"} x", OPTLY_ERR_PARSE,
                   "datafile: not valid JSON at byte 16");
    assert_refused("\xEF\xBB\xBF{\"version\":\"4\"}", OPTLY_ERR_PARSE,
                   "datafile: not valid JSON at byte 0");
    assert_refused("{\"version\":\"4\",\"x\":01}", OPTLY_ERR_PARSE,
                   "datafile: not valid JSON at byte 20");
    assert_refused("{\"version\":\"4\",\"sdkKey\":\"a\\u0000b\"}",
                   OPTLY_ERR_PARSE, "datafile: not valid JSON at byte 26");
}

static void test_nul_bytes_are_refused(void **state)
{
    optly_project *project;

    (void)state;
    assert_int_equal(read_bytes(&project, "{\"version\":\"4\"}\0", 16, NULL),
                     OPTLY_ERR_PARSE);
    assert_int_equal(read_bytes(&project, "{\"version\":\0\"4\"}", 16, NULL),
                     OPTLY_ERR_PARSE);
}

/* cJSON has memory of its own; what it cannot get is no fault of the text. */
static void *give_nothing(size_t size)
{
    (void)size;
    return NULL;
}

static void test_a_parser_without_memory_is_no_parse_error(void **state)
{
    cJSON_Hooks hooks = {give_nothing, free};
    optly_project *project;

    (void)state;
    cJSON_InitHooks(&hooks);
    assert_int_equal(
        read_bytes(&project, fake_datafile, strlen(fake_datafile), NULL),
        OPTLY_ERR_NO_MEMORY);
    cJSON_InitHooks(NULL);
}

static void test_every_beginning_is_refused(void **state)
{
    size_t len = strlen(fake_datafile);

    (void)state;
    for (size_t i = 0; i < len; i++) {
        optly_project *project;

        assert_int_equal(read_bytes(&project, fake_datafile, i, NULL),
                         OPTLY_ERR_PARSE);
    }
}

static void test_deep_nesting_is_an_error_and_no_crash(void **state)
{
    enum { SIZE = 4 * 1024 * 1024 };
    char *text = malloc(SIZE);
    optly_project *project;

    (void)state;
    assert_non_null(text);
    memset(text, '[', SIZE);
    assert_int_equal(optly_project_from_datafile(&project, text, SIZE, NULL),
                     OPTLY_ERR_PARSE);
    for (size_t i = 0; i < SIZE - 5; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    assert_int_equal(optly_project_from_datafile(&project, text, SIZE, NULL),
                     OPTLY_ERR_PARSE);
    free(text);
}

static void test_conditions_may_nest(void **state)
{
    char text[700] = "{\"version\":\"4\",\"x\":";
    size_t len = strlen(text);

    (void)state;
    memset(text + len, '[', 300);
    memset(text + len + 300, ']', 300);
    text[len + 600] = '}';
    text[len + 601] = '\0';
    optly_project_destroy(read_good(text));
}

static void test_long_strings_are_too_large_and_named(void **state)
{
    static const struct {
        const char *before, *after, *name;
    } cases[] = {
        {"\"sdkKey\":\"", "\"", "project.sdk_key"},
        {"\"attributes\":[{\"id\":\"", "\"}]", "attributes[0].id"},
        {"\"events\":[{\"key\":\"", "\"}]", "events[0].key"},
        {"\"experiments\":[{\"layerId\":\"", "\"}]", "experiments[0].layerId"},
        {"\"holdouts\":[{\"id\":\"", "\"}]", "holdouts[0].id"},
        {"\"experiments\":[{\"variations\":[{\"key\":\"", "\"}]}]",
         "experiments[0].variations[0].key"},
    };
    char *text = malloc(6000);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (int len = 4096; len <= 4097; len++) {
            char expected[128];
            optly_project *project;
            optly_error err;
            int size = snprintf(text, 6000, "{\"version\":\"4\",%s%0*d%s}",
                                cases[i].before, len, 0, cases[i].after);

            assert_int_equal(read_bytes(&project, text, (size_t)size, &err),
                             len == 4096 ? OPTLY_OK : OPTLY_ERR_TOO_LARGE);
            (void)snprintf(expected, sizeof(expected),
                           "%s: longer than 4096 bytes", cases[i].name);
            if (len > 4096)
                assert_string_equal(err.message, expected);
            optly_project_destroy(project);
        }
    }
    free(text);
}

static void test_null_arguments_are_named(void **state)
{
    optly_project *project;
    optly_error err;

    (void)state;
    assert_int_equal(optly_project_from_datafile(NULL, "{}", 2, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "out: is NULL");
    assert_int_equal(optly_project_from_datafile(&project, NULL, 2, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "json: is NULL");
}

/* Returns the number of allocations that were made to fail. */
static size_t fail_each_allocation(const char *text, size_t len)
{
    optly_status status = OPTLY_ERR_NO_MEMORY;
    size_t failures = 0;

    for (size_t n = 0; status != OPTLY_OK; n++) {
        optly_project *project;

        failing_allocator_install(n);
        status = read_bytes(&project, text, len, NULL);
        assert_int_equal(status, failing_allocator_has_failed()
                                     ? OPTLY_ERR_NO_MEMORY
                                     : OPTLY_OK);
        optly_project_destroy(project);
        failures += status != OPTLY_OK;
        assert_int_equal(failing_allocator_remove(), 0);
    }
    return failures;
}

static void test_create_survives_every_failed_allocation(void **state)
{
    enum { SIZE = 60000 };
    char *text = malloc(SIZE);
    int len;

    (void)state;
    assert_non_null(text);
    assert_true(fail_each_allocation(fake_datafile, strlen(fake_datafile)) > 8);
    /* Strings so long that nearly each needs memory of its own. */
    len = snprintf(text, SIZE,
                   "{\"version\":\"4\",\"sdkKey\":\"%03500d\","
                   "\"attributes\":[{\"id\":\"%03500d\",\"key\":\"%03500d\"}],"
                   "\"events\":[{\"id\":\"%03500d\",\"key\":\"%03500d\"}],"
                   "\"experiments\":[{\"id\":\"%03500d\",\"key\":\"%03500d\","
                   "\"layerId\":\"%03500d\",\"variations\":["
                   "{\"id\":\"%03500d\",\"key\":\"%03500d\"},"
                   "{\"id\":\"%03500d\",\"key\":\"%04000d\"},"
                   "{\"id\":\"%03500d\",\"key\":\"%03500d\"}]}]}",
                   1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
    assert_in_range(len, 49000, SIZE - 1);
    assert_true(fail_each_allocation(text, (size_t)len) > 20);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_realistic_datafile_is_read),
        cmocka_unit_test(test_experiments_come_from_everywhere),
        cmocka_unit_test(test_local_holdouts_are_read),
        cmocka_unit_test(test_a_holdout_has_no_layer),
        cmocka_unit_test(test_what_is_absent_has_defaults),
        cmocka_unit_test(test_null_counts_as_absent),
        cmocka_unit_test(test_last_of_one_name_wins),
        cmocka_unit_test(test_names_are_case_sensitive),
        cmocka_unit_test(test_versions_2_3_and_4_are_known),
        cmocka_unit_test(test_wrong_types_are_named_by_their_path),
        cmocka_unit_test(test_what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(test_nul_bytes_are_refused),
        cmocka_unit_test(test_a_parser_without_memory_is_no_parse_error),
        cmocka_unit_test(test_every_beginning_is_refused),
        cmocka_unit_test(test_deep_nesting_is_an_error_and_no_crash),
        cmocka_unit_test(test_conditions_may_nest),
        cmocka_unit_test(test_long_strings_are_too_large_and_named),
        cmocka_unit_test(test_null_arguments_are_named),
        cmocka_unit_test(test_create_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
