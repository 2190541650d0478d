/* A project from the settings struct. */
#include "project/project.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "event/value.h"

enum { PATH_SIZE = 64 };

static optly_status require(const char *text, const char *path,
                            const char *field, optly_error *err)
{
    const char *dot = path[0] != '\0' ? "." : "";

    if (text == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "%s%s%s: is NULL", path, dot,
                           field);
    if (text[0] == '\0')
        return optly__fail(err, OPTLY_ERR_INVALID, "%s%s%s: is empty", path,
                           dot, field);
    return OPTLY_OK;
}

static const char *or_default(const char *text, const char *fallback)
{
    return text != NULL ? text : fallback;
}

static optly_status read_fields(optly__project_fields *fields,
                                const optly_project_config *config,
                                optly_error *err)
{
    optly_status status = require(config->project_id, "", "project_id", err);

    if (status == OPTLY_OK)
        status = require(config->account_id, "", "account_id", err);
    if (status == OPTLY_OK)
        status = require(config->revision, "", "revision", err);
    if (status != OPTLY_OK)
        return status;
    memset(fields, 0, sizeof(*fields));
    fields->context.project_id = config->project_id;
    fields->context.account_id = config->account_id;
    fields->context.revision = config->revision;
    fields->context.region = or_default(config->region, "US");
    fields->context.client_name =
        or_default(config->client_name, OPTLY_CLIENT_NAME);
    fields->context.client_version =
        or_default(config->client_version, OPTLY_VERSION_STRING);
    fields->context.anonymize_ip = optly__read_bool(&config->anonymize_ip);
    fields->context.bot_filtering = optly__read_bool(&config->bot_filtering);
    fields->send_flag_decisions =
        optly__read_bool(&config->send_flag_decisions);
    fields->sdk_key = "";
    fields->environment_key = "";
    return OPTLY_OK;
}

/* Checks the definition number `i` of `list` and writes its path. */
static optly_status check_definition(char *path, const char *list, size_t i,
                                     const char *id, const char *key,
                                     optly_error *err)
{
    optly_status status;

    (void)snprintf(path, PATH_SIZE, "%s[%zu]", list, i);
    status = require(id, path, "id", err);
    return status == OPTLY_OK ? require(key, path, "key", err) : status;
}

static optly_status add_attributes(optly_project *project,
                                   const optly_project_config *config,
                                   optly_error *err)
{
    char path[PATH_SIZE];
    optly_status status = OPTLY_OK;

    if (config->attributes == NULL && config->attribute_count > 0)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "attributes: is NULL, attribute_count is not 0");
    for (size_t i = 0; status == OPTLY_OK && i < config->attribute_count; i++) {
        const optly_attribute_definition *definition = &config->attributes[i];

        status = check_definition(path, "attributes", i, definition->id,
                                  definition->key, err);
        if (status == OPTLY_OK)
            status =
                optly__project_add_attribute(project, definition, path, err);
    }
    return status;
}

static optly_status add_events(optly_project *project,
                               const optly_project_config *config,
                               optly_error *err)
{
    char path[PATH_SIZE];
    optly_status status = OPTLY_OK;

    if (config->events == NULL && config->event_count > 0)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "events: is NULL, event_count is not 0");
    for (size_t i = 0; status == OPTLY_OK && i < config->event_count; i++) {
        const optly_event_definition *definition = &config->events[i];

        status = check_definition(path, "events", i, definition->id,
                                  definition->key, err);
        if (status == OPTLY_OK)
            status = optly__project_add_event(project, definition, path, err);
    }
    return status;
}

optly_status optly_project_create(optly_project **out,
                                  const optly_project_config *config,
                                  optly_error *err)
{
    optly_project_config copy;
    optly__project_fields fields;
    optly_project *project = NULL;
    optly_status status;

    if (out == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "out: is NULL");
    *out = NULL;
    status = optly__copy_struct(&copy, sizeof(copy), config,
                                OPTLY__SIZE_TO(optly_project_config, reserved),
                                "config", err);
    if (status == OPTLY_OK)
        status = read_fields(&fields, &copy, err);
    if (status == OPTLY_OK)
        status = optly__project_new(&project, &fields, err);
    if (status == OPTLY_OK)
        status = add_attributes(project, &copy, err);
    if (status == OPTLY_OK)
        status = add_events(project, &copy, err);
    if (status != OPTLY_OK) {
        optly_project_destroy(project);
        return status;
    }
    *out = project;
    return OPTLY_OK;
}
