/* How large a decimal number is, read digit by digit. */
#ifndef OPTLY__MAGNITUDE_H
#define OPTLY__MAGNITUDE_H

#include <stdbool.h>
#include <stdint.h>

enum { OPTLY__MAGNITUDE_DIGITS = 40 };

/* 0.ddd times ten to the point, without regard to the sign. Zeroed is 0. */
typedef struct optly__magnitude {
    char digits[OPTLY__MAGNITUDE_DIGITS]; /* from the first that is not 0 */
    int count;
    int64_t point; /* a reader adds the exponent to it */
} optly__magnitude;

/* Adds a digit before (`is_whole`) or after the decimal point. */
void optly__magnitude_add(optly__magnitude *magnitude, char digit,
                          bool is_whole);

/* Whether the number does not round to infinity. */
bool optly__magnitude_fits_double(const optly__magnitude *magnitude);

#endif
