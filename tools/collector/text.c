#include "text.h"

#include <stddef.h>
#include <string.h>

enum { MAX_DEPTH = 100 };

static const char *value_end(const char *p, int depth);

const char *collector_text_skip(const char *text)
{
    return text + strspn(text, " \t\r\n");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *digits_end(const char *p)
{
    if (!is_digit(*p))
        return NULL;
    while (is_digit(*p))
        p++;
    return p;
}

static const char *number_end(const char *p)
{
    if (*p == '-')
        p++;
    p = *p == '0' ? p + 1 : digits_end(p);
    if (p != NULL && *p == '.')
        p = digits_end(p + 1);
    if (p != NULL && (*p == 'e' || *p == 'E')) {
        p++;
        p = digits_end(*p == '+' || *p == '-' ? p + 1 : p);
    }
    return p;
}

/* `p` is behind the backslash. */
static const char *escape_end(const char *p)
{
    if (*p == 'u')
        return strspn(p + 1, "0123456789abcdefABCDEF") >= 4 ? p + 5 : NULL;
    return *p != '\0' && strchr("\"\\/bfnrt", *p) != NULL ? p + 1 : NULL;
}

/* One character beyond ASCII: no overlong forms, no surrogates. */
static const char *utf8_end(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    unsigned low = 0x80, high = 0xbf;
    int more;

    if (u[0] < 0xc2 || u[0] > 0xf4)
        return NULL;
    more = u[0] < 0xe0 ? 1 : u[0] < 0xf0 ? 2 : 3;
    if (u[0] == 0xe0)
        low = 0xa0;
    else if (u[0] == 0xf0)
        low = 0x90;
    else if (u[0] == 0xed)
        high = 0x9f;
    else if (u[0] == 0xf4)
        high = 0x8f;
    if (u[1] < low || u[1] > high)
        return NULL;
    for (int i = 2; i <= more; i++)
        if (u[i] < 0x80 || u[i] > 0xbf)
            return NULL;
    return p + more + 1;
}

static const char *string_end(const char *p)
{
    if (*p++ != '"')
        return NULL;
    while (p != NULL && *p != '"') {
        unsigned char c = (unsigned char)*p;

        if (c < 0x20)
            return NULL; /* the NUL at the end, too */
        if (c == '\\')
            p = escape_end(p + 1);
        else
            p = c < 0x80 ? p + 1 : utf8_end(p);
    }
    return p != NULL ? p + 1 : NULL;
}

/* Returns where a member's value begins. */
static const char *member_value(const char *p)
{
    p = string_end(p);
    if (p == NULL)
        return NULL;
    p = collector_text_skip(p);
    return *p == ':' ? collector_text_skip(p + 1) : NULL;
}

/* An object or an array; `close` is the bracket that ends it. */
static const char *container_end(const char *p, char close, int depth)
{
    p = collector_text_skip(p + 1);
    if (*p == close)
        return p + 1;
    for (;;) {
        if (close == '}')
            p = member_value(p);
        if (p != NULL)
            p = value_end(p, depth + 1);
        if (p == NULL)
            return NULL;
        p = collector_text_skip(p);
        if (*p == close)
            return p + 1;
        if (*p != ',')
            return NULL;
        p = collector_text_skip(p + 1);
    }
}

static const char *word_end(const char *p, const char *word)
{
    size_t len = strlen(word);

    return strncmp(p, word, len) == 0 ? p + len : NULL;
}

static const char *value_end(const char *p, int depth)
{
    if (depth > MAX_DEPTH)
        return NULL;
    switch (*p) {
    case '{':
        return container_end(p, '}', depth);
    case '[':
        return container_end(p, ']', depth);
    case '"':
        return string_end(p);
    case 't':
        return word_end(p, "true");
    case 'f':
        return word_end(p, "false");
    case 'n':
        return word_end(p, "null");
    default:
        return number_end(p);
    }
}

const char *collector_text_end(const char *text)
{
    return value_end(text, 0);
}

const char *collector_text_first(const char *array)
{
    const char *p = collector_text_skip(array + 1);

    return *p == ']' || *p == '}' ? NULL : p;
}

const char *collector_text_next(const char *value)
{
    const char *p = collector_text_skip(value_end(value, 0));

    return *p == ',' ? collector_text_skip(p + 1) : NULL;
}

const char *collector_text_member(const char *object, const char *key)
{
    size_t len = strlen(key);
    const char *p = collector_text_first(object);

    while (p != NULL) {
        const char *value = member_value(p);

        if (strncmp(p + 1, key, len) == 0 && p[len + 1] == '"')
            return value;
        p = collector_text_next(value);
    }
    return NULL;
}

bool collector_text_is_integer(const char *value)
{
    const char *p = digits_end(*value == '-' ? value + 1 : value);

    return p != NULL && *p != '.' && *p != 'e' && *p != 'E';
}
