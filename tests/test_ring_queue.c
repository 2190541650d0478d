#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <optly/event.h>

#include "fakes/events.h"
#include "fakes/failing_allocator.h"

/* Events that nobody looks into. */
static char marks[1000];

static optly_user_event *mark(size_t i)
{
    return (optly_user_event *)(void *)&marks[i];
}

static void test_full_queue_refuses_and_the_caller_keeps_the_event(void **state)
{
    optly_queue queue;
    optly_user_event *event;

    (void)state;
    assert_int_equal(optly_ring_queue_create(&queue, 3), OPTLY_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(optly_queue_add(&queue, mark(i)), OPTLY_OK);
    assert_int_equal(optly_queue_add(&queue, mark(3)), OPTLY_ERR_QUEUE_FULL);
    assert_int_equal(optly_queue_size(&queue), 3);

    assert_int_equal(optly_queue_remove(&queue, &event, 1), 1);
    assert_int_equal(optly_queue_add(&queue, mark(3)), OPTLY_OK);

    while (optly_queue_remove(&queue, &event, 1) == 1)
        continue;
    optly_queue_destroy(&queue);
}

static void test_events_leave_in_the_order_they_came(void **state)
{
    optly_queue queue;
    optly_user_event *events[7];
    size_t added = 0, removed = 0;

    (void)state;
    assert_int_equal(optly_ring_queue_create(&queue, 10), OPTLY_OK);
    while (removed < 700) {
        size_t count;

        while (optly_queue_add(&queue, mark(added % 1000)) == OPTLY_OK)
            added++;
        count = optly_queue_remove(&queue, events, 7);
        assert_int_equal(count, 7);
        for (size_t i = 0; i < count; i++)
            assert_ptr_equal(events[i], mark((removed + i) % 1000));
        removed += count;
    }
    assert_int_equal(optly_queue_size(&queue), added - removed);
    while (optly_queue_remove(&queue, events, 7) > 0)
        continue;
    optly_queue_destroy(&queue);
}

static void test_get_looks_from_any_place_and_takes_nothing(void **state)
{
    optly_queue queue;
    optly_user_event *events[10];

    (void)state;
    assert_int_equal(optly_ring_queue_create(&queue, 5), OPTLY_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(optly_queue_add(&queue, mark(i)), OPTLY_OK);
    assert_int_equal(optly_queue_remove(&queue, events, 2), 2);
    for (size_t i = 4; i < 7; i++)
        assert_int_equal(optly_queue_add(&queue, mark(i)), OPTLY_OK);

    assert_int_equal(optly_queue_get(&queue, 0, events, 10), 5);
    assert_ptr_equal(events[0], mark(2));
    assert_ptr_equal(events[4], mark(6));
    assert_int_equal(optly_queue_get(&queue, 3, events, 1), 1);
    assert_ptr_equal(events[0], mark(5));
    assert_int_equal(optly_queue_get(&queue, 5, events, 10), 0);
    assert_int_equal(optly_queue_get(&queue, SIZE_MAX, events, 10), 0);
    assert_int_equal(optly_queue_get(&queue, 0, events, 0), 0);
    assert_int_equal(optly_queue_size(&queue), 5);

    assert_int_equal(optly_queue_remove(&queue, events, 10), 5);
    optly_queue_destroy(&queue);
}

static void test_destroy_frees_the_events_inside(void **state)
{
    optly_project *project;
    optly_queue queue;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    assert_int_equal(optly_ring_queue_create(&queue, 5), OPTLY_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            optly_queue_add(&queue, fake_conversion(project, "visitor")),
            OPTLY_OK);
    optly_queue_destroy(&queue);
    optly_project_destroy(project);

    assert_null(queue.ops);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_capacity_has_bounds(void **state)
{
    optly_queue queue = {(const optly_queue_ops *)(void *)marks, marks};

    (void)state;
    assert_int_equal(optly_ring_queue_create(&queue, 0), OPTLY_ERR_INVALID);
    assert_null(queue.ops);
    assert_int_equal(optly_ring_queue_create(&queue, 16777217),
                     OPTLY_ERR_INVALID);
    assert_int_equal(optly_ring_queue_create(NULL, 1), OPTLY_ERR_INVALID);
    assert_int_equal(optly_ring_queue_create(&queue, 16777216), OPTLY_OK);
    optly_queue_destroy(&queue);
    assert_int_equal(optly_ring_queue_create(&queue, 1), OPTLY_OK);
    optly_queue_destroy(&queue);
}

static void test_create_without_memory_leaves_nothing(void **state)
{
    optly_queue queue;

    (void)state;
    failing_allocator_install(0);
    assert_int_equal(optly_ring_queue_create(&queue, 8), OPTLY_ERR_NO_MEMORY);
    assert_null(queue.ops);
    assert_null(queue.self);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_adding_never_allocates(void **state)
{
    optly_queue queue;
    optly_user_event *event;

    (void)state;
    failing_allocator_install(1);
    assert_int_equal(optly_ring_queue_create(&queue, 1000), OPTLY_OK);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(optly_queue_add(&queue, mark(i)), OPTLY_OK);
    assert_int_equal(failing_allocator_calls(), 1);

    while (optly_queue_remove(&queue, &event, 1) == 1)
        continue;
    optly_queue_destroy(&queue);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_zeroed_queue_and_null_are_harmless(void **state)
{
    optly_queue queue = {NULL, NULL};
    optly_user_event *event;

    (void)state;
    assert_int_equal(optly_queue_add(&queue, mark(0)), OPTLY_ERR_INVALID);
    assert_int_equal(optly_queue_add(NULL, mark(0)), OPTLY_ERR_INVALID);
    assert_int_equal(optly_queue_get(&queue, 0, &event, 1), 0);
    assert_int_equal(optly_queue_remove(&queue, &event, 1), 0);
    assert_int_equal(optly_queue_size(&queue), 0);
    optly_queue_destroy(&queue);
    optly_queue_destroy(NULL);
}

static void test_calls_without_an_event_or_room_for_one_say_so(void **state)
{
    optly_queue queue;

    (void)state;
    assert_int_equal(optly_ring_queue_create(&queue, 4), OPTLY_OK);
    assert_int_equal(optly_queue_add(&queue, NULL), OPTLY_ERR_INVALID);
    assert_int_equal(optly_queue_get(&queue, 0, NULL, 1), 0);
    assert_int_equal(optly_queue_remove(&queue, NULL, 1), 0);
    optly_queue_destroy(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_full_queue_refuses_and_the_caller_keeps_the_event),
        cmocka_unit_test(test_events_leave_in_the_order_they_came),
        cmocka_unit_test(test_get_looks_from_any_place_and_takes_nothing),
        cmocka_unit_test(test_destroy_frees_the_events_inside),
        cmocka_unit_test(test_capacity_has_bounds),
        cmocka_unit_test(test_create_without_memory_leaves_nothing),
        cmocka_unit_test(test_adding_never_allocates),
        cmocka_unit_test(test_zeroed_queue_and_null_are_harmless),
        cmocka_unit_test(test_calls_without_an_event_or_room_for_one_say_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
