#include <string.h>

#include "base/error.h"
#include "event/event_memory.h"
#include "event/uuid.h"
#include "event/value.h"
#include "event/visitor_json.h"
#include "platform/platform.h"

enum { SCRATCH_SIZE = 4096 };

/* What is asked for, checked, on its way to an event. */
struct draft {
    optly__subject subject;
    const char *uuid; /* NULL: a new one */
    optly__text key, entity_id;
    bool is_impression;
    size_t uuid_offset; /* in the JSON */
};

static optly_status measure(optly__text *text, const char *bytes,
                            const char *name, optly_error *err)
{
    text->bytes = bytes != NULL ? bytes : "";
    text->len = strnlen(text->bytes, OPTLY__MOST_KEY_LEN + 1);
    if (text->len <= OPTLY__MOST_KEY_LEN)
        return OPTLY_OK;
    return optly__fail(err, OPTLY_ERR_TOO_LARGE, "%s: longer than %d bytes",
                       name, OPTLY__MOST_KEY_LEN);
}

static optly_status check_pairs(const optly_pair *pairs, size_t count,
                                const char *name, optly_error *err)
{
    if (count > OPTLY__MOST_PAIRS)
        return optly__fail(err, OPTLY_ERR_TOO_LARGE,
                           "%s: there are %zu, at most %d are allowed", name,
                           count, OPTLY__MOST_PAIRS);
    if (pairs == NULL && count > 0)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "%s: is NULL, its count is not 0", name);
    return OPTLY_OK;
}

static optly_status set_user(struct draft *draft, const optly_project *project,
                             const optly_user *user, optly_error *err)
{
    optly_status status;

    if (project == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "project: is NULL");
    if (user == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "user: is NULL");
    if (user->id == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "user.id: is NULL");
    status = measure(&draft->subject.visitor_id, user->id, "user.id", err);
    if (status == OPTLY_OK)
        status = check_pairs(user->attributes, user->attribute_count,
                             "user.attributes", err);
    draft->subject.project = project;
    draft->subject.user = user;
    return status;
}

static optly_status set_identity(struct draft *draft, const char *uuid,
                                 int64_t timestamp_ms, optly_error *err)
{
    if (uuid != NULL && !optly__uuid_is_valid(uuid))
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "uuid: is not of the form 8-4-4-4-12 hexadecimal "
                           "digits");
    if (timestamp_ms < 0 || timestamp_ms > OPTLY__MOST_TIMESTAMP_MS)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "timestamp_ms: is outside of 0 to %lld",
                           (long long)OPTLY__MOST_TIMESTAMP_MS);
    draft->uuid = uuid;
    draft->subject.timestamp_ms =
        timestamp_ms != 0 ? timestamp_ms : optly__wall_ms();
    return OPTLY_OK;
}

static void fill_event(optly_user_event *event, const struct draft *draft,
                       const optly__text parts[OPTLY__PARTS])
{
    optly__event_text_fill(event, parts);
    memcpy(event->text + draft->uuid_offset, parts[OPTLY__PART_UUID].bytes,
           OPTLY__UUID_LEN);
    event->timestamp_ms = draft->subject.timestamp_ms;
    event->is_impression = draft->is_impression;
    event->sequence = 0;
    event->arrival_ms = 0;
    event->flags = 0;
}

/* Randomness and memory come in one step; hence the uuid is written last. */
static optly_status make_event(optly_user_event **out,
                               const struct draft *draft,
                               const optly__writer *json, optly_error *err)
{
    const optly_project *project = draft->subject.project;
    optly__event_pool *pool =
        optly__event_pool_get(&project->state->pool, project->context);
    unsigned char random[OPTLY__RANDOM_SIZE];
    char new_uuid[OPTLY__UUID_LEN];
    const optly__text parts[OPTLY__PARTS] = {
        {json->start, optly__writer_len(json)},
        {draft->uuid != NULL ? draft->uuid : new_uuid, OPTLY__UUID_LEN},
        draft->key,
        draft->entity_id,
        draft->subject.visitor_id,
    };
    optly_status status;

    if (pool == NULL)
        return optly__fail_memory(err);
    status = optly__event_pool_take(pool, optly__event_text_size(parts),
                                    draft->uuid == NULL ? random : NULL, out);
    if (status != OPTLY_OK)
        return optly__fail(err, status, "%s", optly_status_text(status));
    if (draft->uuid == NULL)
        optly__uuid_write(new_uuid, random);
    fill_event(*out, draft, parts);
    if (draft->subject.visitor_id.len == 0)
        optly__project_notice(project, OPTLY__NOTICE_EMPTY_VISITOR, "", 0);
    return OPTLY_OK;
}

