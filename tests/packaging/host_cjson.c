/*
 * A host that brings a cJSON of its own, changed to its liking, and does not
 * hide it: its functions take the place of the system's in all of the process.
 * Built with SAME_LAYOUT its nodes are like those of the system's cJSON, else
 * they are not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optly/event.h>

typedef struct cJSON {
#if defined(SAME_LAYOUT)
    struct cJSON *next, *prev, *child;
    int type;
    char *valuestring;
    int valueint;
    double valuedouble;
    char *string;
#else
    char *string; /* the host likes its names first */
    int type, line;
    char *valuestring;
    struct cJSON *parent, *child;
    double valuedouble;
    struct cJSON *next;
#endif
} cJSON;

enum {
    FALSE = 1,
    TRUE = 2,
    NIL = 4,
    NUMBER = 8,
    STRING = 16,
    ARRAY = 32,
    OBJECT = 64
};

static unsigned calls; /* of this cJSON */

cJSON *cJSON_ParseWithLength(const char *text, size_t len);
void cJSON_Delete(cJSON *item);
int cJSON_IsNull(const cJSON *item);
int cJSON_IsString(const cJSON *item);
int cJSON_IsBool(const cJSON *item);
int cJSON_IsTrue(const cJSON *item);
int cJSON_IsArray(const cJSON *item);
int cJSON_IsObject(const cJSON *item);
cJSON *cJSON_GetObjectItemCaseSensitive(const cJSON *object, const char *name);
cJSON *cJSON_GetArrayItem(const cJSON *array, int index);
char *cJSON_GetStringValue(const cJSON *item);

static const char *skip(const char *at)
{
    while (*at == ' ' || *at == '\n')
        at++;
    return at;
}

/* Strings without escapes are all that this host needs. */
static const char *read_string(const char *at, char **text)
{
    const char *end = strchr(++at, '"');

    *text = strndup(at, (size_t)(end - at));
    return end + 1;
}

static const char *read_value(const char *at, cJSON *item);

static const char *read_members(const char *at, cJSON *item, char end)
{
    cJSON **last = &item->child;

    at = skip(at + 1);
    while (*at != end) {
        cJSON *child = calloc(1, sizeof(*child));

        *last = child;
        last = &child->next;
        if (end == '}') {
            at = skip(read_string(at, &child->string));
            at = skip(at + 1);
        }
        at = skip(read_value(at, child));
        if (*at == ',')
            at = skip(at + 1);
    }
    return at + 1;
}

static const char *read_value(const char *at, cJSON *item)
{
    char *end;

    switch (*at) {
    case '{':
        item->type = OBJECT;
        return read_members(at, item, '}');
    case '[':
        item->type = ARRAY;
        return read_members(at, item, ']');
    case '"':
        item->type = STRING;
        return read_string(at, &item->valuestring);
    case 't':
        item->type = TRUE;
        return at + 4;
    case 'f':
        item->type = FALSE;
        return at + 5;
    case 'n':
        item->type = NIL;
        return at + 4;
    default:
        item->type = NUMBER;
        item->valuedouble = strtod(at, &end);
        return end;
    }
}

cJSON *cJSON_ParseWithLength(const char *text, size_t len)
{
    char *copy = strndup(text, len);
    cJSON *root = calloc(1, sizeof(*root));

    calls++;
    (void)read_value(skip(copy), root);
    free(copy);
    return root;
}

void cJSON_Delete(cJSON *item)
{
    while (item != NULL) {
        cJSON *next = item->next;

        cJSON_Delete(item->child);
        free(item->string);
        free(item->valuestring);
        free(item);
        item = next;
    }
}

int cJSON_IsNull(const cJSON *item)
{
    return item != NULL && item->type == NIL;
}

int cJSON_IsString(const cJSON *item)
{
    return item != NULL && item->type == STRING;
}

int cJSON_IsBool(const cJSON *item)
{
    return item != NULL && (item->type == TRUE || item->type == FALSE);
}

int cJSON_IsTrue(const cJSON *item)
{
    return item != NULL && item->type == TRUE;
}

int cJSON_IsArray(const cJSON *item)
{
    return item != NULL && item->type == ARRAY;
}

int cJSON_IsObject(const cJSON *item)
{
    return item != NULL && item->type == OBJECT;
}

