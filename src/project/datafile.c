/* A project from a datafile. The only file that knows cJSON. */
#include "project/project.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "json/scan.h"

enum { PATH_SIZE = 160 };

/* What is being read, for errors: experiments[2].variations[0] */
struct path {
    char text[PATH_SIZE];
    size_t len;
};

struct reader {
    optly_project *project;
    optly_error *err;
    struct path path;
};

/* Appends, and returns the length to go back to with path_leave. */
OPTLY__FORMAT(2, 3)
static size_t path_enter(struct path *path, const char *format, ...)
{
    size_t before = path->len;
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(path->text + before, PATH_SIZE - before, format, arguments);
    va_end(arguments);
    if (len > 0)
        path->len += (size_t)len;
    if (path->len >= PATH_SIZE)
        path->len = PATH_SIZE - 1;
    return before;
}

static void path_leave(struct path *path, size_t before)
{
    path->len = before;
    path->text[before] = '\0';
}

/* The last field of that name; NULL if there is none, or null. */
static const cJSON *find_field(const cJSON *object, const char *name)
{
    const cJSON *found = NULL, *field;

    cJSON_ArrayForEach(field, object)
    {
        if (strcmp(field->string, name) == 0)
            found = field;
    }
    return found != NULL && !cJSON_IsNull(found) ? found : NULL;
}

static optly_status fail_type(const struct reader *reader, const char *name,
                              const char *type)
{
    return optly__fail(
        reader->err, OPTLY_ERR_PARSE, "%s%s%s: should be %s", reader->path.text,
        reader->path.len > 0 && name[0] != '\0' ? "." : "", name, type);
}

/* `*text` keeps what it has where the field is absent. */
static optly_status read_string(const struct reader *reader,
                                const cJSON *object, const char *name,
                                const char **text)
{
    const cJSON *field = find_field(object, name);

    if (field == NULL)
        return OPTLY_OK;
    if (!cJSON_IsString(field))
        return fail_type(reader, name, "a string");
    *text = field->valuestring;
    return OPTLY_OK;
}

static optly_status read_bool(const struct reader *reader, const cJSON *object,
                              const char *name, bool *flag)
{
    const cJSON *field = find_field(object, name);

    if (field == NULL)
        return OPTLY_OK;
    if (!cJSON_IsBool(field))
        return fail_type(reader, name, "true or false");
    *flag = cJSON_IsTrue(field);
    return OPTLY_OK;
}

static optly_status read_id_and_key(const struct reader *reader,
                                    const cJSON *object, const char **id,
                                    const char **key)
{
    optly_status status = read_string(reader, object, "id", id);

    return status == OPTLY_OK ? read_string(reader, object, "key", key)
                              : status;
}

/* Reads one object of a list; `context` is what it belongs to. */
typedef optly_status (*read_item_fn)(struct reader *reader, const cJSON *item,
                                     void *context);

/* Reads the list `name` of `object`, if it is there. */
static optly_status read_list(struct reader *reader, const cJSON *object,
                              const char *name, read_item_fn read_item,
                              void *context)
{
    const cJSON *list = find_field(object, name), *item;
    optly_status status = OPTLY_OK;
    size_t i = 0;

    if (list == NULL)
        return OPTLY_OK;
    if (!cJSON_IsArray(list))
        return fail_type(reader, name, "an array");
    cJSON_ArrayForEach(item, list)
    {
        size_t before = path_enter(&reader->path, "%s%s[%zu]",
                                   reader->path.len > 0 ? "." : "", name, i++);

        if (cJSON_IsObject(item))
            status = read_item(reader, item, context);
        else if (!cJSON_IsNull(item))
            status = fail_type(reader, "", "an object");
        path_leave(&reader->path, before);
        if (status != OPTLY_OK)
            break;
    }
    return status;
}

static optly_status read_attribute(struct reader *reader, const cJSON *item,
                                   void *context)
{
    optly_attribute_definition definition = {"", ""};
    optly_status status =
        read_id_and_key(reader, item, &definition.id, &definition.key);

    (void)context;
    if (status != OPTLY_OK)
        return status;
    return optly__project_add_attribute(reader->project, &definition,
                                        reader->path.text, reader->err);
}

