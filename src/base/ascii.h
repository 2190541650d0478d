/*
 * Letters of ASCII, whatever the host's locale is: in a Turkish one the
 * standard functions do not take "i" and "I" for the same.
 */
#ifndef OPTLY__ASCII_H
#define OPTLY__ASCII_H

#include <stdbool.h>
#include <stddef.h>

static inline char optly__ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether `text` begins with the `len` bytes of `prefix`, which hold no NUL,
 * upper and lower case being the same. */
static inline bool optly__ascii_begins(const char *text, const char *prefix,
                                       size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (optly__ascii_lower(text[i]) != optly__ascii_lower(prefix[i]))
            return false;
    }
    return true;
}

#endif
