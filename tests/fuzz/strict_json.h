/*
 * A strict reader of JSON (RFC 8259) that is independent of the library's: it
 * descends recursively, decodes every string and keeps a tree. For tests.
 */
#ifndef OPTLY_FUZZ_STRICT_JSON_H
#define OPTLY_FUZZ_STRICT_JSON_H

#include <stdbool.h>
#include <stddef.h>

typedef enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
} json_type;

/* What is done about a fault within a string. */
typedef enum json_repair {
    JSON_REFUSE,  /* it is an error */
    JSON_REPLACE, /* U+FFFD takes its place, one for each byte or escape */
    JSON_KEEP     /* bytes only: they stay as they are */
} json_repair;

typedef struct json_rules {
    unsigned most_depth;         /* of objects and arrays */
    json_repair bad_bytes;       /* that are not UTF-8 */
    json_repair lone_surrogates; /* that are escaped: REFUSE or REPLACE */
} json_rules;

typedef struct json_text {
    const char *bytes; /* NUL-terminated, but may hold NULs */
    size_t len;
} json_text;

typedef struct json_node json_node;
struct json_node {
    json_type type;
    json_text key;   /* of a member */
    json_text value; /* of a string, decoded; of a number, as it stands */
    json_node *first, *next;
};

/* Zeroed before its first use; reused, and freed only by its cleanup. */
typedef struct json_document {
    json_node *root;
    size_t spaces; /* white space outside of strings */
    json_node *nodes;
    char *strings;
    size_t node_room, string_room;
} json_document;

/* False if `text` is not valid; any value may be the root. */
bool json_read(json_document *document, const char *text, size_t len,
               const json_rules *rules);

void json_cleanup(json_document *document);

/* The last member of that name; NULL if there is none, or no object. */
const json_node *json_member(const json_node *object, const char *name);
const json_node *json_item(const json_node *array, size_t index);

/* Same shape, same order, same strings, numbers of the same text. */
bool json_equal(const json_node *a, const json_node *b);

bool json_text_is(json_text text, const char *bytes, size_t len);

/* Whether `text` has bytes that are not UTF-8, and the same with U+FFFD for
 * each of them; `to` has room for 3 * len + 1. Returns the new length. */
size_t json_repair_utf8(char *to, const char *text, size_t len);

/* Whether all numbers are finite doubles, and none is longer than `most`. */
bool json_numbers_fit(const json_node *node, size_t most);

/* Whether a number is the largest finite double, or all but that. The library
 * compares 40 digits with those of the first number that is too large, and
 * refuses what agrees with them; so here either is right. */
bool json_is_near_overflow(const json_node *node);

/* Whether any string has a NUL. */
bool json_has_nul(const json_node *node);

#endif
