/* HTTP: from a request to the function that answers it. */
#ifndef COLLECTOR_HTTP_H
#define COLLECTOR_HTTP_H

#include <microhttpd.h>

#include "body.h"
#include "faults.h"
#include "ledger.h"

struct collector {
    /* Set by create, then read-only. */
    struct MHD_Daemon *daemon;
    size_t max_body_bytes;
    uint16_t port;
    char endpoint[64];

    /* Each with a lock of its own. */
    collector_ledger ledger;
    collector_faults faults;
};

/* A request under way; its connection's thread alone uses it. */
typedef struct collector_request {
    struct MHD_Connection *connection;
    collector_body body;
} collector_request;

/* What libmicrohttpd calls; their first argument is the collector. */
enum MHD_Result collector_http_handle(void *self,
                                      struct MHD_Connection *connection,
                                      const char *url, const char *method,
                                      const char *version, const char *data,
                                      size_t *len, void **context);
void collector_http_completed(void *self, struct MHD_Connection *connection,
                              void **context,
                              enum MHD_RequestTerminationCode code);
void collector_http_connection(void *self, struct MHD_Connection *connection,
                               void **context,
                               enum MHD_ConnectionNotificationCode code);

/* The answers. Each queues a response and returns what the handler returns. */

/* Takes `json`; NULL means that memory ran out. */
enum MHD_Result collector_answer_json(collector_request *request,
                                      unsigned status, cJSON *json);
enum MHD_Result collector_answer_error(collector_request *request,
                                       unsigned status, const char *reason);

/* Takes `response`. `header`, with its value, may be NULL. */
enum MHD_Result collector_answer(collector_request *request, unsigned status,
                                 struct MHD_Response *response,
                                 const char *header, const char *value);

/* POST /v1/events. */
enum MHD_Result collector_receive(collector *c, collector_request *request);

/* The API. */
enum MHD_Result collector_api_summary(collector *c, collector_request *request);
enum MHD_Result collector_api_batches(collector *c, collector_request *request);
enum MHD_Result collector_api_events(collector *c, collector_request *request);
enum MHD_Result collector_api_uuids(collector *c, collector_request *request);
enum MHD_Result collector_api_reset(collector *c, collector_request *request);
enum MHD_Result collector_api_fault(collector *c, collector_request *request);

#endif