/* `status` is of the pairs; the writer has its own. */
static optly_status finish(optly_user_event **out, const struct draft *draft,
                           optly__writer *json, optly_status status,
                           optly_error *err)
{
    if (status == OPTLY_OK && json->status == OPTLY_ERR_TOO_LARGE)
        status = optly__fail(err, OPTLY_ERR_TOO_LARGE,
                             "event: its JSON is longer than %d bytes",
                             OPTLY__MOST_EVENT_LEN);
    else if (status == OPTLY_OK && json->status != OPTLY_OK)
        status = optly__fail_memory(err);
    if (status == OPTLY_OK)
        status = make_event(out, draft, json, err);
    optly__writer_cleanup(json);
    return status;
}

static bool impression_is_due(const optly_project *project,
                              const optly_impression *impression)
{
    if (project->send_flag_decisions)
        return true;
    return impression->variation != NULL &&
           (impression->rule_type == NULL ||
            strcmp(impression->rule_type, "rollout") != 0);
}

static bool is_numeric(optly__text text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
    }
    return text.len > 0;
}

/* The campaign is the experiment's layer; what has none is its own campaign. */
static optly_status read_experiment(optly__decision *decision,
                                    const optly_experiment *experiment,
                                    optly_error *err)
{
    static const optly_experiment none = {"", "", ""};
    const optly_experiment *from = experiment != NULL ? experiment : &none;
    optly_status status =
        measure(&decision->experiment_id, from->id, "experiment.id", err);

    if (status == OPTLY_OK)
        status = measure(&decision->campaign_id, from->layer_id,
                         "experiment.layer_id", err);
    if (decision->campaign_id.len == 0)
        decision->campaign_id = decision->experiment_id;
    return status;
}

static optly_status read_variation(optly__decision *decision,
                                   const optly_variation *variation,
                                   optly_error *err)
{
    static const optly_variation none = {"", ""};
    const optly_variation *from = variation != NULL ? variation : &none;
    optly_status status =
        measure(&decision->variation_id, from->id, "variation.id", err);

    if (status == OPTLY_OK)
        status =
            measure(&decision->variation_key, from->key, "variation.key", err);
    decision->has_numeric_variation = is_numeric(decision->variation_id);
    return status;
}

static optly_status read_decision(optly__decision *decision,
                                  const optly_impression *impression,
                                  optly_error *err)
{
    optly_status status =
        read_experiment(decision, impression->experiment, err);

    if (status == OPTLY_OK)
        status = read_variation(decision, impression->variation, err);
    if (status == OPTLY_OK)
        status =
            measure(&decision->flag_key, impression->flag_key, "flag_key", err);
    if (status == OPTLY_OK)
        status =
            measure(&decision->rule_key, impression->rule_key, "rule_key", err);
    if (status == OPTLY_OK)
        status = measure(&decision->rule_type, impression->rule_type,
                         "rule_type", err);
    if (status == OPTLY_OK)
        status = measure(&decision->cmab_uuid, impression->cmab_uuid,
                         "cmab_uuid", err);
    decision->has_cmab_uuid = impression->cmab_uuid != NULL;
    decision->enabled = optly__read_bool(&impression->enabled);
    return status;
}

