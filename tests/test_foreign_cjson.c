/* A cJSON of another layout in the process: found out before a node of it is
 * believed. Linked so that what cJSON answers is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include <optly/event.h>

cJSON *__real_cJSON_GetArrayItem(const cJSON *array, int index);
cJSON *__wrap_cJSON_GetArrayItem(const cJSON *array, int index);
cJSON *__real_cJSON_GetObjectItemCaseSensitive(const cJSON *object,
                                               const char *name);
cJSON *__wrap_cJSON_GetObjectItemCaseSensitive(const cJSON *object,
                                               const char *name);
char *__real_cJSON_GetStringValue(const cJSON *item);
char *__wrap_cJSON_GetStringValue(const cJSON *item);

/* Which answer differs from what the node says, and whether it is NULL. */
enum { FIRST, SECOND, FIELD, STRING, NONE };
static int different = NONE;
static bool is_null;
static cJSON other;
static char other_text[] = "v";

cJSON *__wrap_cJSON_GetArrayItem(const cJSON *array, int index)
{
    if ((index == 0 && different == FIRST) ||
        (index == 1 && different == SECOND))
        return is_null ? NULL : &other;
    return __real_cJSON_GetArrayItem(array, index);
}

cJSON *__wrap_cJSON_GetObjectItemCaseSensitive(const cJSON *object,
                                               const char *name)
{
    if (different == FIELD)
        return is_null ? NULL : &other;
    return __real_cJSON_GetObjectItemCaseSensitive(object, name);
}

char *__wrap_cJSON_GetStringValue(const cJSON *item)
{
    if (different == STRING)
        return is_null ? NULL : other_text;
    return __real_cJSON_GetStringValue(item);
}

static optly_status read_one(optly_error *err)
{
    static const char json[] =
        "{\"version\":\"4\",\"accountId\":\"1\",\"projectId\":\"2\","
        "\"revision\":\"3\"}";
    optly_project *project;
    optly_status status =
        optly_project_from_datafile(&project, json, strlen(json), err);

    optly_project_destroy(project);
    return status;
}

static void test_a_cjson_of_another_layout_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_one(NULL), OPTLY_OK);
    for (int which = FIRST; which < NONE; which++) {
        for (int null = 0; null < 2; null++) {
            optly_error err = {OPTLY_OK, ""};

            different = which;
            is_null = null;
            assert_int_equal(read_one(&err), OPTLY_ERR_UNSUPPORTED);
            assert_non_null(strstr(err.message, "another layout"));
        }
    }
    different = NONE;
    assert_int_equal(read_one(NULL), OPTLY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cjson_of_another_layout_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
