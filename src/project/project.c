#include "project/project.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static optly_status check_fields(const optly__project_fields *fields,
                                 optly_error *err)
{
    const struct {
        const char *text, *name;
    } checks[] = {{fields->context.revision, "revision"},
                  {fields->context.account_id, "account_id"},
                  {fields->context.project_id, "project_id"},
                  {fields->context.client_name, "client_name"},
                  {fields->context.client_version, "client_version"},
                  {fields->context.region, "region"},
                  {fields->sdk_key, "sdk_key"},
                  {fields->environment_key, "environment_key"}};
    optly_status status = OPTLY_OK;

    for (size_t i = 0;
         status == OPTLY_OK && i < sizeof(checks) / sizeof(*checks); i++)
        status =
            optly__check_key(checks[i].text, "project", checks[i].name, err);
    return status;
}

static void project_free(optly_project *project)
{
    optly__table_cleanup(&project->attributes);
    optly__table_cleanup(&project->events);
    optly__table_cleanup(&project->experiments);
    optly__arena_cleanup(&project->arena);
    optly__context_release(project->context);
    optly__free(project->state);
    optly__free(project);
}

optly_status optly__project_new(optly_project **out,
                                const optly__project_fields *fields,
                                optly_error *err)
{
    optly_status status = check_fields(fields, err);
    optly_project *project;

    *out = NULL;
    if (status != OPTLY_OK)
        return status;
    project = optly__alloc_zero(sizeof(*project));
    if (project == NULL)
        return optly__fail_memory(err);
    project->state = optly__alloc_zero(sizeof(*project->state));
    project->context = optly__context_create(&fields->context);
    project->sdk_key = optly__arena_copy(&project->arena, fields->sdk_key,
                                         strlen(fields->sdk_key));
    project->environment_key =
        optly__arena_copy(&project->arena, fields->environment_key,
                          strlen(fields->environment_key));
    project->send_flag_decisions = fields->send_flag_decisions;
    if (project->state == NULL || project->context == NULL ||
        project->sdk_key == NULL || project->environment_key == NULL) {
        project_free(project);
        return optly__fail_memory(err);
    }
    atomic_init(&project->state->refs, 1);
    *out = project;
    return OPTLY_OK;
}

optly_project *optly_project_retain(optly_project *project)
{
    if (project != NULL)
        (void)atomic_fetch_add_explicit(&project->state->refs, 1,
                                        memory_order_relaxed);
    return project;
}

void optly_project_destroy(optly_project *project)
{
    if (project == NULL || atomic_fetch_sub_explicit(&project->state->refs, 1,
                                                     memory_order_acq_rel) != 1)
        return;
    optly__event_pool_release(&project->state->pool);
    project_free(project);
}

/* The pool comes with the first event. */
static bool has_events(const optly_project *project)
{
    return atomic_load_explicit(&project->state->pool, memory_order_acquire) !=
           NULL;
}

optly_status optly_project_set_client(optly_project *project, const char *name,
                                      const char *version)
{
    optly_event_context fields;
    optly__context *context;

    if (project == NULL || has_events(project))
        return OPTLY_ERR_INVALID;
    fields = project->context->fields;
    if (name != NULL)
        fields.client_name = name;
    if (version != NULL)
        fields.client_version = version;
    if (optly__check_key(fields.client_name, "", "", NULL) != OPTLY_OK ||
        optly__check_key(fields.client_version, "", "", NULL) != OPTLY_OK)
        return OPTLY_ERR_TOO_LARGE;
    context = optly__context_create(&fields);
    if (context == NULL)
        return OPTLY_ERR_NO_MEMORY;
    optly__context_release(project->context);
    project->context = context;
    return OPTLY_OK;
}

optly_status optly_project_set_log(optly_project *project, optly_log_fn log,
                                   void *user)
{
    if (project == NULL || has_events(project))
        return OPTLY_ERR_INVALID;
    project->log.log = log;
    project->log.user = user;
    return OPTLY_OK;
}

optly_event_context optly_create_event_context(const optly_project *project)
{
    static const optly_event_context none = {.revision = "",
                                             .account_id = "",
                                             .client_version = "",
                                             .project_id = "",
                                             .client_name = "",
                                             .region = ""};

    return project != NULL ? project->context->fields : none;
}

const char *optly_project_id(const optly_project *project)
{
    return optly_create_event_context(project).project_id;
}

const char *optly_project_account_id(const optly_project *project)
{
    return optly_create_event_context(project).account_id;
}

const char *optly_project_revision(const optly_project *project)
{
    return optly_create_event_context(project).revision;
}

const char *optly_project_region(const optly_project *project)
{
    return optly_create_event_context(project).region;
}

const char *optly_project_sdk_key(const optly_project *project)
{
    return project != NULL ? project->sdk_key : "";
}

const char *optly_project_environment_key(const optly_project *project)
{
    return project != NULL ? project->environment_key : "";
}

bool optly_project_anonymize_ip(const optly_project *project)
{
    return optly_create_event_context(project).anonymize_ip;
}

bool optly_project_bot_filtering(const optly_project *project)
{
    return optly_create_event_context(project).bot_filtering;
}

bool optly_project_send_flag_decisions(const optly_project *project)
{
    return project != NULL && project->send_flag_decisions;
}

const char *optly_project_attribute_id(const optly_project *project,
                                       const char *key)
{
    const optly__attribute *found =
        project != NULL ? optly__table_get(&project->attributes, key) : NULL;

    return found != NULL ? found->definition.id : NULL;
}

const optly_event_definition *optly_project_event(const optly_project *project,
                                                  const char *key)
{
    const optly__event *found =
        project != NULL ? optly__table_get(&project->events, key) : NULL;

    return found != NULL ? &found->definition : NULL;
}

const optly_experiment *optly_project_experiment(const optly_project *project,
                                                 const char *key)
{
    const optly__experiment *found =
        project != NULL ? optly__table_get(&project->experiments, key) : NULL;

    return found != NULL ? &found->definition : NULL;
}

const optly_variation *optly_project_variation(const optly_project *project,
                                               const char *experiment_key,
                                               const char *variation_key)
{
    const optly__experiment *experiment =
        project != NULL
            ? optly__table_get(&project->experiments, experiment_key)
            : NULL;
    const optly__variation *variation =
        experiment != NULL && variation_key != NULL ? experiment->variations
                                                    : NULL;

    while (variation != NULL &&
           strcmp(variation->definition.key, variation_key) != 0)
        variation = variation->next;
    return variation != NULL ? &variation->definition : NULL;
}
