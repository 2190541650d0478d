#include "strict_json.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

typedef struct reader {
    const char *at, *end;
    const json_rules *rules;
    json_document *document;
    json_node *free_node;
    char *free_byte;
} reader;

static json_node *read_value(reader *r, unsigned depth);

static void put(reader *r, const char *bytes, size_t len)
{
    memcpy(r->free_byte, bytes, len);
    r->free_byte += len;
}

static void put_code_point(reader *r, uint32_t code)
{
    unsigned char bytes[4];
    size_t len = 0;

    if (code < 0x80) {
        bytes[len++] = (unsigned char)code;
    } else if (code < 0x800) {
        bytes[len++] = (unsigned char)(0xC0 | code >> 6);
        bytes[len++] = (unsigned char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        bytes[len++] = (unsigned char)(0xE0 | code >> 12);
        bytes[len++] = (unsigned char)(0x80 | (code >> 6 & 63));
        bytes[len++] = (unsigned char)(0x80 | (code & 63));
    } else {
        bytes[len++] = (unsigned char)(0xF0 | code >> 18);
        bytes[len++] = (unsigned char)(0x80 | (code >> 12 & 63));
        bytes[len++] = (unsigned char)(0x80 | (code >> 6 & 63));
        bytes[len++] = (unsigned char)(0x80 | (code & 63));
    }
    put(r, (const char *)bytes, len);
}

/*
 * Decodes one character by its bits and then asks whether that was its only
 * form. Returns its size in bytes; 0 if it is not UTF-8.
 */
static size_t decode(const char *text, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text[0];
    uint32_t code;
    size_t size;

    if (first < 0x80)
        return 1;
    if ((first & 0xE0) == 0xC0)
        size = 2;
    else if ((first & 0xF0) == 0xE0)
        size = 3;
    else if ((first & 0xF8) == 0xF0)
        size = 4;
    else
        return 0;
    if (size > len)
        return 0;
    code = first & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte >> 6 != 2)
            return 0;
        code = code << 6 | (byte & 63u);
    }
    if (code < least[size] || code > 0x10FFFF || code >> 11 == 0x1B)
        return 0;
    return size;
}

static bool read_bytes(reader *r)
{
    size_t size = decode(r->at, (size_t)(r->end - r->at));

    if (size == 0 && r->rules->bad_bytes == JSON_REFUSE)
        return false;
    if (size == 0 && r->rules->bad_bytes == JSON_REPLACE)
        put_code_point(r, 0xFFFD);
    else
        put(r, r->at, size != 0 ? size : 1);
    r->at += size != 0 ? size : 1;
    return true;
}

/* Four hexadecimal digits, or -1. */
static int32_t read_unit(const char *at, const char *end)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    int32_t unit = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char *digit = at[i] != '\0' ? strchr(digits, at[i]) : NULL;

        if (digit == NULL)
            return -1;
        unit = unit * 16 + (int32_t)((digit - digits) % 16);
    }
    return unit;
}

/* `at` is at the u. */
static bool read_unicode(reader *r)
{
    int32_t unit = read_unit(r->at + 1, r->end), low = -1;

    if (unit < 0)
        return false;
    r->at += 5;
    if (unit < 0xD800 || unit > 0xDFFF) {
        put_code_point(r, (uint32_t)unit);
        return true;
    }
    if (r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u')
        low = read_unit(r->at + 2, r->end);
    if (unit < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF) {
        r->at += 6;
        put_code_point(r, 0x10000u + ((uint32_t)(unit - 0xD800) << 10 |
                                      (uint32_t)(low - 0xDC00)));
        return true;
    }
    if (r->rules->lone_surrogates == JSON_REFUSE)
        return false;
    put_code_point(r, 0xFFFD);
    return true;
}

static bool read_escape(reader *r)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *name;

    r->at++;
    if (r->at == r->end || *r->at == '\0')
        return false;
    if (*r->at == 'u')
        return read_unicode(r);
    name = strchr(names, *r->at);
    if (name == NULL)
        return false;
    put(r, values + (name - names), 1);
    r->at++;
    return true;
}

