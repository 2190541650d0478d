/* How definitions get into a project: copied and encoded once. */
#include "project/project.h"

#include <string.h>

#include "base/error.h"
#include "json/writer.h"

enum { SCRATCH_SIZE = 1024 };

optly_status optly__check_key(const char *text, const char *path,
                              const char *field, optly_error *err)
{
    if (strnlen(text, OPTLY__MOST_KEY_LEN + 1) <= OPTLY__MOST_KEY_LEN)
        return OPTLY_OK;
    return optly__fail(err, OPTLY_ERR_TOO_LARGE, "%s.%s: longer than %d bytes",
                       path, field, OPTLY__MOST_KEY_LEN);
}

static optly_status check_pair(const char *id, const char *key,
                               const char *path, optly_error *err)
{
    optly_status status = optly__check_key(id, path, "id", err);

    return status == OPTLY_OK ? optly__check_key(key, path, "key", err)
                              : status;
}

/* Copies `text` to the arena; keeps a failure that happened before. */
static const char *copy(optly_project *project, const char *text,
                        bool *has_memory)
{
    const char *made = optly__arena_copy(&project->arena, text, strlen(text));

    *has_memory = *has_memory && made != NULL;
    return made;
}

static void write_field(optly__writer *writer, const char *name,
                        const char *value)
{
    optly__write_raw(writer, name, strlen(name));
    optly__write_string(writer, value, strlen(value));
}

/* Moves the writer's text to the arena. NULL when out of memory. */
static const char *keep(optly_project *project, optly__writer *writer,
                        size_t *len)
{
    const char *text = NULL;

    *len = optly__writer_len(writer);
    if (writer->status == OPTLY_OK)
        text = optly__arena_copy(&project->arena, writer->start, *len);
    optly__writer_cleanup(writer);
    return text;
}

optly_status
optly__project_add_attribute(optly_project *project,
                             const optly_attribute_definition *definition,
                             const char *path, optly_error *err)
{
    optly_status status =
        check_pair(definition->id, definition->key, path, err);
    char scratch[SCRATCH_SIZE];
    optly__attribute *made;
    optly__writer writer;
    bool has_memory = true;

    if (status != OPTLY_OK)
        return status;
    made = optly__arena_alloc(&project->arena, sizeof(*made));
    if (made == NULL)
        return optly__fail_memory(err);
    made->definition.id = copy(project, definition->id, &has_memory);
    made->definition.key = copy(project, definition->key, &has_memory);
    optly__writer_init(&writer, scratch, sizeof(scratch), SIZE_MAX / 4);
    write_field(&writer, ",\"key\":", definition->key);
    write_field(&writer, ",\"type\":\"custom\",\"entity_id\":", definition->id);
    optly__write_literal(&writer, "}");
    made->text = keep(project, &writer, &made->text_len);
    if (!has_memory || made->text == NULL ||
        !optly__table_put(&project->attributes, made->definition.key, made))
        return optly__fail_memory(err);
    return OPTLY_OK;
}

optly_status optly__project_add_event(optly_project *project,
                                      const optly_event_definition *definition,
                                      const char *path, optly_error *err)
{
    optly_status status =
        check_pair(definition->id, definition->key, path, err);
    char scratch[SCRATCH_SIZE];
    optly__event *made;
    optly__writer writer;
    bool has_memory = true;

    if (status != OPTLY_OK)
        return status;
    made = optly__arena_alloc(&project->arena, sizeof(*made));
    if (made == NULL)
        return optly__fail_memory(err);
    made->definition.id = copy(project, definition->id, &has_memory);
    made->definition.key = copy(project, definition->key, &has_memory);
    made->id_len = strlen(definition->id);
    made->key_len = strlen(definition->key);
    optly__writer_init(&writer, scratch, sizeof(scratch), SIZE_MAX / 4);
    write_field(&writer, "{\"entity_id\":", definition->id);
    write_field(&writer, ",\"key\":", definition->key);
    optly__write_literal(&writer, ",\"timestamp\":");
    made->text = keep(project, &writer, &made->text_len);
    if (!has_memory || made->text == NULL ||
        !optly__table_put(&project->events, made->definition.key, made))
        return optly__fail_memory(err);
    return OPTLY_OK;
}

optly_status optly__project_add_experiment(optly_project *project,
                                           const optly_experiment *definition,
                                           optly__experiment **out,
                                           const char *path, optly_error *err)
{
    optly_status status =
        check_pair(definition->id, definition->key, path, err);
    optly__experiment *made;
    bool has_memory = true;

    *out = NULL;
    if (status == OPTLY_OK)
        status = optly__check_key(definition->layer_id, path, "layerId", err);
    if (status != OPTLY_OK)
        return status;
    made = optly__arena_alloc(&project->arena, sizeof(*made));
    if (made == NULL)
        return optly__fail_memory(err);
    made->definition.id = copy(project, definition->id, &has_memory);
    made->definition.key = copy(project, definition->key, &has_memory);
    made->definition.layer_id =
        copy(project, definition->layer_id, &has_memory);
    made->variations = NULL;
    if (!has_memory ||
        !optly__table_put(&project->experiments, made->definition.key, made))
        return optly__fail_memory(err);
    *out = made;
    return OPTLY_OK;
}

optly_status optly__project_add_variation(optly_project *project,
                                          optly__experiment *experiment,
                                          const optly_variation *definition,
                                          const char *path, optly_error *err)
{
    optly_status status =
        check_pair(definition->id, definition->key, path, err);
    optly__variation *made;
    bool has_memory = true;

    if (status != OPTLY_OK)
        return status;
    made = optly__arena_alloc(&project->arena, sizeof(*made));
    if (made == NULL)
        return optly__fail_memory(err);
    made->definition.id = copy(project, definition->id, &has_memory);
    made->definition.key = copy(project, definition->key, &has_memory);
    if (!has_memory)
        return optly__fail_memory(err);
    made->next = experiment->variations;
    experiment->variations = made;
    return OPTLY_OK;
}
