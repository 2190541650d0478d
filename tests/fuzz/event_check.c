/* What the rules make of a model, looked for in the JSON of its event. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_model.h"

static const double two_to_53 = 9007199254740992.0;
static const double two_to_63 = 9223372036854775808.0;

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* A string of the event: the bytes given, those that are not UTF-8 replaced. */
static bool is_string(const json_node *node, const char *text)
{
    size_t len = strlen(text);
    char few[256], *repaired = len <= 80 ? few : malloc(3 * len + 1);
    bool is_same;

    FUZZ_CHECK(repaired != NULL);
    len = json_repair_utf8(repaired, text, len);
    is_same = node != NULL && node->type == JSON_STRING &&
              json_text_is(node->value, repaired, len);
    if (repaired != few)
        free(repaired);
    return is_same;
}

static bool is_key(const json_node *node, const char *text)
{
    json_node key = {.type = JSON_STRING, .value = node->key};

    return is_string(&key, text);
}

static bool is_integer(const json_node *node, int64_t value)
{
    char *end;

    return node != NULL && node->type == JSON_NUMBER &&
           strtoll(node->value.bytes, &end, 10) == value && *end == '\0' &&
           (value != 0 || strcmp(node->value.bytes, "0") == 0);
}

/* Reads back to the bit, and has no more digits than the shortest text that
 * printf finds. */
