/*
 * Every public struct with its last member, its size where it was first
 * published, on 64-bit systems and on 32-bit ones, and how many bytes of
 * padding it ends in on the latter. GROWS are those with a struct_size: fields
 * may be appended. Included by test_layout.c and by layout_32.c.
 *
 * A field that fits into padding would not change the size, and a program that
 * does not know it could not be told from one that does. So where there is
 * padding, the first field that is appended needs 8 bytes on every system.
 */
#ifndef OPTLY_TEST_LAYOUTS_H
#define OPTLY_TEST_LAYOUTS_H

#include <stddef.h>
#include <stdint.h>

#include <optly/event.h>

#define END_OF(type, member)                                                   \
    (offsetof(type, member) + sizeof(((type *)NULL)->member))

/* clang-format off */
#define LAYOUTS(FIXED, GROWS)                                                  \
    FIXED(optly_error, message, 244, 244, 0)                                   \
    FIXED(optly_allocator, user, 24, 12, 0)                                    \
    FIXED(optly_value, as, 16, 16, 0)                                          \
    FIXED(optly_pair, value, 24, 24, 0)                                        \
    FIXED(optly_attribute_definition, key, 16, 8, 0)                           \
    FIXED(optly_event_definition, key, 16, 8, 0)                               \
    FIXED(optly_experiment, layer_id, 24, 12, 0)                               \
    FIXED(optly_variation, key, 16, 8, 0)                                      \
    GROWS(optly_project_config, reserved, 96, 52, 0)                           \
    FIXED(optly_user, attribute_count, 24, 12, 0)                              \
    GROWS(optly_impression, reserved, 80, 56, 4)                               \
    GROWS(optly_conversion, uuid, 48, 32, 4)                                   \
    FIXED(optly_event_context, reserved, 56, 32, 0)                            \
    GROWS(optly_queue_ops, destroy, 56, 28, 0)                                 \
    FIXED(optly_label, value, 16, 8, 0)                                        \
    FIXED(optly_queue, self, 16, 8, 0)                                         \
    GROWS(optly_log_event, events, 80, 44, 0)                                  \
    GROWS(optly_dispatch_result, detail, 152, 152, 0)                          \
    FIXED(optly_delivery, id, 16, 16, 0)                                       \
    GROWS(optly_dispatcher_ops, destroy, 48, 24, 0)                            \
    FIXED(optly_dispatcher, self, 16, 8, 0)                                    \
    GROWS(optly_queue_dispatcher_config, capacity, 16, 12, 0)                  \
    GROWS(optly_http_config, reserved, 120, 72, 0)                             \
    GROWS(optly_metrics, user, 32, 16, 0)                                      \
    GROWS(optly_processor_config, worker_stack_bytes, 192, 128, 0)             \
    GROWS(optly_close_report, pending, 32, 32, 0)                              \
    GROWS(optly_delivery_report, events, 32, 24, 0)                            \
    GROWS(optly_stats, payload_bytes, 360, 360, 0)
/* clang-format on */

#endif
