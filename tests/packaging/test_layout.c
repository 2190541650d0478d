/*
 * The layout of the public structs: none ends in padding, where a field that
 * is appended later could hide unseen, and none has shrunk below its first
 * version. The figures are those of 64-bit systems.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <optly/event.h>

typedef struct layout {
    const char *name;
    size_t size;
    size_t end_of_last;
    size_t first_size;
    bool may_grow; /* it has a struct_size */
} layout;

#define END_OF(type, member)                                                   \
    (offsetof(type, member) + sizeof(((type *)NULL)->member))
#define GROWS(type, last, first_size)                                          \
    {                                                                          \
#type, sizeof(type), END_OF(type, last), first_size, true              \
    }
#define FIXED(type, last, first_size)                                          \
    {                                                                          \
#type, sizeof(type), END_OF(type, last), first_size, false             \
    }

static const layout layouts[] = {
    FIXED(optly_error, message, 244),
    FIXED(optly_allocator, user, 24),
    FIXED(optly_value, as, 16),
    FIXED(optly_pair, value, 24),
    FIXED(optly_attribute_definition, key, 16),
    FIXED(optly_event_definition, key, 16),
    FIXED(optly_experiment, layer_id, 24),
    FIXED(optly_variation, key, 16),
    GROWS(optly_project_config, reserved, 96),
    FIXED(optly_user, attribute_count, 24),
    GROWS(optly_impression, reserved, 80),
    GROWS(optly_conversion, uuid, 48),
    FIXED(optly_event_context, reserved, 56),
    GROWS(optly_queue_ops, destroy, 56),
    FIXED(optly_label, value, 16),
    FIXED(optly_queue, self, 16),
    GROWS(optly_log_event, events, 80),
    GROWS(optly_dispatch_result, detail, 152),
    FIXED(optly_delivery, id, 16),
    GROWS(optly_dispatcher_ops, destroy, 48),
    FIXED(optly_dispatcher, self, 16),
    GROWS(optly_queue_dispatcher_config, capacity, 16),
    GROWS(optly_http_config, reserved, 120),
    GROWS(optly_metrics, user, 32),
    GROWS(optly_processor_config, worker_stack_bytes, 192),
    GROWS(optly_close_report, pending, 32),
    GROWS(optly_delivery_report, events, 32),
    GROWS(optly_stats, payload_bytes, 360),
};

enum { LAYOUTS = sizeof(layouts) / sizeof(*layouts) };

static void test_no_struct_ends_in_padding(void **state)
{
    (void)state;
    if (sizeof(void *) != 8)
        skip();
    for (size_t i = 0; i < LAYOUTS; i++) {
        print_message("%s\n", layouts[i].name);
        assert_int_equal(layouts[i].end_of_last, layouts[i].size);
    }
}

static void
test_structs_keep_the_size_that_they_were_published_with(void **state)
{
    (void)state;
    if (sizeof(void *) != 8)
        skip();
    for (size_t i = 0; i < LAYOUTS; i++) {
        print_message("%s\n", layouts[i].name);
        if (layouts[i].may_grow)
            assert_in_range(layouts[i].size, layouts[i].first_size, 4096);
        else
            assert_int_equal(layouts[i].size, layouts[i].first_size);
    }
}

static void test_every_growing_struct_begins_with_its_size(void **state)
{
    (void)state;
    assert_int_equal(offsetof(optly_project_config, struct_size), 0);
    assert_int_equal(offsetof(optly_impression, struct_size), 0);
    assert_int_equal(offsetof(optly_conversion, struct_size), 0);
    assert_int_equal(offsetof(optly_queue_ops, struct_size), 0);
    assert_int_equal(offsetof(optly_log_event, struct_size), 0);
    assert_int_equal(offsetof(optly_dispatch_result, struct_size), 0);
    assert_int_equal(offsetof(optly_dispatcher_ops, struct_size), 0);
    assert_int_equal(offsetof(optly_queue_dispatcher_config, struct_size), 0);
    assert_int_equal(offsetof(optly_http_config, struct_size), 0);
    assert_int_equal(offsetof(optly_metrics, struct_size), 0);
    assert_int_equal(offsetof(optly_processor_config, struct_size), 0);
    assert_int_equal(offsetof(optly_close_report, struct_size), 0);
    assert_int_equal(offsetof(optly_delivery_report, struct_size), 0);
    assert_int_equal(offsetof(optly_stats, struct_size), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_struct_ends_in_padding),
        cmocka_unit_test(
            test_structs_keep_the_size_that_they_were_published_with),
        cmocka_unit_test(test_every_growing_struct_begins_with_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
