/* UTF-8, as far as JSON needs it. */
#ifndef OPTLY__UTF8_H
#define OPTLY__UTF8_H

#include <stddef.h>

/* U+FFFD, which stands for each byte that is not part of valid UTF-8. */
#define OPTLY__UTF8_REPLACEMENT "\xEF\xBF\xBD"

/*
 * The length of the valid sequence of two to four bytes that `text` (`len`
 * bytes, not ASCII at its beginning) starts with; 0 if it is not valid: cut
 * short, overlong, a surrogate, or beyond U+10FFFF.
 */
static inline size_t optly__utf8_length(const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char first = bytes[0], low = 0x80, high = 0xBF;
    size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

    if (first < 0xC2 || first > 0xF4 || len < size)
        return 0;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    }
    return size;
}

#endif
