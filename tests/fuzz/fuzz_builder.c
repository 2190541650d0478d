/*
 * The builders: an event drawn from the input, with an allocation that fails
 * now and then. What is made is strictly valid JSON, says what was asked for,
 * means the same to cJSON, and survives being saved and restored.
 */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "event/limits.h"
#include "event_model.h"
#include "fakes/failing_allocator.h"
#include "platform/platform.h"

int64_t __wrap_optly__wall_ms(void);
bool __wrap_optly__random_bytes(void *bytes, size_t size);

int64_t __wrap_optly__wall_ms(void)
{
    return MODEL_WALL_MS;
}

/* Counts on, so that no uuid comes twice. */
bool __wrap_optly__random_bytes(void *bytes, size_t size)
{
    static uint64_t next;
    unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(next++ * 0x9E3779B97F4A7C15ULL >> 56);
    return true;
}

enum { PROJECTS = 4, MOST_CJSON_NUMBER = 63 };

static optly_project *projects[PROJECTS];
static model_project settings[PROJECTS];

static void make_project(int i)
{
    optly_project_config config = optly_project_config_default();
    optly_conversion conversion = optly_conversion_default();
    const optly_user user = {"v", NULL, 0};
    optly_user_event *event;

    settings[i].bot_filtering = (i & 1) != 0;
    settings[i].send_flag_decisions = (i & 2) != 0;
    config.project_id = "proj";
    config.account_id = "acc";
    config.revision = "1";
    config.attributes = model_attributes;
    config.attribute_count = model_attribute_count;
    config.events = model_events;
    config.event_count = model_event_count;
    config.bot_filtering = settings[i].bot_filtering;
    config.send_flag_decisions = settings[i].send_flag_decisions;
    FUZZ_CHECK(optly_project_create(&projects[i], &config, NULL) == OPTLY_OK);
    /* The memory that a project keeps comes with its first event. */
    conversion.event_key = "purchase";
    FUZZ_CHECK(optly_create_conversion(&event, projects[i], &user, &conversion,
                                       NULL) == OPTLY_OK);
    optly_user_event_destroy(event);
}

static void set_up(void)
{
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    for (int i = 0; i < PROJECTS; i++)
        make_project(i);
}

static bool same_number(const json_node *node, const cJSON *other)
{
    return cJSON_IsNumber(other) &&
           strtod(node->value.bytes, NULL) == other->valuedouble;
}

