#include "http.h"

#include <stdlib.h>
#include <string.h>

typedef struct route {
    const char *method, *path;
    enum MHD_Result (*answer)(collector *c, collector_request *request);
} route;

static const route routes[] = {
    {"POST", "/v1/events", collector_receive},
    {"GET", "/api/summary", collector_api_summary},
    {"GET", "/api/batches", collector_api_batches},
    {"GET", "/api/events", collector_api_events},
    {"GET", "/api/uuids", collector_api_uuids},
    {"POST", "/api/reset", collector_api_reset},
    {"POST", "/api/fault", collector_api_fault},
};

enum MHD_Result collector_answer(collector_request *request, unsigned status,
                                 struct MHD_Response *response,
                                 const char *header, const char *value)
{
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    if (header != NULL)
        MHD_add_response_header(response, header, value);
    result = MHD_queue_response(request->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Takes `json`. NULL when memory ran out. */
static struct MHD_Response *json_response(cJSON *json)
{
    char *text = json != NULL ? cJSON_PrintUnformatted(json) : NULL;
    struct MHD_Response *response = NULL;

    cJSON_Delete(json);
    if (text == NULL)
        return NULL;
    response = MHD_create_response_from_buffer(strlen(text), text,
                                               MHD_RESPMEM_MUST_COPY);
    cJSON_free(text);
    if (response != NULL)
        MHD_add_response_header(response, "Content-Type", "application/json");
    return response;
}

static cJSON *error_json(const char *reason)
{
    cJSON *json = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "error", reason);
    return json;
}

enum MHD_Result collector_answer_json(collector_request *request,
                                      unsigned status, cJSON *json)
{
    return collector_answer(request, status, json_response(json), NULL, NULL);
}

enum MHD_Result collector_answer_error(collector_request *request,
                                       unsigned status, const char *reason)
{
    return collector_answer_json(request, status, error_json(reason));
}

static enum MHD_Result answer(collector *c, collector_request *request,
                              const char *method, const char *url)
{
    const char *allowed = NULL;

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(routes[i].path, url) != 0)
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return routes[i].answer(c, request);
        allowed = routes[i].method;
    }
    if (allowed == NULL)
        return collector_answer_error(request, MHD_HTTP_NOT_FOUND,
                                      "no such path");
    return collector_answer(request, MHD_HTTP_METHOD_NOT_ALLOWED,
                            json_response(error_json("not this method")),
                            "Allow", allowed);
}

enum MHD_Result collector_http_handle(void *self,
                                      struct MHD_Connection *connection,
                                      const char *url, const char *method,
                                      const char *version, const char *data,
                                      size_t *len, void **context)
{
    collector *c = self;
    collector_request *request = *context;
    size_t received = *len;

    (void)version;
    if (request == NULL) { /* the headers are there, the body is not */
        request = calloc(1, sizeof(*request));
        if (request == NULL)
            return MHD_NO;
        request->connection = connection;
        request->body.max = c->max_body_bytes;
        *context = request;
        return MHD_YES;
    }
    if (received == 0)
        return answer(c, request, method, url);
    *len = 0;
    return collector_body_add(&request->body, data, received) ? MHD_YES
                                                              : MHD_NO;
}

void collector_http_completed(void *self, struct MHD_Connection *connection,
                              void **context,
                              enum MHD_RequestTerminationCode code)
{
    collector_request *request = *context;

    (void)self;
    (void)connection;
    (void)code;
    if (request == NULL)
        return;
    collector_body_cleanup(&request->body);
    free(request);
    *context = NULL;
}

void collector_http_connection(void *self, struct MHD_Connection *connection,
                               void **context,
                               enum MHD_ConnectionNotificationCode code)
{
    collector *c = self;
    uint64_t number, *kept;

    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        free(*context);
        return;
    }
    number = collector_ledger_connect(&c->ledger);
    *context = kept = malloc(sizeof(*kept));
    if (kept != NULL)
        *kept = number;
}
