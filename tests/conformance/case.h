/* A case of the conformance run: events and values read from JSON. */
#ifndef CONFORMANCE_CASE_H
#define CONFORMANCE_CASE_H

#include <cjson/cJSON.h>

#include <optly/event.h>

/* Ends the run: the harness wrote what the runner does not know. */
#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void case_broken(const char *what, const cJSON *at);

/* The text of a field; NULL if it is absent or null. */
const char *case_text(const cJSON *object, const char *name);
const cJSON *case_field(const cJSON *object, const char *name);
long case_number(const cJSON *object, const char *name, long otherwise);

/* Reads [[key, type, text], ...]; the caller frees it. NULL if it is empty. */
optly_pair *case_pairs(const cJSON *list, size_t *count);

/* Makes the event of a step, with the status of its builder. */
optly_status case_build(optly_user_event **out, const optly_project *project,
                        const cJSON *event);

#endif
