/* A strict reader of JSON text (RFC 8259) that comes from outside. */
#ifndef OPTLY__SCAN_H
#define OPTLY__SCAN_H

#include "json/writer.h"

enum { OPTLY__SCAN_MOST_DEPTH = 512 };

typedef struct optly__scan_rules {
    unsigned most_depth; /* 1 to OPTLY__SCAN_MOST_DEPTH */
    /* Refuses what cJSON would cut or not take: in strings \u0000 and escaped
     * surrogates that are alone, and numbers longer than 63 bytes. */
    bool suits_cjson;
    /* Refuses strings that would have to be repaired: the text is used as it
     * stands. */
    bool is_final;
} optly__scan_rules;

/*
 * Checks that `text` is one object or array, nested within the rules, all of
 * whose numbers fit a double. Writes it to `out`, if that is not NULL: without
 * white space, numbers as they stand, and in strings U+FFFD for each invalid
 * byte and for each escaped surrogate that is alone.
 *
 * On false `*offset`, if not NULL, is where the fault was found; what was
 * written is for the caller to take back. The status of `out` is not looked at.
 */
bool optly__scan_json(const char *text, size_t len,
                      const optly__scan_rules *rules, optly__writer *out,
                      size_t *offset);

#endif
