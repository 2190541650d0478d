/*
 * Every allocation fails while things are made: the call says so, leaves
 * nothing behind, and works the next time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "fakes/events.h"
#include "fakes/failing_allocator.h"
#include "faults/fault_point.h"

enum { MANY = 40 }; /* more than fits without the heap */

static void from_datafile(fault_point *point)
{
    optly_project *project = NULL;
    optly_status status;

    fault_begin(point);
    status = optly_project_from_datafile(&project, fake_datafile,
                                         strlen(fake_datafile), NULL);
    fault_end(point);

    fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    assert_int_equal(project == NULL, point->hit);
    optly_project_destroy(project);
}

static optly_status create_project(optly_project **project)
{
    static char keys[MANY][16];
    optly_attribute_definition attributes[MANY];
    optly_event_definition events[MANY];
    optly_project_config config = optly_project_config_default();

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
        attributes[i] = (optly_attribute_definition){keys[i], keys[i]};
        events[i] = (optly_event_definition){keys[i], keys[i]};
    }
    config.project_id = config.account_id = config.revision = "1";
    config.attributes = attributes;
    config.events = events;
    config.attribute_count = config.event_count = MANY;
    config.send_flag_decisions = true;
    return optly_project_create(project, &config, NULL);
}

static void from_settings(fault_point *point)
{
    optly_project *project = NULL;
    optly_status status;

    fault_begin(point);
    status = create_project(&project);
    fault_end(point);

    fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    assert_int_equal(project == NULL, point->hit);
    optly_project_destroy(project);
}

/* The old name stays where the new one could not be had. */
static void set_client(fault_point *point)
{
    optly_project *project = fake_project();
    optly_status status;

    fault_begin(point);
    status = optly_project_set_client(project, "other-sdk", "9.9");
    fault_end(point);

    fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    assert_string_equal(optly_create_event_context(project).client_name,
                        point->hit ? OPTLY_CLIENT_NAME : "other-sdk");
    optly_project_destroy(project);
}

/* Makes an event from `text`, as long as it is; frees it again. */
static optly_status make_event(const optly_project *project, bool impression,
                               const char *text)
{
    static char keys[MANY][16];
    optly_pair pairs[MANY];
    optly_user user = {"visitor", pairs, MANY};
    optly_conversion conversion = optly_conversion_default();
    optly_impression shown = optly_impression_default();
    optly_user_event *event = NULL;
    optly_status status;

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
        pairs[i] = optly_string(keys[i], text);
    }
    pairs[MANY - 1] = optly_json("json", "{\"a\":[1,2,{\"b\":null}]}");
    conversion.event_key = "key-1";
    conversion.tags = pairs;
    conversion.tag_count = MANY;
    status = impression
                 ? optly_create_impression(&event, project, &user, &shown, NULL)
                 : optly_create_conversion(&event, project, &user, &conversion,
                                           NULL);
    assert_int_equal(event == NULL, status != OPTLY_OK);
    optly_user_event_destroy(event);
    return status;
}

static void build(fault_point *point, bool impression, size_t text_len)
{
    char *text = calloc(1, text_len + 1);
    optly_project *project = NULL;
    optly_status status;

    assert_non_null(text);
    memset(text, 'x', text_len);
    assert_int_equal(create_project(&project), OPTLY_OK);
    fault_begin(point);
    status = make_event(project, impression, text);
    fault_end(point);

    fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    assert_int_equal(make_event(project, impression, text), OPTLY_OK);
    optly_project_destroy(project);
    free(text);
}

static void build_impression(fault_point *point)
{
    build(point, true, 10);
}

static void build_conversion(fault_point *point)
{
    build(point, false, 10);
}

/* Too large for the memory that events share. */
static void build_large_conversion(fault_point *point)
{
    build(point, false, 4000);
}

