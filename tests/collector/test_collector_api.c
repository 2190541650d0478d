/* The JSON API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "fixture.h"

static void test_reset_forgets_everything(void **state)
{
    fixture *f = *state;
    collector_counts counts;
    collector_kept kept;
    char reason[COLLECTOR_REASON_SIZE];

    post(f, good);
    post(f, "[]");
    add_fault(f, "{\"status\":500,\"count\":4000000000}");
    post(f, good);
    client_post(f->port, "/api/reset", "", &f->a);
    assert_int_equal(f->a.status, 200);

    counts = counts_of(f);
    assert_int_equal(counts.requests, 0);
    assert_int_equal(counts.malformed, 0);
    assert_int_equal(counts.faults, 0);
    assert_int_equal(collector_saw(f->c, UUID_1), 0);
    assert_int_equal(collector_key_count(f->c, "purchase"), 0);
    assert_false(collector_copy_batch(f->c, 1, &kept));
    assert_false(collector_reason(f->c, 0, reason));
    assert_int_equal(post(f, good), 204);
    assert_true(collector_copy_batch(f->c, 1, &kept));
    assert_int_equal(kept.connection, 6);
    free(kept.body);
}

static cJSON *get_json(fixture *f, const char *path)
{
    cJSON *json;

    client_get(f->port, path, &f->a);
    assert_int_equal(f->a.status, 200);
    json = cJSON_Parse(answer_body(&f->a));
    assert_non_null(json);
    return json;
}

static int number(const cJSON *json, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

    assert_true(cJSON_IsNumber(item));
    return item->valueint;
}

static void test_summary_tells_the_counts(void **state)
{
    fixture *f = *state;
    cJSON *json;

    post(f, good);
    post(f, good);
    post(f, "{}");
    json = get_json(f, "/api/summary");

    assert_int_equal(number(json, "requests"), 3);
    assert_int_equal(number(json, "batches"), 2);
    assert_int_equal(number(json, "events"), 4);
    assert_int_equal(number(json, "distinct"), 2);
    assert_int_equal(number(json, "duplicates"), 2);
    assert_int_equal(number(json, "malformed"), 1);
    assert_int_equal(
        number(cJSON_GetObjectItem(json, "events_by_key"), "purchase"), 2);
    assert_int_equal(
        cJSON_GetArraySize(cJSON_GetObjectItem(json, "malformed_reasons")), 1);
    cJSON_Delete(json);
}

static void test_batches_come_latest_first_with_their_bodies(void **state)
{
    fixture *f = *state;
    cJSON *json, *list, *body;

    for (int i = 0; i < 3; i++)
        post(f, good);
    json = get_json(f, "/api/batches?limit=2");

    list = cJSON_GetObjectItem(json, "batches");
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_int_equal(number(list->child, "number"), 3);
    assert_int_equal(number(list->child, "events"), 2);
    body = cJSON_GetObjectItem(list->child, "body");
    assert_string_equal(
        cJSON_GetStringValue(cJSON_GetObjectItem(body, "account_id")), "12");
    cJSON_Delete(json);
}

static void test_events_are_found_by_key(void **state)
{
    fixture *f = *state;
    cJSON *json, *list;

    post(f, good);
    post(f, good);
    json = get_json(f, "/api/events?key=purchase&limit=1");

    list = cJSON_GetObjectItem(json, "events");
    assert_int_equal(cJSON_GetArraySize(list), 1);
    assert_string_equal(
        cJSON_GetStringValue(cJSON_GetObjectItem(list->child, "visitor_id")),
        "bob");
    assert_non_null(
        strstr(answer_body(&f->a), ",\"revenue\":9007199254740993,"));
    cJSON_Delete(json);
    json = get_json(f, "/api/events");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "events")),
                     4);
    cJSON_Delete(json);
}

static void test_uuids_come_as_lines(void **state)
{
    fixture *f = *state;

    post(f, good);
    post(f, good);
    client_get(f->port, "/api/uuids", &f->a);

    assert_int_equal(f->a.status, 200);
    assert_non_null(strstr(f->a.text, UUID_1 " 2\n"));
    assert_non_null(strstr(f->a.text, UUID_2 " 2\n"));
}

static void test_wrong_paths_and_methods_are_told(void **state)
{
    fixture *f = *state;

    client_get(f->port, "/v1/event", &f->a);
    assert_int_equal(f->a.status, 404);
    client_get(f->port, "/v1/events", &f->a);
    assert_int_equal(f->a.status, 405);
    assert_non_null(strstr(f->a.text, "Allow: POST\r\n"));
    client_post(f->port, "/api/summary", "{}", &f->a);
    assert_int_equal(f->a.status, 405);
    assert_non_null(strstr(answer_body(&f->a), "{\"error\":"));
    assert_int_equal(counts_of(f).requests, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reset_forgets_everything),
        TEST(test_summary_tells_the_counts),
        TEST(test_batches_come_latest_first_with_their_bodies),
        TEST(test_events_are_found_by_key),
        TEST(test_uuids_come_as_lines),
        TEST(test_wrong_paths_and_methods_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