static bool is_double(const json_node *node, double value)
{
    double read;
    char text[64];
    int digits = 0, zeros = 0, precision;

    if (node == NULL || node->type != JSON_NUMBER)
        return false;
    read = strtod(node->value.bytes, NULL);
    if (memcmp(&read, &value, sizeof(read)) != 0)
        return false;
    if (fabs(value) < two_to_63 && value == floor(value))
        return strpbrk(node->value.bytes, ".eE") == NULL;
    for (const char *c = node->value.bytes; *c != '\0' && *c != 'e'; c++) {
        if (*c < '0' || *c > '9' || (*c == '0' && digits == 0))
            continue;
        digits++;
        zeros = *c == '0' ? zeros + 1 : 0;
    }
    for (precision = 1; precision < 17; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision - 1, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return digits - zeros <= precision;
}

static bool is_bool(const json_node *node, bool value)
{
    return node != NULL && node->type == (value ? JSON_TRUE : JSON_FALSE);
}

static bool reads_true(const bool *flag)
{
    unsigned char byte;

    memcpy(&byte, flag, 1);
    return byte != 0;
}

static bool equals_json(const json_node *node, const char *text)
{
    static json_document document;
    json_node bare;

    if (node == NULL || !model_read_tag(&document, text))
        return false;
    bare = *node;
    bare.key = document.root->key;
    return json_equal(&bare, document.root);
}

static bool is_value(const json_node *node, const optly_value *value)
{
    switch (value->type) {
    case OPTLY_NULL:
        return node != NULL && node->type == JSON_NULL;
    case OPTLY_BOOL:
        return is_bool(node, reads_true(&value->as.boolean));
    case OPTLY_INT64:
        return is_integer(node, value->as.integer);
    case OPTLY_DOUBLE:
        return is_double(node, value->as.number);
    case OPTLY_STRING:
        return is_string(node, value->as.text);
    case OPTLY_JSON:
        return equals_json(node, value->as.text);
    }
    return false;
}

static bool suits_attribute(const optly_value *value)
{
    switch (value->type) {
    case OPTLY_BOOL:
        return true;
    case OPTLY_INT64:
        return (double)value->as.integer <= two_to_53 &&
               (double)value->as.integer >= -two_to_53;
    case OPTLY_DOUBLE:
        return value->as.number <= two_to_53 && value->as.number >= -two_to_53;
    case OPTLY_STRING:
        return value->as.text != NULL;
    default:
        return false;
    }
}

static bool suits_tag(const optly_value *value)
{
    static json_document document;

    switch (value->type) {
    case OPTLY_NULL:
    case OPTLY_BOOL:
    case OPTLY_INT64:
        return true;
    case OPTLY_DOUBLE:
        return isfinite(value->as.number);
    case OPTLY_STRING:
        return value->as.text != NULL;
    case OPTLY_JSON:
        return model_read_tag(&document, value->as.text);
    }
    return false;
}

static const char *entity_of(const char *key)
{
    for (size_t i = 0; i < model_attribute_count; i++) {
        if (strcmp(model_attributes[i].key, key) == 0)
            return model_attributes[i].id;
    }
    return strncmp(key, "$opt_", 5) == 0 ? key : NULL;
}

static bool is_last_of_its_key(const optly_pair *pairs, size_t count, size_t i)
{
    for (size_t j = i + 1; j < count; j++) {
        if (strcmp(pairs[j].key, pairs[i].key) == 0)
            return false;
    }
    return true;
}

/* Takes the next member, which has to have that name. */
static const json_node *take(const json_node **next, const char *name)
{
    const json_node *node = *next;

    FUZZ_CHECK(node != NULL && json_text_is(node->key, name, strlen(name)));
    *next = node->next;
    return node;
}

static void check_attribute(const json_node *node, const char *key,
                            const char *entity)
{
    const json_node *next;

    FUZZ_CHECK(node != NULL && node->type == JSON_OBJECT);
    next = node->first;
    (void)take(&next, "value");
    FUZZ_CHECK(is_string(take(&next, "key"), key));
    FUZZ_CHECK(is_string(take(&next, "type"), "custom"));
    FUZZ_CHECK(is_string(take(&next, "entity_id"), entity));
    FUZZ_CHECK(next == NULL);
}

static void check_attributes(const model *m, const model_project *project,
                             const json_node *list)
{
    const json_node *node;

    FUZZ_CHECK(list->type == JSON_ARRAY);
    node = list->first;
    for (size_t i = 0; i < m->user.attribute_count; i++) {
        const optly_pair *pair = &m->attributes[i];
        const char *entity = entity_of(pair->key);

        if (entity == NULL || strcmp(pair->key, "$opt_bot_filtering") == 0 ||
            !is_last_of_its_key(m->attributes, m->user.attribute_count, i) ||
            !suits_attribute(&pair->value))
            continue;
        check_attribute(node, pair->key, entity);
        FUZZ_CHECK(is_value(json_member(node, "value"), &pair->value));
        node = node->next;
    }
    check_attribute(node, "$opt_bot_filtering", "$opt_bot_filtering");
    FUZZ_CHECK(is_bool(json_member(node, "value"), project->bot_filtering));
    FUZZ_CHECK(node->next == NULL);
}

/* The next tag by its key's bytes, the last of several with one key. */
static const optly_pair *next_tag(const model *m, const char *after)
{
    const optly_pair *next = NULL;

    for (size_t i = 0; i < m->conversion.tag_count; i++) {
        const optly_pair *tag = &m->tags[i];

        if ((after == NULL || strcmp(tag->key, after) > 0) &&
            (next == NULL || strcmp(tag->key, next->key) <= 0))
            next = tag;
    }
    return next;
}

static void check_tags(const model *m, const json_node **next)
{
    const json_node *node = NULL;
    bool has_tags = *next != NULL && json_text_is((*next)->key, "tags", 4);

    if (has_tags) {
        const json_node *tags = take(next, "tags");

        FUZZ_CHECK(tags->type == JSON_OBJECT && tags->first != NULL);
        node = tags->first;
    }
    for (const optly_pair *tag = next_tag(m, NULL); tag != NULL;
         tag = next_tag(m, tag->key)) {
        if (!suits_tag(&tag->value))
            continue;
        FUZZ_CHECK(node != NULL && is_key(node, tag->key));
        FUZZ_CHECK(is_value(node, &tag->value));
        node = node->next;
    }
    FUZZ_CHECK(node == NULL);
}

static const optly_value *tag_value(const model *m, const char *key)
{
    const optly_value *found = NULL;

    for (size_t i = 0; i < m->conversion.tag_count; i++) {
        if (strcmp(m->tags[i].key, key) == 0)
            found = &m->tags[i].value;
    }
    return found;
}

static void check_numbers(const model *m, const json_node **next)
{
    const optly_value *revenue = tag_value(m, "revenue");
    const optly_value *value = tag_value(m, "value");

    if (revenue != NULL && revenue->type == OPTLY_INT64)
        FUZZ_CHECK(is_integer(take(next, "revenue"), revenue->as.integer));
    else if (revenue != NULL && revenue->type == OPTLY_DOUBLE &&
             trunc(revenue->as.number) >= -two_to_63 &&
             trunc(revenue->as.number) < two_to_63)
        FUZZ_CHECK(is_integer(take(next, "revenue"),
                              (int64_t)trunc(revenue->as.number)));
    if (value != NULL &&
        (value->type == OPTLY_INT64 ||
         (value->type == OPTLY_DOUBLE && isfinite(value->as.number))))
        FUZZ_CHECK(is_value(take(next, "value"), value));
}

static const char *campaign_of(const model *m)
{
    if (m->impression.experiment == NULL)
        return "";
    if (or_empty(m->experiment.layer_id)[0] != '\0')
        return m->experiment.layer_id;
    return or_empty(m->experiment.id);
}

static void check_metadata(const model *m, const json_node *node)
{
    const optly_impression *impression = &m->impression;
    const json_node *next;

    FUZZ_CHECK(node->type == JSON_OBJECT);
    next = node->first;
    FUZZ_CHECK(
        is_string(take(&next, "flag_key"), or_empty(impression->flag_key)));
    FUZZ_CHECK(
        is_string(take(&next, "rule_key"), or_empty(impression->rule_key)));
    FUZZ_CHECK(
        is_string(take(&next, "rule_type"), or_empty(impression->rule_type)));
    FUZZ_CHECK(is_string(
        take(&next, "variation_key"),
        impression->variation != NULL ? or_empty(m->variation.key) : ""));
    FUZZ_CHECK(is_bool(take(&next, "enabled"), impression->enabled));
    if (impression->cmab_uuid != NULL)
        FUZZ_CHECK(is_string(take(&next, "cmab_uuid"), impression->cmab_uuid));
    FUZZ_CHECK(next == NULL);
}

static void check_decision(const model *m, const json_node *list)
{
    const char *variation =
        m->impression.variation != NULL ? or_empty(m->variation.id) : "";
    const json_node *next, *id;

    FUZZ_CHECK(list->type == JSON_ARRAY && list->first != NULL &&
               list->first->type == JSON_OBJECT && list->first->next == NULL);
    next = list->first->first;
    id = take(&next, "variation_id");
    if (variation[0] != '\0' &&
        strspn(variation, "0123456789") == strlen(variation))
        FUZZ_CHECK(is_string(id, variation));
    else
        FUZZ_CHECK(id->type == JSON_NULL);
    FUZZ_CHECK(is_string(take(&next, "campaign_id"), campaign_of(m)));
    FUZZ_CHECK(is_string(
        take(&next, "experiment_id"),
        m->impression.experiment != NULL ? or_empty(m->experiment.id) : ""));
    check_metadata(m, take(&next, "metadata"));
    FUZZ_CHECK(next == NULL);
}

static const optly_event_definition *event_of(const model *m)
{
    size_t i = 0;

    while (strcmp(model_events[i].key, m->conversion.event_key) != 0)
        i++;
    return &model_events[i];
}

static void check_event(const model *m, const char *uuid, const json_node *list)
{
    int64_t timestamp_ms = m->is_impression ? m->impression.timestamp_ms
                                            : m->conversion.timestamp_ms;
    const json_node *next;

    FUZZ_CHECK(list->type == JSON_ARRAY && list->first != NULL &&
               list->first->type == JSON_OBJECT && list->first->next == NULL);
    next = list->first->first;
    FUZZ_CHECK(is_string(take(&next, "entity_id"),
                         m->is_impression ? campaign_of(m) : event_of(m)->id));
    FUZZ_CHECK(is_string(take(&next, "key"), m->is_impression
                                                 ? "campaign_activated"
                                                 : event_of(m)->key));
    FUZZ_CHECK(is_integer(take(&next, "timestamp"),
                          timestamp_ms != 0 ? timestamp_ms : MODEL_WALL_MS));
    FUZZ_CHECK(is_string(take(&next, "uuid"), uuid));
    if (!m->is_impression) {
        check_tags(m, &next);
        check_numbers(m, &next);
    }
    FUZZ_CHECK(next == NULL);
}

bool model_is_skipped(const model *m, const model_project *project)
{
    const optly_impression *impression = &m->impression;

    if (!m->is_impression || project->send_flag_decisions)
        return false;
    return impression->variation == NULL ||
           strcmp(or_empty(impression->rule_type), "rollout") == 0;
}

void model_check(const model *m, const model_project *project, const char *uuid,
                 const json_node *json)
{
    const json_node *next, *snapshots;

    FUZZ_CHECK(json->type == JSON_OBJECT);
    next = json->first;
    check_attributes(m, project, take(&next, "attributes"));
    snapshots = take(&next, "snapshots");
    FUZZ_CHECK(is_string(take(&next, "visitor_id"), m->user.id));
    FUZZ_CHECK(next == NULL);

    FUZZ_CHECK(snapshots->type == JSON_ARRAY && snapshots->first != NULL &&
               snapshots->first->next == NULL &&
               snapshots->first->type == JSON_OBJECT);
    next = snapshots->first->first;
    if (m->is_impression)
        check_decision(m, take(&next, "decisions"));
    check_event(m, uuid, take(&next, "events"));
    FUZZ_CHECK(next == NULL);
}
