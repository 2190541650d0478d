/* The JSON of an event, read back by an independent parser. */
#ifndef OPTLY_FAKES_EVENT_JSON_H
#define OPTLY_FAKES_EVENT_JSON_H

#include <cjson/cJSON.h>
#include <optly/event.h>

/* Never NULL: text that is not JSON ends the program. Owned by the caller. */
cJSON *event_json_parse(const optly_user_event *event);

/* What lies at a path like "snapshots/0/events/0/tags"; NULL: nothing. */
const cJSON *event_json_at(const cJSON *root, const char *path);

/* The same as text without white space, valid until the next call; "" if
 * there is nothing. */
const char *event_json_text(const cJSON *root, const char *path);

#endif
