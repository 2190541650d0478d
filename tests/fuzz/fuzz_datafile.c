/*
 * A datafile: what the strict reader and a second reading of the rules make of
 * it is what the library makes of it, down to each look-up.
 */
#include <stdlib.h>
#include <string.h>

#include <optly/event.h>

#include "fuzz.h"
#include "strict_json.h"

enum { MOST_KEY_LEN = 4096, MOST_NUMBER_LEN = 63, MOST_DEPTH = 512 };

static const json_rules datafile_rules = {.most_depth = MOST_DEPTH,
                                          .bad_bytes = JSON_KEEP,
                                          .lone_surrogates = JSON_REFUSE};
static const json_rules strict = {
    .most_depth = 64, .bad_bytes = JSON_REFUSE, .lone_surrogates = JSON_REFUSE};

/* What is wrong with a datafile; several may be. */
typedef struct faults {
    bool type, version, length;
} faults;

static const json_node *field(const json_node *object, const char *name)
{
    const json_node *found = json_member(object, name);

    return found != NULL && found->type != JSON_NULL ? found : NULL;
}

static const char *string_of(const json_node *object, const char *name)
{
    const json_node *found = field(object, name);

    return found != NULL && found->type == JSON_STRING ? found->value.bytes
                                                       : "";
}

static void check_string(const json_node *object, const char *name, faults *f)
{
    const json_node *found = field(object, name);

    if (found != NULL && found->type != JSON_STRING)
        f->type = true;
    else if (found != NULL && found->value.len > MOST_KEY_LEN)
        f->length = true;
}

/* The items of a list that are objects; nulls do not count. */
static const json_node *items(const json_node *object, const char *name,
                              faults *f)
{
    const json_node *list = field(object, name);

    if (list == NULL)
        return NULL;
    if (list->type != JSON_ARRAY) {
        f->type = true;
        return NULL;
    }
    for (const json_node *item = list->first; item; item = item->next)
        f->type =
            f->type || (item->type != JSON_OBJECT && item->type != JSON_NULL);
    return list->first;
}

static void check_definition(const json_node *item, faults *f)
{
    check_string(item, "id", f);
    check_string(item, "key", f);
}

static void check_list(const json_node *object, const char *name, faults *f)
{
    for (const json_node *item = items(object, name, f); item;
         item = item->next)
        check_definition(item, f);
}

static void check_rules(const json_node *object, const char *name,
                        bool has_layer, faults *f)
{
    for (const json_node *item = items(object, name, f); item;
         item = item->next) {
        check_definition(item, f);
        if (has_layer)
            check_string(item, "layerId", f);
        check_list(item, "variations", f);
    }
}

static void check_groups(const json_node *object, const char *name, faults *f)
{
    for (const json_node *item = items(object, name, f); item;
         item = item->next)
        check_rules(item, "experiments", true, f);
}

static void check_root(const json_node *root, faults *f)
{
    static const char *const strings[] = {"accountId", "projectId",
                                          "revision",  "region",
                                          "sdkKey",    "environmentKey"};
    static const char *const flags[] = {"anonymizeIP", "botFiltering",
                                        "sendFlagDecisions"};
    const json_node *version = field(root, "version");

    if (version != NULL && version->type != JSON_STRING)
        f->type = true;
    else
        f->version = strcmp(string_of(root, "version"), "2") != 0 &&
                     strcmp(string_of(root, "version"), "3") != 0 &&
                     strcmp(string_of(root, "version"), "4") != 0;
    for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
        check_string(root, strings[i], f);
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        const json_node *flag = field(root, flags[i]);

        f->type = f->type || (flag != NULL && flag->type != JSON_TRUE &&
                              flag->type != JSON_FALSE);
    }
    check_list(root, "attributes", f);
    check_list(root, "events", f);
    check_rules(root, "localHoldouts", false, f);
    check_rules(root, "holdouts", false, f);
    check_groups(root, "rollouts", f);
    check_groups(root, "groups", f);
    check_rules(root, "experiments", true, f);
}

