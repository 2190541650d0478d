/* The JSON of a visitor object: one user, one snapshot, one event. */
#ifndef OPTLY__VISITOR_JSON_H
#define OPTLY__VISITOR_JSON_H

#include <optly/user_event.h>

#include "event/event_text.h"
#include "event/value.h"
#include "json/writer.h"
#include "project/project.h"

/* What both kinds of event have; all checked but the pairs. */
typedef struct optly__subject {
    const optly_project *project;
    const optly_user *user;
    optly__text visitor_id;
    int64_t timestamp_ms;
} optly__subject;

typedef struct optly__decision {
    optly__text campaign_id; /* the event's entity id, too */
    optly__text experiment_id, variation_id, variation_key;
    optly__text flag_key, rule_key, rule_type, cmab_uuid;
    bool has_numeric_variation, has_cmab_uuid, enabled;
} optly__decision;

/*
 * Both write the whole object with 36 spaces where the uuid belongs, at
 * `*uuid_offset`. They return OPTLY_OK, OPTLY_ERR_INVALID, OPTLY_ERR_TOO_LARGE
 * or OPTLY_ERR_NO_MEMORY because of the pairs; the writer has a status of its
 * own.
 */
optly_status optly__write_impression(optly__writer *writer,
                                     const optly__subject *subject,
                                     const optly__decision *decision,
                                     size_t *uuid_offset, optly_error *err);
optly_status optly__write_conversion(optly__writer *writer,
                                     const optly__subject *subject,
                                     const optly__event *event,
                                     const optly_pair *tags, size_t tag_count,
                                     size_t *uuid_offset, optly_error *err);

/* The parts below have files of their own. */

/* The members of "attributes", the project's bot filtering last. */
optly_status optly__write_attributes(optly__writer *writer,
                                     const optly_project *project,
                                     const optly_pair *pairs, size_t count,
                                     optly_error *err);

/* ,"tags":{...},"revenue":...,"value":... as far as there are any. */
optly_status optly__write_tags(optly__writer *writer,
                               const optly_project *project,
                               const optly_pair *pairs, size_t count,
                               optly_error *err);

/* Says what is wrong with pair number `i` of `list`, which does not measure. */
optly_status optly__refuse_pair(const optly_pair *pair, const char *list,
                                size_t i, optly_error *err);

/* Measures the key and the text of a pair; false if it has to be refused. */
static inline bool optly__measure_pair(const optly_pair *pair, size_t *key_len,
                                       size_t *text_len)
{
    if (pair->key == NULL)
        return false;
    *key_len = strnlen(pair->key, OPTLY__MOST_KEY_LEN + 1);
    return *key_len <= OPTLY__MOST_KEY_LEN &&
           optly__value_measure(&pair->value, text_len);
}

#endif
