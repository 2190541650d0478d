#include "event/value.h"

#include <math.h>
#include <string.h>

#include "json/scan.h"

static const double two_to_53 = 9007199254740992.0;
static const double two_to_63 = 9223372036854775808.0;

bool optly__read_bool(const bool *flag)
{
    unsigned char byte;

    memcpy(&byte, flag, sizeof(byte));
    return byte != 0;
}

bool optly__value_suits_attribute(const optly_value *value)
{
    switch (value->type) {
    case OPTLY_BOOL:
        return true;
    case OPTLY_INT64:
        return fabs((double)value->as.integer) <= two_to_53;
    case OPTLY_DOUBLE:
        return fabs(value->as.number) <= two_to_53; /* false for NaN */
    case OPTLY_STRING:
        return value->as.text != NULL;
    case OPTLY_NULL:
    case OPTLY_JSON:
        break;
    }
    return false;
}

static bool write_json(optly__writer *writer, const char *text, size_t len)
{
    static const optly__scan_rules rules = {
        .most_depth = OPTLY__MOST_JSON_DEPTH, .suits_cjson = false};
    size_t before = optly__writer_len(writer);

    if (text != NULL && optly__scan_json(text, len, &rules, writer, NULL))
        return true;
    optly__writer_truncate(writer, before);
    return false;
}

bool optly__write_value(optly__writer *writer, const optly_value *value,
                        size_t text_len)
{
    switch (value->type) {
    case OPTLY_NULL:
        optly__write_literal(writer, "null");
        return true;
    case OPTLY_BOOL:
        optly__write_bool(writer, optly__read_bool(&value->as.boolean));
        return true;
    case OPTLY_INT64:
        optly__write_int(writer, value->as.integer);
        return true;
    case OPTLY_DOUBLE:
        if (!isfinite(value->as.number))
            return false;
        optly__write_double(writer, value->as.number);
        return true;
    case OPTLY_STRING:
        if (value->as.text == NULL)
            return false;
        optly__write_string(writer, value->as.text, text_len);
        return true;
    case OPTLY_JSON:
        return write_json(writer, value->as.text, text_len);
    }
    return false;
}

bool optly__value_as_revenue(const optly_value *value, int64_t *revenue)
{
    if (value->type == OPTLY_INT64) {
        *revenue = value->as.integer;
        return true;
    }
    if (value->type != OPTLY_DOUBLE || !(value->as.number >= -two_to_63) ||
        !(value->as.number < two_to_63))
        return false;
    *revenue = (int64_t)value->as.number;
    return true;
}

bool optly__value_is_number(const optly_value *value)
{
    return value->type == OPTLY_INT64 ||
           (value->type == OPTLY_DOUBLE && isfinite(value->as.number));
}
