/*
 * What a builder is asked for, drawn from an input, and what the rules make of
 * it: the event's JSON as it should be, found in another way than the
 * library's.
 */
#ifndef OPTLY_FUZZ_EVENT_MODEL_H
#define OPTLY_FUZZ_EVENT_MODEL_H

#include <optly/event.h>

#include "fuzz.h"
#include "strict_json.h"

enum { MODEL_PAIRS = 48, MODEL_TEXTS = 256, MODEL_WALL_MS = 1700000000 };

typedef struct model {
    /* What is asked for. */
    optly_pair attributes[MODEL_PAIRS], tags[MODEL_PAIRS];
    optly_user user;
    bool is_impression;
    optly_impression impression;
    optly_conversion conversion;
    optly_experiment experiment;
    optly_variation variation;
    char *texts[MODEL_TEXTS]; /* owned */
    size_t text_count, text_bytes;
    /* Limits that are broken. */
    bool is_invalid, is_too_large, is_unknown;
    bool is_open; /* a number of a tag may be refused or not */
} model;

typedef struct model_project {
    bool bot_filtering, send_flag_decisions;
} model_project;

/* The definitions that every project of the target has. */
extern const optly_attribute_definition model_attributes[];
extern const size_t model_attribute_count;
extern const optly_event_definition model_events[];
extern const size_t model_event_count;

void model_draw(model *m, fuzz_input *input);
void model_cleanup(model *m);

/* Reads the JSON of a tag; false if the rules do not take it. */
bool model_read_tag(json_document *document, const char *text);

/* event_check.c: whether nothing is to be sent. */
bool model_is_skipped(const model *m, const model_project *project);

/* Fails unless `json` is what the rules say. */
void model_check(const model *m, const model_project *project, const char *uuid,
                 const json_node *json);

#endif
