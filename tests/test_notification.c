/* The lists of handlers. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "engine/notification.h"

static void nothing(void)
{
}

static void test_handlers_come_in_the_order_of_their_ids(void **state)
{
    optly__handlers handlers = {0};
    optly__handler found;
    int ids[3], after = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            optly__handlers_add(
                &handlers, optly__handler_create(nothing, &ids[i]), &ids[i]),
            OPTLY_OK);
    for (int i = 0; i < 3; i++) {
        assert_true(optly__handlers_next(&handlers, after, ids[2], &found));
        assert_int_equal(found.id, ids[i]);
        assert_ptr_equal(found.user, &ids[i]);
        after = found.id;
    }
    assert_false(optly__handlers_next(&handlers, after, ids[2], &found));
    optly__handlers_cleanup(&handlers);
}

static void test_one_added_later_is_not_for_the_call_under_way(void **state)
{
    optly__handlers handlers = {0};
    optly__handler found;
    int first, second;

    (void)state;
    assert_int_equal(optly__handlers_add(&handlers,
                                         optly__handler_create(nothing, NULL),
                                         &first),
                     OPTLY_OK);
    int last = handlers.last_id;
    assert_int_equal(optly__handlers_add(&handlers,
                                         optly__handler_create(nothing, NULL),
                                         &second),
                     OPTLY_OK);
    assert_false(optly__handlers_next(&handlers, first, last, &found));
    optly__handlers_cleanup(&handlers);
}

static void test_ids_are_not_used_again(void **state)
{
    optly__handlers handlers = {0};
    optly__handler *gone;
    int first, second;

    (void)state;
    assert_int_equal(optly__handlers_add(&handlers,
                                         optly__handler_create(nothing, NULL),
                                         &first),
                     OPTLY_OK);
    gone = optly__handlers_remove(&handlers, first);
    assert_non_null(gone);
    assert_int_equal(gone->id, first);
    optly__free(gone);
    assert_int_equal(optly__handlers_add(&handlers,
                                         optly__handler_create(nothing, NULL),
                                         &second),
                     OPTLY_OK);
    assert_int_not_equal(first, second);
    assert_null(optly__handlers_remove(&handlers, first));
    assert_null(optly__handler_create(NULL, NULL));
    assert_int_equal(optly__handlers_add(&handlers, NULL, NULL),
                     OPTLY_ERR_NO_MEMORY);
    optly__handlers_cleanup(&handlers);
}

/* A removal by a number that means another handler would hit the wrong one. */
static void test_numbers_that_ran_out_are_not_used_again(void **state)
{
    optly__handlers handlers = {0};
    int id;

    (void)state;
    handlers.last_id = INT_MAX;
    assert_int_equal(optly__handlers_add(
                         &handlers, optly__handler_create(nothing, NULL), &id),
                     OPTLY_ERR_INVALID);
    assert_null(handlers.first);
    optly__handlers_cleanup(&handlers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handlers_come_in_the_order_of_their_ids),
        cmocka_unit_test(test_one_added_later_is_not_for_the_call_under_way),
        cmocka_unit_test(test_ids_are_not_used_again),
        cmocka_unit_test(test_numbers_that_ran_out_are_not_used_again),
    };

    return cmocka_run_group_tests_name("notification", tests, NULL, NULL);
}
