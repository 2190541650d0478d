/**
 * @file
 * Typed values: what attributes and tags carry.
 */
#ifndef OPTLY_VALUE_H
#define OPTLY_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optly/export.h>

OPTLY_BEGIN_DECLS

/** What a value is. */
typedef enum optly_value_type {
    OPTLY_NULL,   /**< null */
    OPTLY_BOOL,   /**< true or false */
    OPTLY_INT64,  /**< an integer */
    OPTLY_DOUBLE, /**< a finite number */
    OPTLY_STRING, /**< text */
    OPTLY_JSON    /**< an object or array of JSON; tags only */
} optly_value_type;

/** One value. Text is UTF-8, NUL-terminated, borrowed from the caller. */
typedef struct optly_value {
    optly_value_type type; /**< says which member of `as` counts */
    union {
        bool boolean;     /**< OPTLY_BOOL */
        int64_t integer;  /**< OPTLY_INT64 */
        double number;    /**< OPTLY_DOUBLE */
        const char *text; /**< OPTLY_STRING and OPTLY_JSON */
    } as;                 /**< the value */
} optly_value;

/** A key with its value: an attribute of a user or a tag of a conversion. */
typedef struct optly_pair {
    const char *key;   /**< borrowed */
    optly_value value; /**< what it has */
} optly_pair;

/* Each of these makes a pair that points to the caller's strings. */

/** Makes a pair of `key` and null. */
static inline optly_pair optly_null(const char *key)
{
    optly_pair pair;

    pair.key = key;
    pair.value.type = OPTLY_NULL;
    pair.value.as.integer = 0;
    return pair;
}

/** Makes a pair of `key` and a boolean. */
static inline optly_pair optly_bool(const char *key, bool value)
{
    optly_pair pair = optly_null(key);

    pair.value.type = OPTLY_BOOL;
    pair.value.as.boolean = value;
    return pair;
}

/** Makes a pair of `key` and an integer. */
static inline optly_pair optly_int(const char *key, int64_t value)
{
    optly_pair pair = optly_null(key);

    pair.value.type = OPTLY_INT64;
    pair.value.as.integer = value;
    return pair;
}

/** Makes a pair of `key` and a number. */
static inline optly_pair optly_double(const char *key, double value)
{
    optly_pair pair = optly_null(key);

    pair.value.type = OPTLY_DOUBLE;
    pair.value.as.number = value;
    return pair;
}

/** Makes a pair of `key` and text in UTF-8. */
static inline optly_pair optly_string(const char *key, const char *value)
{
    optly_pair pair = optly_null(key);

    pair.value.type = OPTLY_STRING;
    pair.value.as.text = value;
    return pair;
}

/**
 * Makes a pair of `key` and `json_text`: one JSON object or array, nested 32
 * deep at most; tags only.
 */
static inline optly_pair optly_json(const char *key, const char *json_text)
{
    optly_pair pair = optly_null(key);

    pair.value.type = OPTLY_JSON;
    pair.value.as.text = json_text;
    return pair;
}

OPTLY_END_DECLS

#endif