/* --- look-ups, in a datafile without faults --- */

static bool is_true(const json_node *root, const char *name)
{
    const json_node *flag = field(root, name);

    return flag != NULL && flag->type == JSON_TRUE;
}

static const json_node *find_in(const json_node *list, const char *key,
                                const json_node *found)
{
    for (const json_node *item = list != NULL ? list->first : NULL; item;
         item = item->next) {
        if (item->type == JSON_OBJECT &&
            strcmp(string_of(item, "key"), key) == 0)
            found = item;
    }
    return found;
}

static const json_node *find_in_groups(const json_node *groups, const char *key,
                                       const json_node *found)
{
    for (const json_node *group = groups != NULL ? groups->first : NULL; group;
         group = group->next)
        found = find_in(field(group, "experiments"), key, found);
    return found;
}

/* The one that counts: experiments proper before all else. */
static const json_node *find_experiment(const json_node *root, const char *key,
                                        bool *has_layer)
{
    const json_node *held, *found;

    held = find_in(field(root, "localHoldouts"), key, NULL);
    held = find_in(field(root, "holdouts"), key, held);
    found = find_in_groups(field(root, "rollouts"), key, NULL);
    found = find_in_groups(field(root, "groups"), key, found);
    found = find_in(field(root, "experiments"), key, found);
    *has_layer = found != NULL;
    return found != NULL ? found : held;
}

static void check_variation(const optly_project *project, const char *key,
                            const json_node *experiment,
                            const json_node *variation)
{
    const char *name = string_of(variation, "key");
    const json_node *counts =
        find_in(field(experiment, "variations"), name, NULL);
    const optly_variation *found = optly_project_variation(project, key, name);

    FUZZ_CHECK(found != NULL && strcmp(found->key, name) == 0);
    FUZZ_CHECK(strcmp(found->id, string_of(counts, "id")) == 0);
}

static void check_experiments(const optly_project *project,
                              const json_node *root, const json_node *list)
{
    for (const json_node *item = list != NULL ? list->first : NULL; item;
         item = item->next) {
        const char *key = string_of(item, "key");
        const json_node *counts, *variations;
        const optly_experiment *found;
        bool has_layer;

        if (item->type != JSON_OBJECT)
            continue;
        counts = find_experiment(root, key, &has_layer);
        found = optly_project_experiment(project, key);
        FUZZ_CHECK(found != NULL && strcmp(found->key, key) == 0);
        FUZZ_CHECK(strcmp(found->id, string_of(counts, "id")) == 0);
        FUZZ_CHECK(strcmp(found->layer_id,
                          has_layer ? string_of(counts, "layerId") : "") == 0);
        variations = field(counts, "variations");
        for (const json_node *v = variations ? variations->first : NULL; v;
             v = v->next) {
            if (v->type == JSON_OBJECT)
                check_variation(project, key, counts, v);
        }
    }
}

static void check_lists(const optly_project *project, const json_node *root)
{
    static const char *const grouped[] = {"rollouts", "groups"};
    static const char *const plain[] = {"localHoldouts", "holdouts",
                                        "experiments"};
    const json_node *list = field(root, "attributes");

    for (const json_node *item = list ? list->first : NULL; item;
         item = item->next) {
        const char *key = string_of(item, "key");
        const char *id = optly_project_attribute_id(project, key);

        FUZZ_CHECK(item->type == JSON_NULL || id != NULL);
        if (item->type != JSON_NULL)
            FUZZ_CHECK(strcmp(id, string_of(find_in(list, key, NULL), "id")) ==
                       0);
    }
    for (int i = 0; i < 3; i++)
        check_experiments(project, root, field(root, plain[i]));
    for (int i = 0; i < 2; i++) {
        list = field(root, grouped[i]);
        for (const json_node *item = list ? list->first : NULL; item;
             item = item->next)
            check_experiments(project, root, field(item, "experiments"));
    }
}

