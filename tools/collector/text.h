/*
 * JSON as text: strict where cJSON is lenient, and pointing into the body, so
 * that bytes can be compared and numbers seen as they were written.
 */
#ifndef COLLECTOR_TEXT_H
#define COLLECTOR_TEXT_H

#include <stdbool.h>

/*
 * Returns where the value that begins at `text` ends. NULL when it is not
 * JSON, not UTF-8, or nested deeper than 100. `text` is NUL-terminated.
 */
const char *collector_text_end(const char *text);

/* Skips white space. */
const char *collector_text_skip(const char *text);

/* The two below want text that collector_text_end has approved. */

/* Returns the value of a member spelled `key`; NULL: no such member. */
const char *collector_text_member(const char *object, const char *key);

/* Returns the first value of an array; NULL: it is empty. */
const char *collector_text_first(const char *array);

/* Returns the array's value behind the one at `value`; NULL: it was the last.
 */
const char *collector_text_next(const char *value);

/* Whether the value is a number without fraction and exponent. */
bool collector_text_is_integer(const char *value);

#endif
