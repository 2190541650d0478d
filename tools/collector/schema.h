/* The fields that each object of the wire format has. */
#ifndef COLLECTOR_SCHEMA_H
#define COLLECTOR_SCHEMA_H

#include <cjson/cJSON.h>
#include <stdbool.h>

enum { COLLECTOR_MAX_FIELDS = 9 };

typedef struct collector_field {
    const char *name; /* NULL: no more fields */
    int types;        /* one or more bits */
    bool optional;
} collector_field;

typedef struct collector_schema {
    const char *name;
    collector_field fields[COLLECTOR_MAX_FIELDS];
} collector_schema;

extern const collector_schema collector_batch_schema;
extern const collector_schema collector_visitor_schema;
extern const collector_schema collector_attribute_schema;
extern const collector_schema collector_snapshot_schema;
extern const collector_schema collector_decision_schema;
extern const collector_schema collector_metadata_schema;
extern const collector_schema collector_event_schema;

/*
 * Whether `object` has all required fields, no unknown ones, none twice and
 * each of its type. Returns NULL, or what is wrong with the field `*name`,
 * which is valid as long as `object`.
 */
const char *collector_schema_check(const collector_schema *schema,
                                   const cJSON *object, const char **name);

#endif