cJSON *cJSON_GetObjectItemCaseSensitive(const cJSON *object, const char *name)
{
    cJSON *item = object != NULL ? object->child : NULL;

    while (item != NULL && strcmp(item->string, name) != 0)
        item = item->next;
    return item;
}

cJSON *cJSON_GetArrayItem(const cJSON *array, int index)
{
    cJSON *item = array != NULL ? array->child : NULL;

    while (item != NULL && index-- > 0)
        item = item->next;
    return item;
}

char *cJSON_GetStringValue(const cJSON *item)
{
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* --- the host --- */

static void require(int truth, const char *what)
{
    if (truth)
        return;
    (void)fprintf(stderr, "host_cjson: %s\n", what);
    exit(1);
}

static optly_outcome deliver(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    (void)result;
    *(unsigned *)user += event->event_count;
    return OPTLY_DELIVERED;
}

static void deliver_one(const optly_project *project)
{
    optly_processor_config config = optly_processor_config_default();
    optly_impression impression = optly_impression_default();
    const optly_user user = {"v", NULL, 0};
    optly_processor *processor = NULL;
    optly_user_event *event = NULL;
    unsigned delivered = 0;

    require(optly_function_dispatcher_create(&config.dispatcher, deliver,
                                             &delivered, NULL) == OPTLY_OK &&
                optly_processor_create(&processor, &config, NULL) == OPTLY_OK &&
                optly_processor_start(processor) == OPTLY_OK,
            "no processor");
    require(optly_create_impression(&event, project, &user, &impression,
                                    NULL) == OPTLY_OK,
            "no event");
    require(optly_process_event(processor, event) == OPTLY_OK, "not accepted");
    require(optly_processor_close(processor, 10000, NULL) == OPTLY_OK,
            "not closed");
    optly_processor_destroy(processor);
    require(delivered == 1, "not delivered");
}

static optly_project *project_of_settings(void)
{
    optly_project_config config = optly_project_config_default();
    optly_project *project = NULL;

    config.project_id = "p";
    config.account_id = "a";
    config.revision = "1";
    config.send_flag_decisions = true;
    require(optly_project_create(&project, &config, NULL) == OPTLY_OK,
            "no project of settings");
    return project;
}

static void read_own_settings(void)
{
    static const char text[] = "{\"name\": \"host\", \"list\": [1, 2]}";
    cJSON *root = cJSON_ParseWithLength(text, sizeof(text) - 1);

    require(strcmp(cJSON_GetStringValue(
                       cJSON_GetObjectItemCaseSensitive(root, "name")),
                   "host") == 0,
            "its own cJSON does not work");
    cJSON_Delete(root);
}

int main(void)
{
    static const char datafile[] =
        "{\"version\":\"4\",\"accountId\":\"10\",\"projectId\":\"20\","
        "\"revision\":\"30\",\"sendFlagDecisions\":true,"
        "\"attributes\":[{\"id\":\"1\",\"key\":\"one\"},"
        "{\"id\":\"2\",\"key\":\"two\"}],\"events\":[],\"experiments\":[]}";
    optly_project *project = NULL;
    optly_error err = {OPTLY_OK, ""};
    optly_status status;
    unsigned own;

    read_own_settings();
    own = calls;
    status = optly_project_from_datafile(&project, datafile,
                                         sizeof(datafile) - 1, &err);
    printf("from_datafile: %d %s; the host's cJSON was called %u times\n",
           (int)status, err.message, calls - own);
#if defined(SAME_LAYOUT)
    require(status == OPTLY_OK, "the datafile was refused");
#else
    /* A refusal that says why, or the right answer; never a crash. */
    require(status == OPTLY_OK || (status == OPTLY_ERR_UNSUPPORTED &&
                                   strstr(err.message, "cJSON") != NULL),
            "neither read nor refused");
#endif
    if (status == OPTLY_OK) {
        require(strcmp(optly_project_revision(project), "30") == 0 &&
                    strcmp(optly_project_attribute_id(project, "two"), "2") ==
                        0,
                "the datafile was read wrong");
        deliver_one(project);
    }
    optly_project_destroy(project);
    project = project_of_settings();
    deliver_one(project);
    optly_project_destroy(project);
    read_own_settings();
    return 0;
}