static optly_status read_event(struct reader *reader, const cJSON *item,
                               void *context)
{
    optly_event_definition definition = {"", ""};
    optly_status status =
        read_id_and_key(reader, item, &definition.id, &definition.key);

    (void)context;
    if (status != OPTLY_OK)
        return status;
    return optly__project_add_event(reader->project, &definition,
                                    reader->path.text, reader->err);
}

/* `context` is the experiment. */
static optly_status read_variation(struct reader *reader, const cJSON *item,
                                   void *context)
{
    optly_variation definition = {"", ""};
    optly_status status =
        read_id_and_key(reader, item, &definition.id, &definition.key);

    if (status != OPTLY_OK)
        return status;
    return optly__project_add_variation(reader->project, context, &definition,
                                        reader->path.text, reader->err);
}

static optly_status read_rule(struct reader *reader, const cJSON *item,
                              optly_experiment *definition)
{
    optly__experiment *experiment = NULL;
    optly_status status =
        read_id_and_key(reader, item, &definition->id, &definition->key);

    if (status == OPTLY_OK)
        status = optly__project_add_experiment(reader->project, definition,
                                               &experiment, reader->path.text,
                                               reader->err);
    if (status == OPTLY_OK)
        status =
            read_list(reader, item, "variations", read_variation, experiment);
    return status;
}

static optly_status read_experiment(struct reader *reader, const cJSON *item,
                                    void *context)
{
    optly_experiment definition = {"", "", ""};
    optly_status status =
        read_string(reader, item, "layerId", &definition.layer_id);

    (void)context;
    return status == OPTLY_OK ? read_rule(reader, item, &definition) : status;
}

/* A holdout has no layer, whatever its datafile says. */
static optly_status read_holdout(struct reader *reader, const cJSON *item,
                                 void *context)
{
    optly_experiment definition = {"", "", ""};

    (void)context;
    return read_rule(reader, item, &definition);
}

/* A group or a rollout: only its experiments matter. */
static optly_status read_group(struct reader *reader, const cJSON *item,
                               void *context)
{
    return read_list(reader, item, "experiments", read_experiment, context);
}

/* What comes later wins a key: experiments proper before all else. */
static optly_status read_definitions(struct reader *reader, const cJSON *root)
{
    static const struct {
        const char *name;
        read_item_fn read_item;
    } lists[] = {
        {"attributes", read_attribute},   {"events", read_event},
        {"localHoldouts", read_holdout},  {"holdouts", read_holdout},
        {"rollouts", read_group},         {"groups", read_group},
        {"experiments", read_experiment},
    };
    optly_status status = OPTLY_OK;

    for (size_t i = 0; status == OPTLY_OK && i < sizeof(lists) / sizeof(*lists);
         i++)
        status =
            read_list(reader, root, lists[i].name, lists[i].read_item, NULL);
    return status;
}

static optly_status read_strings(const struct reader *reader, const cJSON *root,
                                 optly__project_fields *fields)
{
    const struct {
        const char *name;
        const char **text;
    } strings[] = {
        {"accountId", &fields->context.account_id},
        {"projectId", &fields->context.project_id},
        {"revision", &fields->context.revision},
        {"region", &fields->context.region},
        {"sdkKey", &fields->sdk_key},
        {"environmentKey", &fields->environment_key},
    };
    optly_status status = OPTLY_OK;

    for (size_t i = 0;
         status == OPTLY_OK && i < sizeof(strings) / sizeof(*strings); i++) {
        *strings[i].text = "";
        status = read_string(reader, root, strings[i].name, strings[i].text);
    }
    return status;
}

static optly_status read_fields(const struct reader *reader, const cJSON *root,
                                optly__project_fields *fields)
{
    optly_status status;

    memset(fields, 0, sizeof(*fields));
    fields->context.client_name = OPTLY_CLIENT_NAME;
    fields->context.client_version = OPTLY_VERSION_STRING;
    status = read_strings(reader, root, fields);
    if (status != OPTLY_OK)
        return status;
    if (fields->context.region[0] == '\0')
        fields->context.region = "US";
    status =
        read_bool(reader, root, "anonymizeIP", &fields->context.anonymize_ip);
    if (status == OPTLY_OK)
        status = read_bool(reader, root, "botFiltering",
                           &fields->context.bot_filtering);
    if (status == OPTLY_OK)
        status = read_bool(reader, root, "sendFlagDecisions",
                           &fields->send_flag_decisions);
    return status;
}

