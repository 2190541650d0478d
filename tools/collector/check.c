#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "text.h"

#define MAX_ATTRIBUTE 9007199254740992.0 /* 2^53 */
#define YEAR_2000_MS 946684800000.0
#define YEAR_2100_MS 4102444800000.0

/* Where the check is: which visitor, and its text in the body. */
typedef struct check {
    collector_batch *batch;
    size_t visitor;
    const char *text;
} check;

static bool fail(check *c, const collector_schema *s, const char *name,
                 const char *what)
{
    char *reason = c->batch->reason;

    if (s == &collector_batch_schema)
        snprintf(reason, COLLECTOR_REASON_SIZE, "batch.%.60s %s", name, what);
    else
        snprintf(reason, COLLECTOR_REASON_SIZE, "visitors[%zu]: %s.%.60s %s",
                 c->visitor, s->name, name, what);
    for (; *reason != '\0'; reason++) /* a cut name must not break UTF-8 */
        if ((unsigned char)*reason < ' ' || (unsigned char)*reason > '~')
            *reason = '?';
    return false;
}

/* A good object, field by field. */
static bool check_fields(check *c, const collector_schema *s,
                         const cJSON *object)
{
    const char *name;
    const char *wrong = collector_schema_check(s, object, &name);

    return wrong == NULL || fail(c, s, name, wrong);
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *string(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(member(object, name));
}

static bool check_attribute(check *c, const cJSON *attribute)
{
    const cJSON *value;

    if (!check_fields(c, &collector_attribute_schema, attribute))
        return false;
    value = member(attribute, "value");
    if (strcmp(string(attribute, "type"), "custom") != 0)
        return fail(c, &collector_attribute_schema, "type",
                    "is not \"custom\"");
    if (cJSON_IsNumber(value) && !(value->valuedouble <= MAX_ATTRIBUTE &&
                                   value->valuedouble >= -MAX_ATTRIBUTE))
        return fail(c, &collector_attribute_schema, "value", "is beyond 2^53");
    return true;
}

static bool check_decision(check *c, const cJSON *decision)
{
    const char *variation;

    if (!check_fields(c, &collector_decision_schema, decision) ||
        !check_fields(c, &collector_metadata_schema,
                      member(decision, "metadata")))
        return false;
    variation = string(decision, "variation_id");
    if (variation != NULL &&
        (*variation == '\0' ||
         variation[strspn(variation, "0123456789")] != '\0'))
        return fail(c, &collector_decision_schema, "variation_id",
                    "is not all digits");
    return true;
}

static bool is_integer(const check *c, const char *name)
{
    const char *p = collector_event_text(c->text);

    p = p != NULL ? collector_text_member(p, name) : NULL;
    return p != NULL && collector_text_is_integer(p);
}

static bool check_tags(check *c, const cJSON *event)
{
    const cJSON *tags = member(event, "tags");

    if (tags != NULL && tags->child == NULL)
        return fail(c, &collector_event_schema, "tags", "is empty");
    if (member(event, "revenue") != NULL) {
        if (!is_integer(c, "revenue"))
            return fail(c, &collector_event_schema, "revenue",
                        "is not an integer");
        if (member(tags, "revenue") == NULL)
            return fail(c, &collector_event_schema, "revenue",
                        "is not in the tags");
    }
    if (member(event, "value") != NULL && member(tags, "value") == NULL)
        return fail(c, &collector_event_schema, "value", "is not in the tags");
    return true;
}

static bool check_event(check *c, const cJSON *event)
{
    collector_event *out = &c->batch->events[c->visitor];
    const cJSON *timestamp;

    if (!check_fields(c, &collector_event_schema, event))
        return false;
    timestamp = member(event, "timestamp");
    if (!is_integer(c, "timestamp") || timestamp->valuedouble < YEAR_2000_MS ||
        timestamp->valuedouble >= YEAR_2100_MS)
        return fail(c, &collector_event_schema, "timestamp",
                    "is not in ms between 2000 and 2100");
    if (!collector_uuid_parse(&out->uuid, string(event, "uuid")))
        return fail(c, &collector_event_schema, "uuid",
                    "is not a lower-case uuid");
    out->key = string(event, "key");
    return check_tags(c, event);
}

/* What an impression's event takes from its decision. */
static bool check_impression(check *c, const cJSON *decision,
                             const cJSON *event)
{
    if (strcmp(string(event, "key"), "campaign_activated") != 0)
        return fail(c, &collector_event_schema, "key",
                    "is not campaign_activated, but there is a decision");
    if (strcmp(string(event, "entity_id"), string(decision, "campaign_id")) !=
        0)
        return fail(c, &collector_event_schema, "entity_id",
                    "is not the campaign_id");
    if (member(event, "tags") != NULL)
        return fail(c, &collector_event_schema, "tags",
                    "is there with a decision");
    return true;
}

static bool check_snapshot(check *c, const cJSON *snapshot)
{
    const cJSON *decisions, *events;

    if (!check_fields(c, &collector_snapshot_schema, snapshot))
        return false;
    decisions = member(snapshot, "decisions");
    events = member(snapshot, "events");
    if (cJSON_GetArraySize(events) != 1)
        return fail(c, &collector_snapshot_schema, "events",
                    "does not hold one event");
    if (decisions != NULL && cJSON_GetArraySize(decisions) != 1)
        return fail(c, &collector_snapshot_schema, "decisions",
                    "does not hold one decision");
    if (!check_event(c, events->child))
        return false;
    return decisions == NULL ||
           (check_decision(c, decisions->child) &&
            check_impression(c, decisions->child, events->child));
}

static bool check_visitor(check *c, const cJSON *visitor)
{
    const cJSON *attribute, *snapshots;

    if (!check_fields(c, &collector_visitor_schema, visitor))
        return false;
    cJSON_ArrayForEach(
        attribute,
        member(visitor,
               "attributes")) if (!check_attribute(c, attribute)) return false;
    snapshots = member(visitor, "snapshots");
    if (cJSON_GetArraySize(snapshots) != 1)
        return fail(c, &collector_visitor_schema, "snapshots",
                    "does not hold one snapshot");
    return check_snapshot(c, snapshots->child);
}

static uint64_t hash_of(const char *text, const char *end)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; text < end; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static bool check_visitors(check *c, const cJSON *visitors)
{
    const cJSON *visitor;

    cJSON_ArrayForEach(visitor, visitors)
    {
        if (!check_visitor(c, visitor))
            return false;
        c->batch->events[c->visitor].hash =
            hash_of(c->text, collector_text_end(c->text));
        c->text = collector_text_next(c->text);
        c->visitor++;
    }
    return true;
}

static bool check_batch(check *c, const char *body)
{
    collector_batch *batch = c->batch;
    const cJSON *visitors;

    if (!check_fields(c, &collector_batch_schema, batch->root))
        return false;
    if (!cJSON_IsTrue(member(batch->root, "enrich_decisions")))
        return fail(c, &collector_batch_schema, "enrich_decisions",
                    "is not true");
    visitors = member(batch->root, "visitors");
    c->text = collector_text_member(body, "visitors");
    if (c->text == NULL)
        return fail(c, &collector_batch_schema, "visitors",
                    "is spelled with escapes");
    c->text = collector_text_first(c->text);
    if (visitors->child == NULL)
        return fail(c, &collector_batch_schema, "visitors", "is empty");
    batch->event_count = (size_t)cJSON_GetArraySize(visitors);
    batch->events = calloc(batch->event_count, sizeof(*batch->events));
    if (batch->events == NULL)
        return fail(c, &collector_batch_schema, "visitors",
                    "takes too much memory");
    return check_visitors(c, visitors);
}

const char *collector_event_text(const char *visitor)
{
    const char *p = collector_text_member(visitor, "snapshots");

    p = p != NULL ? collector_text_first(p) : NULL;
    p = p != NULL ? collector_text_member(p, "events") : NULL;
    return p != NULL ? collector_text_first(p) : NULL;
}

bool collector_batch_init(collector_batch *batch, const char *body, size_t len)
{
    check c = {batch, 0, NULL};
    const char *start = collector_text_skip(body);
    const char *end = collector_text_end(start);

    memset(batch, 0, sizeof(*batch));
    if (end != NULL && collector_text_skip(end) == body + len)
        batch->root = cJSON_Parse(start);
    if (batch->root == NULL) {
        snprintf(batch->reason, sizeof(batch->reason), "not JSON in UTF-8");
        return false;
    }
    return check_batch(&c, start);
}

void collector_batch_cleanup(collector_batch *batch)
{
    cJSON_Delete(batch->root);
    free(batch->events);
}