static void save_and_restore(fault_point *point)
{
    optly_project *project = fake_project();
    optly_user_event *event = fake_conversion(project, "v"), *copy = NULL;
    size_t size = optly_user_event_save(event, NULL, 0);
    unsigned char *bytes = malloc(size);
    optly_status status;

    assert_non_null(bytes);
    fault_begin(point);
    assert_int_equal(optly_user_event_save(event, bytes, size), size);
    status = optly_user_event_restore(&copy, bytes, size, NULL);
    fault_end(point);

    fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    if (status == OPTLY_OK)
        assert_string_equal(optly_user_event_json(copy),
                            optly_user_event_json(event));
    optly_user_event_destroy(copy);
    optly_user_event_destroy(event);
    optly_project_destroy(project);
    free(bytes);
}

static int releases;

static optly_outcome deliver(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    (void)event;
    (void)result;
    (void)user;
    return OPTLY_DELIVERED;
}

static void count_release(void *user)
{
    (void)user;
    releases++;
}

/* What the calls took is freed once, whichever of them fails. */
static void dispatchers(fault_point *point)
{
    optly_queue_dispatcher_config config =
        optly_queue_dispatcher_config_default();
    optly_dispatcher inner = {NULL, NULL}, outer = {NULL, NULL};
    optly_status status;

    config.threads = 4;
    releases = 0;
    fault_begin(point);
    status =
        optly_function_dispatcher_create(&inner, deliver, NULL, count_release);
    if (status == OPTLY_OK)
        status = optly_queue_dispatcher_create(&outer, inner, &config, NULL);
    fault_end(point);

    /* A thread that could not be started is told from lack of memory. */
    if (status != OPTLY_ERR_IO)
        fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    assert_int_equal(outer.ops == NULL, status != OPTLY_OK);
    optly_dispatcher_destroy(&outer);
    assert_int_equal(releases, 1);
}

static void ring_queue(fault_point *point)
{
    optly_queue queue;
    optly_status status;

    fault_begin(point);
    status = optly_ring_queue_create(&queue, 100);
    fault_end(point);

    fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    if (status == OPTLY_OK)
        optly_queue_destroy(&queue);
}

static void create_processor(fault_point *point)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor = NULL;
    optly_error err = {OPTLY_OK, ""};
    optly_status status;

    releases = 0;
    assert_int_equal(optly_function_dispatcher_create(
                         &config.dispatcher, deliver, NULL, count_release),
                     OPTLY_OK);
    assert_int_equal(optly_ring_queue_create(&config.queue, 2000), OPTLY_OK);
    config.endpoint = "https://events.example/v1";
    fault_begin(point);
    status = optly_processor_create(&processor, &config, &err);
    fault_end(point);

    fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    assert_int_equal(processor == NULL, point->hit);
    assert_int_equal(err.status, status);
    optly_processor_destroy(processor);
    assert_int_equal(releases, 1); /* taken, even on failure */
}

static void ignore_result(const optly_dispatch_result *result, void *user)
{
    (void)result;
    (void)user;
}

static void wrapped_delivery(fault_point *point)
{
    optly_delivery delivery = {NULL, 0};
    optly_status status;

    fault_begin(point);
    status = optly_delivery_create(&delivery, ignore_result, NULL);
    fault_end(point);

    fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    if (status == OPTLY_OK)
        optly_delivery_complete(delivery, NULL);
}

static void test_making_things_fails_whole(void **state)
{
    static const struct {
        const char *name;
        fault_scenario run;
    } scenarios[] = {
        {"project from a datafile", from_datafile},
        {"project from settings", from_settings},
        {"project: set client", set_client},
        {"impression", build_impression},
        {"conversion", build_conversion},
        {"conversion, large", build_large_conversion},
        {"event: save, restore", save_and_restore},
        {"dispatchers", dispatchers},
        {"ring queue", ring_queue},
        {"processor create", create_processor},
        {"delivery create", wrapped_delivery},
    };
    cJSON_Hooks hooks = {failing_allocator_malloc, failing_allocator_free};

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    cJSON_InitHooks(&hooks);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        (void)fault_run(&fault_memory, scenarios[i].name, scenarios[i].run);
    cJSON_InitHooks(NULL);
    assert_int_equal(failing_allocator_remove(), 0);
    fault_print_total("allocations, making");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_making_things_fails_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