static bool read_string(reader *r, json_text *text)
{
    if (r->at == r->end || *r->at != '"')
        return false;
    r->at++;
    text->bytes = r->free_byte;
    while (r->at < r->end && *r->at != '"') {
        if ((unsigned char)*r->at < 0x20)
            return false;
        if (!(*r->at == '\\' ? read_escape(r) : read_bytes(r)))
            return false;
    }
    if (r->at == r->end)
        return false;
    r->at++;
    text->len = (size_t)(r->free_byte - text->bytes);
    *r->free_byte++ = '\0';
    return true;
}

static size_t skip_digits(reader *r)
{
    const char *start = r->at;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return (size_t)(r->at - start);
}

static bool skip(reader *r, char expected)
{
    if (r->at == r->end || *r->at != expected)
        return false;
    r->at++;
    return true;
}

static bool read_number(reader *r, json_text *text)
{
    const char *start = r->at, *whole;
    size_t digits;

    (void)skip(r, '-');
    whole = r->at;
    digits = skip_digits(r);
    if (digits == 0 || (digits > 1 && *whole == '0'))
        return false;
    if (skip(r, '.') && skip_digits(r) == 0)
        return false;
    if (skip(r, 'e') || skip(r, 'E')) {
        if (!skip(r, '+'))
            (void)skip(r, '-');
        if (skip_digits(r) == 0)
            return false;
    }
    text->bytes = r->free_byte;
    text->len = (size_t)(r->at - start);
    put(r, start, text->len);
    *r->free_byte++ = '\0';
    return true;
}

static void skip_space(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' ||
                              *r->at == '\n' || *r->at == '\r')) {
        r->at++;
        r->document->spaces++;
    }
}

static json_node *read_member(reader *r, bool is_object, unsigned depth)
{
    json_text key = {"", 0};
    json_node *node;

    if (is_object) {
        if (!read_string(r, &key))
            return NULL;
        skip_space(r);
        if (!skip(r, ':'))
            return NULL;
        skip_space(r);
    }
    node = read_value(r, depth);
    if (node != NULL)
        node->key = key;
    return node;
}

static bool read_container(reader *r, json_node *node, unsigned depth)
{
    bool is_object = *r->at == '{';
    char end = is_object ? '}' : ']';
    json_node **link = &node->first;

    if (depth >= r->rules->most_depth)
        return false;
    node->type = is_object ? JSON_OBJECT : JSON_ARRAY;
    r->at++;
    skip_space(r);
    if (skip(r, end))
        return true;
    do {
        skip_space(r);
        *link = read_member(r, is_object, depth + 1);
        if (*link == NULL)
            return false;
        link = &(*link)->next;
        skip_space(r);
    } while (skip(r, ','));
    return skip(r, end);
}