static void check_fields(const optly_project *project, const json_node *root)
{
    const char *region = string_of(root, "region");

    FUZZ_CHECK(
        strcmp(optly_project_id(project), string_of(root, "projectId")) == 0);
    FUZZ_CHECK(strcmp(optly_project_account_id(project),
                      string_of(root, "accountId")) == 0);
    FUZZ_CHECK(strcmp(optly_project_revision(project),
                      string_of(root, "revision")) == 0);
    FUZZ_CHECK(strcmp(optly_project_region(project),
                      region[0] != '\0' ? region : "US") == 0);
    FUZZ_CHECK(
        strcmp(optly_project_sdk_key(project), string_of(root, "sdkKey")) == 0);
    FUZZ_CHECK(strcmp(optly_project_environment_key(project),
                      string_of(root, "environmentKey")) == 0);
    FUZZ_CHECK(optly_project_anonymize_ip(project) ==
               is_true(root, "anonymizeIP"));
    FUZZ_CHECK(optly_project_bot_filtering(project) ==
               is_true(root, "botFiltering"));
    FUZZ_CHECK(optly_project_send_flag_decisions(project) ==
               is_true(root, "sendFlagDecisions"));
}

/* Whatever is in the datafile, an event of it is valid JSON. */
static void check_event(const optly_project *project, const json_node *root)
{
    static json_document document;
    const json_node *events = field(root, "events");
    const json_node *attributes = field(root, "attributes");
    const optly_pair attribute = optly_bool(
        string_of(attributes ? attributes->first : NULL, "key"), true);
    const optly_user user = {"v", &attribute, 1};
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event = NULL;

    conversion.event_key = string_of(events ? events->first : NULL, "key");
    if (conversion.event_key[0] == '\0')
        return;
    FUZZ_CHECK(optly_create_conversion(&event, project, &user, &conversion,
                                       NULL) == OPTLY_OK);
    FUZZ_CHECK(json_read(&document, optly_user_event_json(event),
                         optly_user_event_json_len(event), &strict));
    optly_user_event_destroy(event);
}

static void check_status(optly_status status, bool is_json, const faults *f)
{
    if (!is_json || f->type)
        FUZZ_CHECK(status == OPTLY_ERR_PARSE ||
                   (is_json && f->version && status == OPTLY_ERR_UNSUPPORTED) ||
                   (is_json && f->length && status == OPTLY_ERR_TOO_LARGE));
    else if (f->version)
        FUZZ_CHECK(status == OPTLY_ERR_UNSUPPORTED);
    else if (f->length)
        FUZZ_CHECK(status == OPTLY_ERR_TOO_LARGE);
    else
        FUZZ_CHECK(status == OPTLY_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_document document;
    const char *json = (const char *)data;
    optly_error err = {OPTLY_OK, ""};
    optly_project *project = NULL;
    faults f = {false, false, false};
    optly_status status;
    bool is_json;

    is_json = json_read(&document, json, size, &datafile_rules) &&
              (document.root->type == JSON_OBJECT ||
               document.root->type == JSON_ARRAY) &&
              json_numbers_fit(document.root, MOST_NUMBER_LEN) &&
              !json_has_nul(document.root);
    if (is_json && json_is_near_overflow(document.root))
        return 0;
    if (is_json && document.root->type == JSON_ARRAY)
        f.type = true;
    else if (is_json)
        check_root(document.root, &f);

    status = optly_project_from_datafile(&project, json, size, &err);
    check_status(status, is_json, &f);
    FUZZ_CHECK((project != NULL) == (status == OPTLY_OK));
    if (project != NULL) {
        check_fields(project, document.root);
        check_lists(project, document.root);
        check_event(project, document.root);
    } else {
        FUZZ_CHECK(err.status == status && err.message[0] != '\0');
        FUZZ_CHECK(memchr(err.message, '\0', sizeof(err.message)) != NULL);
    }
    fuzz_note((uint64_t)status);
    optly_project_destroy(project);
    return 0;
}
