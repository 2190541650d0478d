/*
 * The inside of a project: what the builders read, and how it is put together
 * from a config or a datafile, one definition at a time.
 */
#ifndef OPTLY__PROJECT_H
#define OPTLY__PROJECT_H

#include "event/event_memory.h"
#include "event/limits.h"
#include "project/arena.h"
#include "project/context.h"
#include "project/notice.h"
#include "project/table.h"

/* An attribute with what follows its value: ,"key":...,"entity_id":...} */
typedef struct optly__attribute {
    optly_attribute_definition definition;
    const char *text;
    size_t text_len;
} optly__attribute;

/* An event with what precedes its time: {"entity_id":...,"timestamp": */
typedef struct optly__event {
    optly_event_definition definition;
    size_t id_len, key_len;
    const char *text;
    size_t text_len;
} optly__event;

typedef struct optly__variation {
    optly_variation definition;
    const struct optly__variation *next;
} optly__variation;

typedef struct optly__experiment {
    optly_experiment definition;
    const optly__variation *variations; /* the last added first */
} optly__experiment;

/* What changes after creation; each part is safe for any thread. */
typedef struct optly__project_state {
    _Atomic uint32_t refs;
    optly__event_pool_slot pool; /* made with the first event */
    optly__notices notices;
} optly__project_state;

struct optly_project {
    optly__project_state *state;
    optly__context *context;
    optly__log log;
    bool send_flag_decisions;
    const char *sdk_key, *environment_key;
    optly__table attributes, events, experiments;
    optly__arena arena;
};

/* What a project has but once. No string is NULL. */
typedef struct optly__project_fields {
    optly_event_context context;
    const char *sdk_key, *environment_key;
    bool send_flag_decisions;
} optly__project_fields;

/*
 * Makes a project without definitions; copies all. Returns OPTLY_OK,
 * OPTLY_ERR_TOO_LARGE or OPTLY_ERR_NO_MEMORY, as do the functions below,
 * which name what they were given `path` in the error.
 */
optly_status optly__project_new(optly_project **out,
                                const optly__project_fields *fields,
                                optly_error *err);

/* Checks the length of the string that the error calls `path`.`field`. */
optly_status optly__check_key(const char *text, const char *path,
                              const char *field, optly_error *err);

/* Each copies. Of several with one key the last counts. */
optly_status
optly__project_add_attribute(optly_project *project,
                             const optly_attribute_definition *definition,
                             const char *path, optly_error *err);
optly_status optly__project_add_event(optly_project *project,
                                      const optly_event_definition *definition,
                                      const char *path, optly_error *err);
optly_status optly__project_add_experiment(optly_project *project,
                                           const optly_experiment *definition,
                                           optly__experiment **out,
                                           const char *path, optly_error *err);
optly_status optly__project_add_variation(optly_project *project,
                                          optly__experiment *experiment,
                                          const optly_variation *definition,
                                          const char *path, optly_error *err);

/* Tells the project's log, if it has one. */
static inline void optly__project_notice(const optly_project *project,
                                         optly__notice_kind kind,
                                         const char *key, size_t key_len)
{
    if (project->log.log != NULL)
        optly__notice(&project->state->notices, &project->log, kind, key,
                      key_len);
}

#endif
