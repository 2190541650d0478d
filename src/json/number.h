/* Numbers as JSON text, whatever the host's locale is. */
#ifndef OPTLY__NUMBER_H
#define OPTLY__NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any number: "-1.2345678901234567e-308" and some more. */
enum { OPTLY__NUMBER_SIZE = 32 };

/* Both write no NUL and return the length. */
size_t optly__int_text(char *text, int64_t value);

/*
 * The shortest digits that read back as the same double; integral ones below
 * 2^63 exactly and without an exponent; "-0" for the negative zero. `value`
 * is finite.
 */
size_t optly__double_text(char *text, double value);

#endif
