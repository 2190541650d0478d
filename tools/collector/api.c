/* The JSON API: what was seen, and the batches that are kept. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "text.h"

enum { DEFAULT_LIMIT = 10, MAX_LIMIT = 1000, UUIDS_BLOCK = 16 * 1024 };

static const char *argument(const collector_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection,
                                       MHD_GET_ARGUMENT_KIND, name);
}

static size_t limit_of(const collector_request *request)
{
    const char *text = argument(request, "limit");
    unsigned long limit = text != NULL ? strtoul(text, NULL, 10) : 0;

    if (limit == 0)
        return DEFAULT_LIMIT;
    return limit < MAX_LIMIT ? limit : MAX_LIMIT;
}

static void add_count(cJSON *json, const char *name, uint64_t count)
{
    cJSON_AddNumberToObject(json, name, (double)count);
}

static void add_counts(cJSON *json, const collector_counts *counts)
{
    add_count(json, "requests", counts->requests);
    add_count(json, "batches", counts->batches);
    add_count(json, "events", counts->events);
    add_count(json, "distinct", counts->distinct);
    add_count(json, "duplicates", counts->duplicates);
    add_count(json, "changed", counts->changed);
    add_count(json, "forgotten", counts->forgotten);
    add_count(json, "malformed", counts->malformed);
    add_count(json, "too_large", counts->too_large);
    add_count(json, "bytes", counts->bytes);
    add_count(json, "connections", counts->connections);
    add_count(json, "faults", counts->faults);
}

enum MHD_Result collector_api_summary(collector *c, collector_request *request)
{
    cJSON *json = cJSON_CreateObject(), *list;
    collector_counts counts;
    collector_key key;
    char reason[COLLECTOR_REASON_SIZE];

    collector_read(c, &counts);
    add_counts(json, &counts);
    list = cJSON_AddObjectToObject(json, "events_by_key");
    for (size_t i = 0; collector_ledger_key(&c->ledger, i, &key); i++) {
        add_count(list, key.name, key.count);
        free(key.name);
    }
    list = cJSON_AddArrayToObject(json, "malformed_reasons");
    for (size_t i = 0; collector_reason(c, i, reason); i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(reason));
    return collector_answer_json(request, MHD_HTTP_OK, json);
}

static cJSON *describe_batch(const collector_kept *kept)
{
    cJSON *json = cJSON_CreateObject();

    add_count(json, "number", kept->number);
    cJSON_AddNumberToObject(json, "received_ms", (double)kept->received_ms);
    add_count(json, "connection", kept->connection);
    add_count(json, "events", kept->events);
    cJSON_AddBoolToObject(json, "gzip", kept->gzip);
    add_count(json, "body_bytes", kept->body_len);
    cJSON_AddRawToObject(json, "body", kept->body);
    return json;
}

enum MHD_Result collector_api_batches(collector *c, collector_request *request)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "batches");
    size_t limit = limit_of(request);
    collector_counts counts;
    collector_kept kept;

    collector_read(c, &counts);
    for (size_t i = 0; i < limit && i < counts.batches; i++) {
        if (!collector_copy_batch(c, counts.batches - i, &kept))
            break;
        cJSON_AddItemToArray(list, describe_batch(&kept));
        free(kept.body);
    }
    return collector_answer_json(request, MHD_HTTP_OK, json);
}

/* Adds the value at `text` as it was written: no number changes its digits. */
static void add_text(cJSON *json, const char *name, const char *text)
{
    char *copy;

    if (text == NULL)
        return;
    copy = strndup(text, (size_t)(collector_text_end(text) - text));
    if (copy != NULL)
        cJSON_AddRawToObject(json, name, copy);
    free(copy);
}

static cJSON *describe_event(const char *visitor, const char *event)
{
    static const char *const names[] = {
        "uuid", "key", "entity_id", "timestamp", "revenue", "value", "tags"};
    cJSON *json = cJSON_CreateObject();

    add_text(json, "visitor_id", collector_text_member(visitor, "visitor_id"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        add_text(json, names[i], collector_text_member(event, names[i]));
    add_text(json, "attributes", collector_text_member(visitor, "attributes"));
    return json;
}

/* `key` is a JSON string, or NULL for every key. */
static bool has_key(const char *event, const char *key)
{
    const char *text = collector_text_member(event, "key");

    return key == NULL ||
           (text != NULL && strncmp(text, key, strlen(key)) == 0);
}

static void add_events(cJSON *list, const collector_kept *kept, const char *key,
                       size_t *left)
{
    const char *visitor = collector_text_first(
        collector_text_member(collector_text_skip(kept->body), "visitors"));

    for (; visitor != NULL && *left > 0;
         visitor = collector_text_next(visitor)) {
        const char *event = collector_event_text(visitor);

        if (event == NULL || !has_key(event, key))
            continue;
        cJSON_AddItemToArray(list, describe_event(visitor, event));
        --*left;
    }
}

/* Of the batches that are kept, the latest first. */
enum MHD_Result collector_api_events(collector *c, collector_request *request)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(json, "events");
    cJSON *name = cJSON_CreateString(
        argument(request, "key") != NULL ? argument(request, "key") : "");
    char *key =
        argument(request, "key") != NULL ? cJSON_PrintUnformatted(name) : NULL;
    size_t left = limit_of(request);
    collector_counts counts;
    collector_kept kept;

    collector_read(c, &counts);
    while (left > 0 && collector_copy_batch(c, counts.batches, &kept)) {
        add_events(list, &kept, key, &left);
        free(kept.body);
        counts.batches--;
    }
    cJSON_free(key);
    cJSON_Delete(name);
    return collector_answer_json(request, MHD_HTTP_OK, json);
}

/* A download of all uuids; `epoch` shows a reset in the middle of it. */
typedef struct uuid_stream {
    collector *c;
    uint64_t epoch;
    size_t index;
} uuid_stream;

static ssize_t read_uuids(void *self, uint64_t position, char *out, size_t max)
{
    enum { LINE = COLLECTOR_UUID_SIZE + 12 };
    uuid_stream *stream = self;
    collector_sighting seen;
    size_t len = 0;

    (void)position;
    if (collector_ledger_epoch(&stream->c->ledger) != stream->epoch)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    while (max - len > LINE &&
           collector_uuid_at(stream->c, stream->index, &seen)) {
        len += (size_t)snprintf(out + len, max - len, "%s %" PRIu32 "\n",
                                seen.uuid, seen.count);
        stream->index++;
    }
    return len > 0 ? (ssize_t)len : MHD_CONTENT_READER_END_OF_STREAM;
}

enum MHD_Result collector_api_uuids(collector *c, collector_request *request)
{
    uuid_stream *stream = calloc(1, sizeof(*stream));
    struct MHD_Response *response;

    if (stream == NULL)
        return MHD_NO;
    stream->c = c;
    stream->epoch = collector_ledger_epoch(&c->ledger);
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, UUIDS_BLOCK,
                                                 read_uuids, stream, free);
    if (response == NULL)
        free(stream);
    return collector_answer(request, MHD_HTTP_OK, response, "Content-Type",
                            "text/plain");
}

enum MHD_Result collector_api_reset(collector *c, collector_request *request)
{
    collector_reset(c);
    return collector_answer_json(request, MHD_HTTP_OK, cJSON_CreateObject());
}
