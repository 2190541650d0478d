#include "json/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 17 digits tell any two doubles apart; 15 survive any double. */
enum { MOST_DIGITS = 17, SAFE_DIGITS = 15 };

static const double two_to_63 = 9223372036854775808.0;

/* A decimal number: d.ddd times ten to the exponent. */
struct decimal {
    char digits[MOST_DIGITS + 1]; /* NUL-terminated, no zeros at the end */
    int count;
    int exponent;
};

static size_t count_digits(uint64_t value)
{
    size_t count = 1;

    for (; value >= 10000; value /= 10000)
        count += 4;
    return count + (value >= 10) + (value >= 100) + (value >= 1000);
}

static size_t unsigned_text(char *text, uint64_t value)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    size_t len = count_digits(value);
    char *at = text + len;

    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(at, pairs + 2 * (value % 100), 2);
    }
    if (value >= 10)
        memcpy(text, pairs + 2 * value, 2);
    else
        text[0] = (char)('0' + value);
    return len;
}

size_t optly__int_text(char *text, int64_t value)
{
    if (value >= 0)
        return unsigned_text(text, (uint64_t)value);
    text[0] = '-';
    return 1 + unsigned_text(text + 1, UINT64_C(0) - (uint64_t)value);
}

/*
 * Writes `value`, positive and not integral, if it has few decimals; returns 0
 * if not. Both scaled and its power of ten are exact as doubles, so their
 * quotient is what a reader makes of the text; and no two decimals of 15
 * digits read as the same double, so the first that fits is the shortest.
 */
static size_t short_text(char *text, double value)
{
    static const double powers[] = {1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    static const double most = 1e15;

    for (size_t i = 0; i < sizeof(powers) / sizeof(*powers); i++) {
        int64_t scaled, power = (int64_t)powers[i];
        size_t whole;

        if (value * powers[i] >= most)
            return 0;
        scaled = (int64_t)(value * powers[i] + 0.5);
        if ((double)scaled / powers[i] != value)
            continue;
        whole = unsigned_text(text, (uint64_t)(scaled / power));
        /* The leading 1 keeps the zeros; the point takes its place. */
        whole +=
            unsigned_text(text + whole, (uint64_t)(power + scaled % power));
        text[whole - i - 2] = '.';
        return whole;
    }
    return 0;
}

/* Rounds to `count` digits. Only digits are taken: the point is the locale's.
 */
static void round_to(struct decimal *decimal, double value, int count)
{
    char text[64];
    const char *at = text;

    (void)snprintf(text, sizeof(text), "%.*e", count - 1, value);
    decimal->count = 0;
    for (; *at != 'e' && *at != '\0'; at++) {
        if (*at >= '0' && *at <= '9' && decimal->count < MOST_DIGITS)
            decimal->digits[decimal->count++] = *at;
    }
    decimal->digits[decimal->count] = '\0';
    decimal->exponent = *at == 'e' ? (int)strtol(at + 1, NULL, 10) : 0;
}

/* Reads back as digits and exponent, without a point, in any locale. */
static bool reads_as(const struct decimal *decimal, double value)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%se%d", decimal->digits,
                   decimal->exponent - (decimal->count - 1));
    return strtod(text, NULL) == value;
}

/* Adds one to the last digit; false if that carries through to the front. */
static bool step_up(struct decimal *decimal)
{
    int i = decimal->count - 1;

    while (i > 0 && decimal->digits[i] == '9')
        decimal->digits[i--] = '0';
    if (decimal->digits[i] == '9')
        return false;
    decimal->digits[i]++;
    return true;
}

/*
 * The doubles below a power of two lie closer than those above it. There the
 * nearest decimal of 16 digits may be too low, and the next one still reads
 * back; hence the second try.
 */
static void find_shortest(struct decimal *decimal, double value)
{
    int count = value < 2.2250738585072014e-308 ? 1 : SAFE_DIGITS;

    for (; count < MOST_DIGITS; count++) {
        round_to(decimal, value, count);
        if (reads_as(decimal, value) ||
            (count > SAFE_DIGITS && step_up(decimal) &&
             reads_as(decimal, value)))
            break;
    }
    if (count == MOST_DIGITS)
        round_to(decimal, value, MOST_DIGITS);
    while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0')
        decimal->count--;
}

static char *copy(char *at, const char *digits, int count)
{
    memcpy(at, digits, (size_t)count);
    return at + count;
}

/* 0.00012, 12.5 or 1.25e-7. */
static size_t decimal_text(char *text, const struct decimal *decimal)
{
    const char *digits = decimal->digits;
    int count = decimal->count, exponent = decimal->exponent;
    char *at = text;

    if (exponent < 0 && exponent >= -6) {
        at = copy(at, "0.00000", 1 - exponent);
        at = copy(at, digits, count);
    } else if (exponent >= 0 && exponent < count - 1) {
        at = copy(at, digits, exponent + 1);
        *at++ = '.';
        at = copy(at, digits + exponent + 1, count - exponent - 1);
    } else {
        *at++ = digits[0];
        if (count > 1) {
            *at++ = '.';
            at = copy(at, digits + 1, count - 1);
        }
        *at++ = 'e';
        at += optly__int_text(at, exponent);
    }
    return (size_t)(at - text);
}

size_t optly__double_text(char *text, double value)
{
    struct decimal decimal;
    size_t sign = signbit(value) ? 1 : 0;
    size_t len;

    text[0] = '-';
    text += sign;
    value = fabs(value);
    if (value < two_to_63 && (double)(int64_t)value == value)
        return sign + unsigned_text(text, (uint64_t)value);
    len = short_text(text, value);
    if (len != 0)
        return sign + len;
    find_shortest(&decimal, value);
    return sign + decimal_text(text, &decimal);
}