static bool read_word(reader *r, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

static json_node *read_value(reader *r, unsigned depth)
{
    json_node *node = r->free_node++;
    bool is_valid;

    memset(node, 0, sizeof(*node));
    if (r->at == r->end)
        return NULL;
    switch (*r->at) {
    case '{':
    case '[':
        is_valid = read_container(r, node, depth);
        break;
    case '"':
        node->type = JSON_STRING;
        is_valid = read_string(r, &node->value);
        break;
    case 'n':
        node->type = JSON_NULL;
        is_valid = read_word(r, "null");
        break;
    case 't':
        node->type = JSON_TRUE;
        is_valid = read_word(r, "true");
        break;
    case 'f':
        node->type = JSON_FALSE;
        is_valid = read_word(r, "false");
        break;
    default:
        node->type = JSON_NUMBER;
        is_valid = read_number(r, &node->value);
    }
    return is_valid ? node : NULL;
}

/* A value has a byte at least; a byte becomes three at most, and every string
 * has two quotes, one of which pays for its NUL. Numbers have none. */
static void make_room(json_document *document, size_t len)
{
    size_t strings = 4 * len + 4;

    if (document->node_room < len + 1) {
        free(document->nodes);
        document->nodes = calloc(len + 1, sizeof(*document->nodes));
        document->node_room = len + 1;
    }
    if (document->string_room < strings) {
        free(document->strings);
        document->strings = malloc(strings);
        document->string_room = strings;
    }
    FUZZ_CHECK(document->nodes != NULL && document->strings != NULL);
}

bool json_read(json_document *document, const char *text, size_t len,
               const json_rules *rules)
{
    reader r = {.at = text, .end = text + len, .rules = rules};

    make_room(document, len);
    r.document = document;
    r.free_node = document->nodes;
    r.free_byte = document->strings;
    document->spaces = 0;
    skip_space(&r);
    document->root = read_value(&r, 0);
    if (document->root != NULL)
        skip_space(&r);
    if (document->root == NULL || r.at != r.end)
        document->root = NULL;
    return document->root != NULL;
}

void json_cleanup(json_document *document)
{
    free(document->nodes);
    free(document->strings);
    memset(document, 0, sizeof(*document));
}

bool json_text_is(json_text text, const char *bytes, size_t len)
{
    return text.len == len && (len == 0 || memcmp(text.bytes, bytes, len) == 0);
}

const json_node *json_member(const json_node *object, const char *name)
{
    const json_node *found = NULL;

    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    for (const json_node *node = object->first; node; node = node->next) {
        if (json_text_is(node->key, name, strlen(name)))
            found = node;
    }
    return found;
}

const json_node *json_item(const json_node *array, size_t index)
{
    const json_node *node =
        array != NULL && array->type == JSON_ARRAY ? array->first : NULL;

    for (; node != NULL && index > 0; index--)
        node = node->next;
    return node;
}

bool json_equal(const json_node *a, const json_node *b)
{
    const json_node *x, *y;

    if (a == NULL || b == NULL)
        return a == b;
    if (a->type != b->type || !json_text_is(a->key, b->key.bytes, b->key.len))
        return false;
    if ((a->type == JSON_STRING || a->type == JSON_NUMBER) &&
        !json_text_is(a->value, b->value.bytes, b->value.len))
        return false;
    for (x = a->first, y = b->first; x != NULL && y != NULL;
         x = x->next, y = y->next) {
        if (!json_equal(x, y))
            return false;
    }
    return x == NULL && y == NULL;
}

size_t json_repair_utf8(char *to, const char *text, size_t len)
{
    size_t written = 0;

    for (size_t i = 0; i < len;) {
        size_t size = decode(text + i, len - i);

        memcpy(to + written, size != 0 ? text + i : "\xEF\xBF\xBD",
               size != 0 ? size : 3);
        written += size != 0 ? size : 3;
        i += size != 0 ? size : 1;
    }
    to[written] = '\0';
    return written;
}

bool json_numbers_fit(const json_node *node, size_t most)
{
    if (node->type == JSON_NUMBER)
        return node->value.len <= most &&
               isfinite(strtod(node->value.bytes, NULL));
    for (const json_node *child = node->first; child; child = child->next) {
        if (!json_numbers_fit(child, most))
            return false;
    }
    return true;
}

bool json_is_near_overflow(const json_node *node)
{
    if (node->type == JSON_NUMBER) {
        double value = fabs(strtod(node->value.bytes, NULL));

        return isfinite(value) && value >= DBL_MAX;
    }
    for (const json_node *child = node->first; child; child = child->next) {
        if (json_is_near_overflow(child))
            return true;
    }
    return false;
}

bool json_has_nul(const json_node *node)
{
    if (memchr(node->key.bytes != NULL ? node->key.bytes : "", '\0',
               node->key.len) != NULL)
        return true;
    if (node->type == JSON_STRING &&
        memchr(node->value.bytes, '\0', node->value.len) != NULL)
        return true;
    for (const json_node *child = node->first; child; child = child->next) {
        if (json_has_nul(child))
            return true;
    }
    return false;
}
