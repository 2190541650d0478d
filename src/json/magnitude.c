#include "json/magnitude.h"

#include <string.h>

/*
 * The first digits of 2^1024 - 2^970, from which on numbers round to infinity.
 * A number that agrees with all of them counts as too large.
 */
static const char overflow_digits[OPTLY__MAGNITUDE_DIGITS + 1] =
    "1797693134862315807937289714053034150799";

enum { OVERFLOW_EXPONENT = 308 };

void optly__magnitude_add(optly__magnitude *magnitude, char digit,
                          bool is_whole)
{
    if (digit == '0' && magnitude->count == 0) {
        magnitude->point -= is_whole ? 0 : 1;
        return;
    }
    magnitude->point += is_whole ? 1 : 0;
    if (magnitude->count < OPTLY__MAGNITUDE_DIGITS)
        magnitude->digits[magnitude->count++] = digit;
}

bool optly__magnitude_fits_double(const optly__magnitude *magnitude)
{
    int64_t exponent = magnitude->point - 1;
    int order;

    if (magnitude->count == 0 || exponent < OVERFLOW_EXPONENT)
        return true;
    if (exponent > OVERFLOW_EXPONENT)
        return false;
    order =
        memcmp(magnitude->digits, overflow_digits, (size_t)magnitude->count);
    return order < 0 ||
           (order == 0 && magnitude->count < OPTLY__MAGNITUDE_DIGITS);
}
