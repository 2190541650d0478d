/* POST /api/fault: reads a fault from JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "http.h"

/* False when it is there and not an integer from 0 to `max`. */
static bool read_number(const cJSON *json, const char *name, uint32_t max,
                        uint32_t *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

    *out = 0;
    if (item == NULL)
        return true;
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 ||
        item->valuedouble > max ||
        item->valuedouble != floor(item->valuedouble))
        return false;
    *out = (uint32_t)item->valuedouble;
    return true;
}

static bool read_reset(const cJSON *json, bool *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "reset");

    *out = cJSON_IsTrue(item);
    return item == NULL || cJSON_IsBool(item);
}

static bool read_when(const cJSON *json, bool *after)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "when");
    const char *when = cJSON_GetStringValue(item);

    *after = when != NULL && strcmp(when, "after") == 0;
    return item == NULL || *after ||
           (when != NULL && strcmp(when, "before") == 0);
}

static bool read_retry_after(const cJSON *json, char *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "retry_after");
    const char *text = cJSON_GetStringValue(item);

    if (item == NULL)
        return true;
    return text != NULL && snprintf(out, COLLECTOR_RETRY_AFTER_SIZE, "%s",
                                    text) < COLLECTOR_RETRY_AFTER_SIZE;
}

static const char *unknown_field(const cJSON *json)
{
    static const char known[] =
        " status retry_after delay_ms reset count when ";
    const cJSON *item;
    char word[32];

    cJSON_ArrayForEach(item, json)
    {
        snprintf(word, sizeof(word), " %.28s ", item->string);
        if (strstr(known, word) == NULL)
            return item->string;
    }
    return NULL;
}

/* Returns what is wrong, or NULL. */
static const char *read_fault(const cJSON *json, collector_fault *fault)
{
    uint32_t status;

    if (!cJSON_IsObject(json))
        return "the body is not a JSON object";
    if (unknown_field(json) != NULL)
        return "there is an unknown field";
    if (!read_number(json, "status", 599, &status) ||
        (status != 0 && status < 200))
        return "status is not from 200 to 599";
    if (!read_number(json, "delay_ms", COLLECTOR_MAX_DELAY_MS,
                     &fault->delay_ms))
        return "delay_ms is not from 0 to 600000";
    if (!read_number(json, "count", UINT32_MAX, &fault->count))
        return "count is not from 0 to 4294967295";
    if (!read_retry_after(json, fault->retry_after))
        return "retry_after is not a string of 63 bytes at most";
    if (!read_reset(json, &fault->reset))
        return "reset is not true or false";
    if (!read_when(json, &fault->after))
        return "when is not \"before\" or \"after\"";
    fault->status = (uint16_t)status;
    return NULL;
}

enum MHD_Result collector_api_fault(collector *c, collector_request *request)
{
    collector_fault fault;
    cJSON *json =
        cJSON_Parse(request->body.data != NULL ? request->body.data : "");
    const char *wrong;

    memset(&fault, 0, sizeof(fault));
    wrong = read_fault(json, &fault);
    cJSON_Delete(json);
    if (wrong == NULL && !collector_add_fault(c, &fault))
        wrong = "too many faults wait, or retry_after has a line break";
    if (wrong != NULL)
        return collector_answer_error(request, MHD_HTTP_BAD_REQUEST, wrong);
    return collector_answer_json(request, MHD_HTTP_OK, cJSON_CreateObject());
}
