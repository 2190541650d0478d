#include "schema.h"

#include <string.h>

enum {
    STRING = 1,
    NUMBER = 2,
    BOOLEAN = 4,
    NOTHING = 8,
    ARRAY = 16,
    OBJECT = 32
};

const collector_schema collector_batch_schema = {
    "batch",
    {{"revision", STRING, false},
     {"account_id", STRING, false},
     {"client_version", STRING, false},
     {"visitors", ARRAY, false},
     {"project_id", STRING, false},
     {"client_name", STRING, false},
     {"anonymize_ip", BOOLEAN, false},
     {"enrich_decisions", BOOLEAN, false},
     {"region", STRING, false}}};

const collector_schema collector_visitor_schema = {
    "visitor",
    {{"attributes", ARRAY, false},
     {"snapshots", ARRAY, false},
     {"visitor_id", STRING, false}}};

const collector_schema collector_attribute_schema = {
    "attribute",
    {{"value", STRING | NUMBER | BOOLEAN, false},
     {"key", STRING, false},
     {"type", STRING, false},
     {"entity_id", STRING, false}}};

const collector_schema collector_snapshot_schema = {
    "snapshot", {{"decisions", ARRAY, true}, {"events", ARRAY, false}}};

const collector_schema collector_decision_schema = {
    "decision",
    {{"variation_id", STRING | NOTHING, false},
     {"campaign_id", STRING, false},
     {"experiment_id", STRING, false},
     {"metadata", OBJECT, false}}};

const collector_schema collector_metadata_schema = {
    "metadata",
    {{"flag_key", STRING, false},
     {"rule_key", STRING, false},
     {"rule_type", STRING, false},
     {"variation_key", STRING, false},
     {"enabled", BOOLEAN, false},
     {"cmab_uuid", STRING, true}}};

const collector_schema collector_event_schema = {"event",
                                                 {{"entity_id", STRING, false},
                                                  {"key", STRING, false},
                                                  {"timestamp", NUMBER, false},
                                                  {"uuid", STRING, false},
                                                  {"tags", OBJECT, true},
                                                  {"revenue", NUMBER, true},
                                                  {"value", NUMBER, true}}};

static int type_of(const cJSON *item)
{
    switch (item->type & 0xff) {
    case cJSON_String:
        return STRING;
    case cJSON_Number:
        return NUMBER;
    case cJSON_True:
    case cJSON_False:
        return BOOLEAN;
    case cJSON_Array:
        return ARRAY;
    case cJSON_Object:
        return OBJECT;
    default:
        return NOTHING;
    }
}

static int field_index(const collector_schema *schema, const char *name)
{
    for (int i = 0; i < COLLECTOR_MAX_FIELDS; i++)
        if (schema->fields[i].name != NULL &&
            strcmp(schema->fields[i].name, name) == 0)
            return i;
    return -1;
}

/* Behind the last field the name is NULL: nothing is missing then. */
static const char *missing_field(const collector_schema *schema, unsigned seen)
{
    for (int i = 0; i < COLLECTOR_MAX_FIELDS; i++)
        if (!schema->fields[i].optional && (seen >> i & 1) == 0)
            return schema->fields[i].name;
    return NULL;
}

const char *collector_schema_check(const collector_schema *schema,
                                   const cJSON *object, const char **name)
{
    unsigned seen = 0;
    const cJSON *item;

    *name = "";
    if (!cJSON_IsObject(object))
        return "is not an object";
    cJSON_ArrayForEach(item, object)
    {
        int i = field_index(schema, item->string);

        *name = item->string;
        if (i < 0)
            return "is not a known field";
        if ((seen >> i & 1) != 0)
            return "is there twice";
        if ((type_of(item) & schema->fields[i].types) == 0)
            return "has the wrong type";
        seen |= 1u << i;
    }
    *name = missing_field(schema, seen);
    return *name != NULL ? "is missing" : NULL;
}
