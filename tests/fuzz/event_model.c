#include "event_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/limits.h"

const optly_attribute_definition model_attributes[] = {
    {"1001", "device"},      {"1002", "plan"},      {"1003", "$opt_known"},
    {"1004", "caf\xC3\xA9"}, {"10\"05", "quo\"te"}, {"1006", "12345678"},
    {"1007", "123456789"}};
const size_t model_attribute_count =
    sizeof(model_attributes) / sizeof(*model_attributes);
const optly_event_definition model_events[] = {{"2001", "purchase"},
                                               {"2002", "sign\\up"},
                                               {"20\xFF"
                                                "03",
                                                "odd\x01"}};
const size_t model_event_count = sizeof(model_events) / sizeof(*model_events);

static char *keep(model *m, char *text, size_t len)
{
    FUZZ_CHECK(m->text_count < MODEL_TEXTS);
    m->texts[m->text_count++] = text;
    m->text_bytes += len;
    return text;
}

/* A string, or now and then NULL. */
static const char *draw_text(model *m, fuzz_input *input)
{
    size_t len;
    char *text;

    if (input->at < input->end && *input->at == 239) {
        input->at++;
        return NULL;
    }
    text = fuzz_text(input, &len);
    return keep(m, text, len);
}

/* A string that is an id or a key. */
static const char *draw_key(model *m, fuzz_input *input)
{
    const char *text = draw_text(m, input);

    if (text != NULL && strlen(text) > OPTLY__MOST_KEY_LEN)
        m->is_too_large = true;
    return text;
}

/* Keys that mean something are drawn more often than others. */
static const char *draw_pair_key(model *m, fuzz_input *input)
{
    static const char *const known[] = {"device",
                                        "plan",
                                        "$opt_known",
                                        "caf\xC3\xA9",
                                        "quo\"te",
                                        "12345678",
                                        "$opt_bot_filtering",
                                        "$opt_user_agent",
                                        "revenue",
                                        "value",
                                        "123456789",
                                        "$opt_",
                                        "1234567",
                                        "\x80\xFF",
                                        "unknown",
                                        ""};
    uint8_t choice = fuzz_byte(input);
    const char *key;

    if (choice < 128) {
        const char *from = known[choice % 16];
        size_t len = strlen(from);
        char *copy = malloc(len + 1); /* to notice a byte beyond it */

        FUZZ_CHECK(copy != NULL);
        memcpy(copy, from, len + 1);
        return keep(m, copy, len);
    }
    key = draw_key(m, input);
    m->is_invalid = m->is_invalid || key == NULL;
    return key;
}

static double draw_double(fuzz_input *input)
{
    static const double special[] = {0.0,
                                     -0.0,
                                     0.1,
                                     1e21,
                                     5e-324,
                                     1.7976931348623157e308,
                                     9007199254740992.0,
                                     9007199254740994.0,
                                     9223372036854775807.0,
                                     -9223372036854775808.0,
                                     1e-7,
                                     123456.789,
                                     2.2250738585072014e-308,
                                     9007199254740993.0};
    uint8_t choice = fuzz_byte(input);
    uint64_t bits;
    double value;

    if (choice < 14)
        return special[choice];
    if (choice < 64)
        return (double)(int64_t)(int32_t)fuzz_number(input, 4) / 100.0;
    if (choice == 64)
        return NAN;
    if (choice < 67)
        return choice == 65 ? INFINITY : -INFINITY;
    bits = fuzz_number(input, 8);
    memcpy(&value, &bits, sizeof(value));
    return value;
}

bool model_read_tag(json_document *document, const char *text)
{
    static const json_rules rules = {.most_depth = OPTLY__MOST_JSON_DEPTH,
                                     .bad_bytes = JSON_REPLACE,
                                     .lone_surrogates = JSON_REPLACE};

    return text != NULL && json_read(document, text, strlen(text), &rules) &&
           (document->root->type == JSON_OBJECT ||
            document->root->type == JSON_ARRAY) &&
           json_numbers_fit(document->root, SIZE_MAX);
}

static void draw_value(model *m, fuzz_input *input, optly_value *value)
{
    static json_document document;
    uint8_t type = fuzz_byte(input), byte;

    memset(value, 0, sizeof(*value));
    value->type = (optly_value_type)(type < 240 ? type % 6 : type);
    switch (value->type) {
    case OPTLY_BOOL:
        byte = fuzz_byte(input); /* any bits, as a binding might have them */
        memcpy(&value->as.boolean, &byte, 1);
        break;
    case OPTLY_INT64:
        value->as.integer = (int64_t)fuzz_number(input, 8);
        break;
    case OPTLY_DOUBLE:
        value->as.number = draw_double(input);
        break;
    case OPTLY_STRING:
    case OPTLY_JSON:
        value->as.text = draw_text(m, input);
        if (value->type == OPTLY_STRING && value->as.text != NULL &&
            strlen(value->as.text) > OPTLY__MOST_TEXT_LEN)
            m->is_too_large = true;
        if (value->type == OPTLY_JSON &&
            model_read_tag(&document, value->as.text) &&
            json_is_near_overflow(document.root))
            m->is_open = true;
        break;
    case OPTLY_NULL:
        break;
    }
}

