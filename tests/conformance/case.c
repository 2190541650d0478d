#include "conformance/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void case_broken(const char *what, const cJSON *at)
{
    char *text = at != NULL ? cJSON_PrintUnformatted(at) : NULL;

    (void)fprintf(stderr, "runner: %s: %.200s\n", what,
                  text != NULL ? text : "");
    exit(2);
}

const cJSON *case_field(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *case_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(case_field(object, name));
}

long case_number(const cJSON *object, const char *name, long otherwise)
{
    const cJSON *field = case_field(object, name);

    return cJSON_IsNumber(field) ? (long)field->valuedouble : otherwise;
}

/* Doubles travel as the 16 hexadecimal digits of their bits. */
static double read_double(const char *digits)
{
    uint64_t bits = strtoull(digits, NULL, 16);
    double number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

static optly_pair read_pair(const cJSON *item)
{
    const char *key = cJSON_GetStringValue(cJSON_GetArrayItem(item, 0));
    const char *type = cJSON_GetStringValue(cJSON_GetArrayItem(item, 1));
    const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(item, 2));

    if (key == NULL || type == NULL || text == NULL)
        case_broken("not a pair", item);
    switch (type[0]) {
    case 'n':
        return optly_null(key);
    case 'b':
        return optly_bool(key, strcmp(text, "true") == 0);
    case 'i':
        return optly_int(key, strtoll(text, NULL, 10));
    case 'd':
        return optly_double(key, read_double(text));
    case 's':
        return optly_string(key, text);
    case 'j':
        return optly_json(key, text);
    default:
        case_broken("unknown type", item);
    }
}

optly_pair *case_pairs(const cJSON *list, size_t *count)
{
    optly_pair *pairs;
    const cJSON *item;
    size_t i = 0;

    *count = (size_t)cJSON_GetArraySize(list);
    if (*count == 0)
        return NULL;
    pairs = calloc(*count, sizeof(*pairs));
    if (pairs == NULL)
        case_broken("no memory", NULL);
    cJSON_ArrayForEach(item, list) pairs[i++] = read_pair(item);
    return pairs;
}

static int64_t read_time(const cJSON *event)
{
    const char *text = case_text(event, "time");

    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

/* False if the project does not have what the case names. */
static bool find_decision(optly_impression *impression,
                          const optly_project *project, const cJSON *from)
{
    const char *experiment = case_text(from, "experiment");
    const char *variation = case_text(from, "variation");

    if (experiment != NULL)
        impression->experiment = optly_project_experiment(project, experiment);
    if (variation != NULL)
        impression->variation =
            optly_project_variation(project, experiment, variation);
    return (experiment == NULL || impression->experiment != NULL) &&
           (variation == NULL || impression->variation != NULL);
}

static optly_status build_impression(optly_user_event **out,
                                     const optly_project *project,
                                     const optly_user *user, const cJSON *event)
{
    const cJSON *from = case_field(event, "impression");
    optly_impression impression = optly_impression_default();

    if (!find_decision(&impression, project, from))
        return OPTLY_ERR_NOT_FOUND;
    impression.flag_key = case_text(from, "flag_key");
    impression.rule_key = case_text(from, "rule_key");
    impression.rule_type = case_text(from, "rule_type");
    impression.cmab_uuid = case_text(from, "cmab_uuid");
    impression.enabled = cJSON_IsTrue(case_field(from, "enabled"));
    impression.uuid = case_text(event, "uuid");
    impression.timestamp_ms = read_time(event);
    return optly_create_impression(out, project, user, &impression, NULL);
}

static optly_status build_conversion(optly_user_event **out,
                                     const optly_project *project,
                                     const optly_user *user, const cJSON *event)
{
    const cJSON *from = case_field(event, "conversion");
    optly_conversion conversion = optly_conversion_default();
    optly_pair *tags =
        case_pairs(case_field(from, "tags"), &conversion.tag_count);
    optly_status status;

    conversion.event_key = case_text(from, "key");
    conversion.tags = tags;
    conversion.uuid = case_text(event, "uuid");
    conversion.timestamp_ms = read_time(event);
    status = optly_create_conversion(out, project, user, &conversion, NULL);
    free(tags);
    return status;
}

optly_status case_build(optly_user_event **out, const optly_project *project,
                        const cJSON *event)
{
    optly_user user = {case_text(event, "user"), NULL, 0};
    optly_pair *attributes =
        case_pairs(case_field(event, "attributes"), &user.attribute_count);
    optly_status status;

    user.attributes = attributes;
    status = case_field(event, "impression") != NULL
                 ? build_impression(out, project, &user, event)
                 : build_conversion(out, project, &user, event);
    free(attributes);
    return status;
}