static optly_status check_version(const struct reader *reader,
                                  const cJSON *root)
{
    const char *version = "";
    optly_status status = read_string(reader, root, "version", &version);

    if (status != OPTLY_OK)
        return status;
    if (strcmp(version, "2") == 0 || strcmp(version, "3") == 0 ||
        strcmp(version, "4") == 0)
        return OPTLY_OK;
    if (version[0] == '\0')
        return optly__fail(reader->err, OPTLY_ERR_UNSUPPORTED,
                           "version: is missing");
    return optly__fail(reader->err, OPTLY_ERR_UNSUPPORTED,
                       "version: is \"%.16s\", known are 2, 3 and 4", version);
}

static optly_status read_project(struct reader *reader, const cJSON *root)
{
    optly__project_fields fields;
    optly_status status;

    if (!cJSON_IsObject(root))
        return optly__fail(reader->err, OPTLY_ERR_PARSE,
                           "datafile: should be an object");
    status = check_version(reader, root);
    if (status == OPTLY_OK)
        status = read_fields(reader, root, &fields);
    if (status == OPTLY_OK)
        status = optly__project_new(&reader->project, &fields, reader->err);
    if (status == OPTLY_OK)
        status = read_definitions(reader, root);
    return status;
}

/*
 * A host may bring a cJSON of its own, which then takes the system's place in
 * the whole process. Whether its nodes are those that this file was compiled
 * with: what its functions answer is found where it should be. Follows no
 * pointer before it is known to be one. `root` is of `probe`.
 */
static const char probe[] = "[{\"k\":\"v\"},true]";

static bool has_known_nodes(const cJSON *root)
{
    const cJSON *first = cJSON_GetArrayItem(root, 0);
    const cJSON *second = cJSON_GetArrayItem(root, 1);
    const cJSON *field = cJSON_GetObjectItemCaseSensitive(first, "k");
    const char *text = cJSON_GetStringValue(field);

    return first != NULL && second != NULL && field != NULL && text != NULL &&
           root->child == first && first->next == second &&
           second->next == NULL && first->child == field &&
           field->valuestring == text && field->string != NULL &&
           strcmp(field->string, "k") == 0;
}

static optly_status check_cjson(optly_error *err)
{
    cJSON *root = cJSON_ParseWithLength(probe, sizeof(probe) - 1);
    bool known;

    if (root == NULL)
        return optly__fail_memory(err);
    known = has_known_nodes(root);
    cJSON_Delete(root);
    if (known)
        return OPTLY_OK;
    return optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                       "datafile: the process has a cJSON of another layout "
                       "than the one that the library was built with");
}

/*
 * cJSON takes much that is not JSON, and cuts strings at an escaped NUL; so
 * the text is checked beforehand. Then cJSON fails only without memory.
 */
static optly_status parse(cJSON **root, const char *json, size_t json_len,
                          optly_error *err)
{
    static const optly__scan_rules rules = {
        .most_depth = OPTLY__SCAN_MOST_DEPTH, .suits_cjson = true};
    size_t offset = 0;
    optly_status status;

    if (!optly__scan_json(json, json_len, &rules, NULL, &offset))
        return optly__fail(err, OPTLY_ERR_PARSE,
                           "datafile: not valid JSON at byte %zu", offset);
    status = check_cjson(err);
    if (status != OPTLY_OK)
        return status;
    *root = cJSON_ParseWithLength(json, json_len);
    return *root != NULL ? OPTLY_OK : optly__fail_memory(err);
}

optly_status optly_project_from_datafile(optly_project **out, const char *json,
                                         size_t json_len, optly_error *err)
{
    struct reader reader = {.project = NULL, .err = err};
    cJSON *root = NULL;
    optly_status status;

    if (out == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "out: is NULL");
    *out = NULL;
    if (json == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "json: is NULL");
    status = parse(&root, json, json_len, err);
    if (status == OPTLY_OK)
        status = read_project(&reader, root);
    cJSON_Delete(root);
    if (status != OPTLY_OK) {
        optly_project_destroy(reader.project);
        return status;
    }
    *out = reader.project;
    return OPTLY_OK;
}
