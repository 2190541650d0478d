/* Which values may go where, and how they are written. */
#ifndef OPTLY__VALUE_H
#define OPTLY__VALUE_H

#include <string.h>

#include <optly/value.h>

#include "event/limits.h"
#include "json/writer.h"

/* Reads a caller's bool, which a binding may have set to any bits. */
bool optly__read_bool(const bool *flag);

/*
 * Measures the text of a string or of JSON; 0 if there is none. False if a
 * string is longer than OPTLY__MOST_TEXT_LEN.
 */
static inline bool optly__value_measure(const optly_value *value,
                                        size_t *text_len)
{
    *text_len = 0;
    if ((value->type != OPTLY_STRING && value->type != OPTLY_JSON) ||
        value->as.text == NULL)
        return true;
    if (value->type == OPTLY_JSON) {
        *text_len = strlen(value->as.text);
        return true;
    }
    *text_len = strnlen(value->as.text, OPTLY__MOST_TEXT_LEN + 1);
    return *text_len <= OPTLY__MOST_TEXT_LEN;
}

/* A bool, a string, or a finite number of at most 2^53 in size. */
bool optly__value_suits_attribute(const optly_value *value);

/*
 * Writes any value. False, and nothing written, if JSON cannot carry it: not
 * finite, broken JSON, text that is NULL, an unknown type.
 */
bool optly__write_value(optly__writer *writer, const optly_value *value,
                        size_t text_len);

/* An integer, or a finite double cut to one; false if `value` is neither. */
bool optly__value_as_revenue(const optly_value *value, int64_t *revenue);

/* Whether it is an integer or a finite double. */
bool optly__value_is_number(const optly_value *value);

#endif
