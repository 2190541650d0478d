/* Batches: lists, groups, and the bytes of a body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/memory.h"
#include "engine/batch.h"
#include "fakes/events.h"

static void check_order(const optly__batch_list *list, const char *expected)
{
    char found[16] = "";

    for (const optly__batch *b = list->first; b != NULL; b = b->next) {
        size_t len = strlen(found);

        assert_true(b->next == NULL || b->next->previous == b);
        found[len] = (char)('0' + b->order);
    }
    assert_string_equal(found, expected);
}

static void test_a_list_keeps_its_order(void **state)
{
    optly__batch_list list = {NULL, NULL};
    optly__batch batches[5] = {{0}};

    (void)state;
    for (int i = 0; i < 5; i++)
        batches[i].order = (uint64_t)i + 1;
    optly__batch_list_append(&list, &batches[1]);
    optly__batch_list_append(&list, &batches[3]);
    optly__batch_list_insert(&list, &batches[0]);
    optly__batch_list_insert(&list, &batches[2]);
    optly__batch_list_insert(&list, &batches[4]);
    check_order(&list, "12345");
    optly__batch_list_remove(&list, &batches[0]);
    optly__batch_list_remove(&list, &batches[4]);
    optly__batch_list_remove(&list, &batches[2]);
    check_order(&list, "24");
}

static void test_equal_orders_put_the_newest_first(void **state)
{
    optly__batch_list list = {NULL, NULL};
    optly__batch back = {0}, front = {0}, later = {0};

    (void)state;
    back.order = front.order = 3;
    later.order = 4;
    optly__batch_list_append(&list, &later);
    optly__batch_list_insert(&list, &back);
    optly__batch_list_insert(&list, &front);
    assert_ptr_equal(list.first, &front);
    assert_ptr_equal(front.next, &back);
    assert_ptr_equal(back.next, &later);
}

static void test_groups_are_found_by_content_and_freed_when_empty(void **state)
{
    optly_project *one = fake_project(), *same = fake_project(),
                  *other = fake_project_of("2", "US");
    optly_user_event *a = fake_conversion(one, "a"),
                     *b = fake_conversion(same, "b"),
                     *c = fake_conversion(other, "c");
    optly__group_table table = {{NULL}, NULL};
    optly__group *group = optly__group_find(&table, a->context);
    optly__batch *batch = optly__batch_create(group);

    (void)state;
    assert_ptr_not_equal(a->context, b->context);
    assert_ptr_equal(optly__group_find(&table, b->context), group);
    optly__group *apart = optly__group_find(&table, c->context);
    assert_ptr_not_equal(apart, group);
    optly__group_release(&table, apart);
    optly__group_release(&table, group); /* has a batch: stays */
    assert_ptr_equal(optly__group_find(&table, a->context), group);
    optly__batch_destroy(&table, batch);
    for (int i = 0; i < OPTLY__GROUP_BUCKETS; i++)
        assert_null(table.buckets[i]);
    optly_user_event_destroy(a);
    optly_user_event_destroy(b);
    optly_user_event_destroy(c);
    optly_project_destroy(one);
    optly_project_destroy(same);
    optly_project_destroy(other);
}

static void test_the_body_is_the_batch_and_its_length_is_known(void **state)
{
    optly_project *project = fake_project();
    optly__group_table table = {{NULL}, NULL};
    optly_user_event *first = fake_conversion(project, "first");
    optly__batch *batch =
        optly__batch_create(optly__group_find(&table, first->context));
    optly__batch front = {0};

    (void)state;
    front.group = batch->group;
    optly__batch_append(batch, first);
    for (int i = 0; i < 4; i++) {
        optly_user_event *event = fake_impression(project, "more");
        size_t grown = optly__batch_body_len(batch, event->json_len);

        optly__batch_append(batch, event);
        assert_int_equal(optly__batch_body_len(batch, 0), grown);
    }
    optly__block *block = optly__block_create(batch, "http://endpoint");
    assert_non_null(block);
    assert_int_equal(block->log.body_len, optly__batch_body_len(batch, 0));
    assert_int_equal(strlen(block->log.body), block->log.body_len);
    assert_int_equal(block->log.event_count, 5);
    assert_ptr_equal(block->log.events[0], first);
    assert_string_equal(block->log.endpoint, "http://endpoint");

    cJSON *json = cJSON_Parse(block->log.body);
    assert_non_null(json);
    const char *const names[] = {
        "revision",     "account_id",       "client_version",
        "visitors",     "project_id",       "client_name",
        "anonymize_ip", "enrich_decisions", "region"};
    const cJSON *member = json->child;
    for (size_t i = 0; i < 9; i++, member = member->next)
        assert_string_equal(member->string, names[i]);
    assert_null(member);
    assert_int_equal(
        cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "visitors")),
        5);
    cJSON_Delete(json);
    optly__free(block);

    optly__batch_move(&front, batch, 3);
    assert_int_equal(front.count, 3);
    assert_int_equal(batch->count, 2);
    assert_ptr_equal(front.first, first);
    assert_int_equal(
        front.visitors_len + 1 + batch->visitors_len,
        optly__batch_body_len(batch, 0) - batch->group->context->head_len -
            batch->group->context->tail_len + front.visitors_len + 1);
    optly__user_event_list_destroy(front.first);
    optly__user_event_list_destroy(batch->first);
    optly__batch_destroy(&table, batch);
    optly_project_destroy(project);
}

static void test_older_events_are_counted_from_the_front(void **state)
{
    optly_project *project = fake_project();
    optly__batch batch = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        optly_user_event *event = fake_conversion(project, "v");

        event->arrival_ms = 100 * i;
        optly__batch_append(&batch, event);
    }
    assert_int_equal(optly__batch_count_older(&batch, -1), 0);
    assert_int_equal(optly__batch_count_older(&batch, 100), 2);
    assert_int_equal(optly__batch_count_older(&batch, 1000), 3);
    optly__user_event_list_destroy(batch.first);
    optly_project_destroy(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_keeps_its_order),
        cmocka_unit_test(test_equal_orders_put_the_newest_first),
        cmocka_unit_test(test_groups_are_found_by_content_and_freed_when_empty),
        cmocka_unit_test(test_the_body_is_the_batch_and_its_length_is_known),
        cmocka_unit_test(test_older_events_are_counted_from_the_front),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