/* The two parsers agree. */
static bool same_tree(const json_node *node, const cJSON *other)
{
    const json_node *a;
    const cJSON *b;

    switch (node->type) {
    case JSON_NULL:
        return cJSON_IsNull(other);
    case JSON_FALSE:
        return cJSON_IsFalse(other);
    case JSON_TRUE:
        return cJSON_IsTrue(other);
    case JSON_NUMBER:
        return same_number(node, other);
    case JSON_STRING:
        return cJSON_IsString(other) &&
               strcmp(node->value.bytes, other->valuestring) == 0;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    if (node->type == JSON_ARRAY ? !cJSON_IsArray(other)
                                 : !cJSON_IsObject(other))
        return false;
    for (a = node->first, b = other->child; a != NULL && b != NULL;
         a = a->next, b = b->next) {
        if (node->type == JSON_OBJECT && strcmp(a->key.bytes, b->string) != 0)
            return false;
        if (!same_tree(a, b))
            return false;
    }
    return a == NULL && b == NULL;
}

static void check_cjson(const optly_user_event *event, const json_node *root)
{
    cJSON *other;

    /* cJSON cuts strings at an escaped NUL, and numbers at 63 bytes. */
    if (json_has_nul(root) || !json_numbers_fit(root, MOST_CJSON_NUMBER))
        return;
    other = cJSON_ParseWithOpts(optly_user_event_json(event), NULL, true);
    FUZZ_CHECK(other != NULL && same_tree(root, other));
    cJSON_Delete(other);
}

static void check_saved(const optly_user_event *event)
{
    size_t size = optly_user_event_save(event, NULL, 0);
    uint8_t *bytes = malloc(size);
    optly_user_event *again;

    FUZZ_CHECK(bytes != NULL);
    FUZZ_CHECK(optly_user_event_save(event, bytes, size) == size);
    FUZZ_CHECK(optly_user_event_restore(&again, bytes, size, NULL) == OPTLY_OK);
    FUZZ_CHECK(strcmp(optly_user_event_json(again),
                      optly_user_event_json(event)) == 0);
    FUZZ_CHECK(strcmp(optly_user_event_visitor_id(again),
                      optly_user_event_visitor_id(event)) == 0);
    FUZZ_CHECK(
        strcmp(optly_user_event_key(again), optly_user_event_key(event)) == 0);
    FUZZ_CHECK(strcmp(optly_user_event_entity_id(again),
                      optly_user_event_entity_id(event)) == 0);
    FUZZ_CHECK(strcmp(optly_user_event_uuid(again),
                      optly_user_event_uuid(event)) == 0);
    FUZZ_CHECK(optly_user_event_is_impression(again) ==
               optly_user_event_is_impression(event));
    optly_user_event_destroy(again);
    free(bytes);
}

static void check_event(const model *m, const model_project *project,
                        const optly_user_event *event)
{
    static const json_rules strict = {.most_depth = 64,
                                      .bad_bytes = JSON_REFUSE,
                                      .lone_surrogates = JSON_REFUSE};
    static json_document document;
    const char *uuid = optly_user_event_uuid(event);
    const char *given =
        m->is_impression ? m->impression.uuid : m->conversion.uuid;
    size_t len = optly_user_event_json_len(event);

    FUZZ_CHECK(len <= OPTLY__MOST_EVENT_LEN);
    FUZZ_CHECK(strlen(optly_user_event_json(event)) == len);
    FUZZ_CHECK(
        json_read(&document, optly_user_event_json(event), len, &strict));
    FUZZ_CHECK(document.spaces == 0);
    FUZZ_CHECK(strlen(uuid) == 36);
    FUZZ_CHECK(given == NULL ? uuid[14] == '4' : strcmp(uuid, given) == 0);
    FUZZ_CHECK(strcmp(optly_user_event_visitor_id(event), m->user.id) == 0);
    model_check(m, project, uuid, document.root);
    check_cjson(event, document.root);
    check_saved(event);
}

static optly_status build(const model *m, const optly_project *project,
                          optly_user_event **event, optly_error *err)
{
    if (m->is_impression)
        return optly_create_impression(event, project, &m->user, &m->impression,
                                       err);
    return optly_create_conversion(event, project, &m->user, &m->conversion,
                                   err);
}

static void check_status(const model *m, const model_project *project,
                         optly_status status)
{
    /* Far below the limit of 1 MiB, whatever is escaped. */
    bool is_small = m->text_bytes < 80000;
    bool has_fault = m->is_invalid || m->is_too_large || m->is_unknown;

    switch (status) {
    case OPTLY_OK:
        FUZZ_CHECK(!has_fault && !model_is_skipped(m, project));
        break;
    case OPTLY_SKIPPED:
        FUZZ_CHECK(model_is_skipped(m, project));
        break;
    case OPTLY_ERR_INVALID:
        FUZZ_CHECK(m->is_invalid);
        break;
    case OPTLY_ERR_TOO_LARGE:
        FUZZ_CHECK(m->is_too_large || !is_small);
        break;
    case OPTLY_ERR_NOT_FOUND:
        FUZZ_CHECK(m->is_unknown);
        break;
    case OPTLY_ERR_NO_MEMORY:
        FUZZ_CHECK(failing_allocator_has_failed());
        break;
    default:
        FUZZ_CHECK(0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static model m;
    fuzz_input input = fuzz_input_of(data, size);
    uint8_t choice = fuzz_byte(&input);
    const model_project *project = &settings[choice % PROJECTS];
    optly_user_event *event = NULL;
    optly_error err = {OPTLY_OK, ""};
    optly_status status;
    size_t live;

    if (projects[0] == NULL)
        set_up();
    model_draw(&m, &input);
    live = failing_allocator_live();
    failing_allocator_fail_after(choice < 128 ? FAILING_ALLOCATOR_NEVER
                                              : choice / 4 % 8);
    status = build(&m, projects[choice % PROJECTS], &event, &err);
    check_status(&m, project, status);
    FUZZ_CHECK(!failing_allocator_has_failed() || status != OPTLY_OK);
    FUZZ_CHECK((event != NULL) == (status == OPTLY_OK));
    failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
    if (event != NULL) {
        if (!m.is_open)
            check_event(&m, project, event);
        optly_user_event_destroy(event);
    } else if (status != OPTLY_SKIPPED) {
        FUZZ_CHECK(err.status == status && err.message[0] != '\0');
    }
    FUZZ_CHECK(failing_allocator_live() == live);
    fuzz_note((uint64_t)status);
    model_cleanup(&m);
    return 0;
}