/* 255: more than is allowed; 254: a count without pairs. */
static size_t draw_pairs(model *m, fuzz_input *input, optly_pair *pairs,
                         const optly_pair **list)
{
    uint8_t choice = fuzz_byte(input);
    size_t count = choice % MODEL_PAIRS;

    *list = pairs;
    if (choice == 255) {
        m->is_too_large = true;
        return OPTLY__MOST_PAIRS + 1;
    }
    if (choice == 254) {
        *list = NULL;
        m->is_invalid = true;
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        pairs[i].key = draw_pair_key(m, input);
        draw_value(m, input, &pairs[i].value);
    }
    return count;
}

static bool is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (strlen(text) != strlen(form))
        return false;
    for (size_t i = 0; form[i] != '\0'; i++) {
        if (form[i] == '-' ? text[i] != '-'
                           : strchr("0123456789abcdefABCDEF", text[i]) == NULL)
            return false;
    }
    return true;
}

static void draw_identity(model *m, fuzz_input *input, const char **uuid,
                          int64_t *timestamp_ms)
{
    static const int64_t times[] = {
        0,  1,         253402300799999, 253402300800000,
        -1, INT64_MIN, INT64_MAX,       1700000000123};
    uint8_t choice = fuzz_byte(input);

    *timestamp_ms = times[choice % 8];
    if (*timestamp_ms < 0 || *timestamp_ms > OPTLY__MOST_TIMESTAMP_MS)
        m->is_invalid = true;
    *uuid = NULL;
    if (choice < 64)
        return;
    if (choice < 160)
        *uuid = "01234567-89ab-CDEF-0123-456789abcdef";
    else
        *uuid = draw_text(m, input);
    if (*uuid != NULL && !is_uuid(*uuid))
        m->is_invalid = true;
}

static void draw_impression(model *m, fuzz_input *input)
{
    uint8_t flags = fuzz_byte(input);
    optly_impression *impression = &m->impression;

    *impression = optly_impression_default();
    if ((flags & 1) != 0) {
        m->experiment.id = draw_key(m, input);
        m->experiment.layer_id = draw_key(m, input);
        impression->experiment = &m->experiment;
    }
    if ((flags & 2) != 0) {
        m->variation.id = (flags & 4) != 0 ? "0123456789" : draw_key(m, input);
        m->variation.key = draw_key(m, input);
        impression->variation = &m->variation;
    }
    impression->flag_key = draw_key(m, input);
    impression->rule_key = draw_key(m, input);
    impression->rule_type = (flags & 8) != 0 ? "rollout" : draw_key(m, input);
    impression->cmab_uuid = (flags & 16) != 0 ? draw_key(m, input) : NULL;
    impression->enabled = (flags & 32) != 0;
    draw_identity(m, input, &impression->uuid, &impression->timestamp_ms);
}

static void draw_conversion(model *m, fuzz_input *input)
{
    uint8_t choice = fuzz_byte(input);
    optly_conversion *conversion = &m->conversion;

    *conversion = optly_conversion_default();
    if (choice < 240) {
        conversion->event_key = model_events[choice % model_event_count].key;
    } else {
        conversion->event_key = draw_text(m, input);
        if (conversion->event_key == NULL || conversion->event_key[0] == '\0')
            m->is_invalid = true;
        else
            m->is_unknown = true;
    }
    for (size_t i = 0; m->is_unknown && i < model_event_count; i++) {
        if (strcmp(conversion->event_key, model_events[i].key) == 0)
            m->is_unknown = false;
    }
    conversion->tag_count = draw_pairs(m, input, m->tags, &conversion->tags);
    draw_identity(m, input, &conversion->uuid, &conversion->timestamp_ms);
}

void model_draw(model *m, fuzz_input *input)
{
    memset(m, 0, sizeof(*m));
    m->is_impression = (fuzz_byte(input) & 1) != 0;
    m->user.id = draw_key(m, input);
    m->is_invalid = m->user.id == NULL;
    m->user.attribute_count =
        draw_pairs(m, input, m->attributes, &m->user.attributes);
    if (m->is_impression)
        draw_impression(m, input);
    else
        draw_conversion(m, input);
}

void model_cleanup(model *m)
{
    for (size_t i = 0; i < m->text_count; i++)
        free(m->texts[i]);
}
