/* One request by libcurl: a handle, reused, and what it is told. */
#ifndef OPTLY__HTTP_TRANSFER_H
#define OPTLY__HTTP_TRANSFER_H

#include "dispatch/http_client.h"
#include "dispatch/http_response.h"

typedef struct optly__http_transfer optly__http_transfer;
struct optly__http_transfer {
    const optly__http_client *client;
    void *easy; /* CURL */
    /* The request under way. */
    const optly_log_event *event;
    optly_delivery delivery;
    void *gzipped; /* owned; NULL: the event's own body is sent */
    optly__http_response response;
    char error[256]; /* libcurl's text */
    /* For lists. */
    optly__http_transfer *next, *previous;
};

/* Makes a transfer with all settings in place; it outlives no `client`. One
 * setting that libcurl refuses is a failure. */
optly_status optly__http_transfer_create(optly__http_transfer **out,
                                         const optly__http_client *client,
                                         optly_error *err);
void optly__http_transfer_destroy(optly__http_transfer *transfer);

/*
 * Makes the handle ready to send `event`, which must stay valid until release.
 * False: it must not be sent, and `*result` says why.
 */
bool optly__http_transfer_prepare(optly__http_transfer *transfer,
                                  const optly_log_event *event,
                                  optly_delivery delivery,
                                  optly_dispatch_result *result);

/* Says what became of it, `code` being libcurl's. */
void optly__http_transfer_judge(const optly__http_transfer *transfer, int code,
                                optly_dispatch_result *result);

/* Lets go of the event and of what was made for it. */
void optly__http_transfer_release(optly__http_transfer *transfer);

/* What a CURLcode means when no status line came. */
optly_outcome optly__http_code_outcome(int code);

#endif