static optly_status build_impression(optly_user_event **out,
                                     struct draft *draft,
                                     const optly_impression *impression,
                                     optly_error *err)
{
    char scratch[SCRATCH_SIZE];
    optly__decision decision;
    optly__writer json;
    optly_status status;

    memset(&decision, 0, sizeof(decision));
    status = read_decision(&decision, impression, err);
    if (status == OPTLY_OK)
        status = set_identity(draft, impression->uuid, impression->timestamp_ms,
                              err);
    if (status != OPTLY_OK)
        return status;
    draft->is_impression = true;
    draft->key.bytes = "campaign_activated";
    draft->key.len = strlen(draft->key.bytes);
    draft->entity_id = decision.campaign_id;
    optly__writer_init(&json, scratch, sizeof(scratch), OPTLY__MOST_EVENT_LEN);
    status = optly__write_impression(&json, &draft->subject, &decision,
                                     &draft->uuid_offset, err);
    return finish(out, draft, &json, status, err);
}

optly_status optly_create_impression(optly_user_event **out,
                                     const optly_project *project,
                                     const optly_user *user,
                                     const optly_impression *impression,
                                     optly_error *err)
{
    optly_impression copy;
    struct draft draft;
    optly_status status;

    if (out == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "out: is NULL");
    *out = NULL;
    memset(&draft, 0, sizeof(draft));
    status = optly__copy_struct(&copy, sizeof(copy), impression,
                                OPTLY__SIZE_TO(optly_impression, reserved),
                                "impression", err);
    if (status == OPTLY_OK)
        status = set_user(&draft, project, user, err);
    if (status != OPTLY_OK)
        return status;
    if (!impression_is_due(project, &copy))
        return OPTLY_SKIPPED;
    return build_impression(out, &draft, &copy, err);
}

static optly_status find_event(const optly__event **event,
                               const optly_project *project, const char *key,
                               optly_error *err)
{
    if (key == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "event_key: is NULL");
    if (key[0] == '\0')
        return optly__fail(err, OPTLY_ERR_INVALID, "event_key: is empty");
    *event = optly__table_get(&project->events, key);
    if (*event == NULL)
        return optly__fail(err, OPTLY_ERR_NOT_FOUND,
                           "event_key: the project has no event %.64s", key);
    return OPTLY_OK;
}

static optly_status build_conversion(optly_user_event **out,
                                     struct draft *draft,
                                     const optly_conversion *conversion,
                                     optly_error *err)
{
    char scratch[SCRATCH_SIZE];
    const optly__event *event = NULL;
    optly__writer json;
    optly_status status =
        find_event(&event, draft->subject.project, conversion->event_key, err);

    if (status == OPTLY_OK)
        status =
            check_pairs(conversion->tags, conversion->tag_count, "tags", err);
    if (status == OPTLY_OK)
        status = set_identity(draft, conversion->uuid, conversion->timestamp_ms,
                              err);
    if (status != OPTLY_OK)
        return status;
    draft->key.bytes = event->definition.key;
    draft->key.len = event->key_len;
    draft->entity_id.bytes = event->definition.id;
    draft->entity_id.len = event->id_len;
    optly__writer_init(&json, scratch, sizeof(scratch), OPTLY__MOST_EVENT_LEN);
    status = optly__write_conversion(&json, &draft->subject, event,
                                     conversion->tags, conversion->tag_count,
                                     &draft->uuid_offset, err);
    return finish(out, draft, &json, status, err);
}

optly_status optly_create_conversion(optly_user_event **out,
                                     const optly_project *project,
                                     const optly_user *user,
                                     const optly_conversion *conversion,
                                     optly_error *err)
{
    optly_conversion copy;
    struct draft draft;
    optly_status status;

    if (out == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "out: is NULL");
    *out = NULL;
    memset(&draft, 0, sizeof(draft));
    status = optly__copy_struct(&copy, sizeof(copy), conversion,
                                OPTLY__SIZE_TO(optly_conversion, uuid),
                                "conversion", err);
    if (status == OPTLY_OK)
        status = set_user(&draft, project, user, err);
    if (status == OPTLY_OK)
        status = build_conversion(out, &draft, &copy, err);
    return status;
}
