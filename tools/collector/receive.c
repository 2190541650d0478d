/* POST /v1/events: record a batch and answer as the event service would. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "http.h"

/* What is to be answered; a reason only for what is refused. */
typedef struct verdict {
    unsigned status;
    char reason[COLLECTOR_REASON_SIZE];
} verdict;

static verdict refuse(unsigned status, const char *reason)
{
    verdict v = {status, ""};

    snprintf(v.reason, sizeof(v.reason), "%s", reason);
    return v;
}

static const char *header(const collector_request *request, const char *name)
{
    const char *value =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);

    return value != NULL ? value : "";
}

static bool is_json(const char *content_type)
{
    size_t len = strlen("application/json");

    return strncasecmp(content_type, "application/json", len) == 0 &&
           (content_type[len] == '\0' || content_type[len] == ';' ||
            content_type[len] == ' ');
}

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0 when there was no memory to keep it. */
static uint64_t connection_number(const collector_request *request)
{
    const uint64_t *number =
        MHD_get_connection_info(request->connection,
                                MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;

    return number != NULL ? *number : 0;
}

static verdict record_body(collector *c, collector_request *request, bool gzip)
{
    collector_batch batch = {0};
    collector_body *body = &request->body;
    collector_kept kept = {.gzip = gzip, .received_ms = wall_ms()};
    verdict v = {MHD_HTTP_NO_CONTENT, ""};

    if (!collector_batch_init(&batch, body->data != NULL ? body->data : "",
                              body->len)) {
        v = refuse(MHD_HTTP_BAD_REQUEST, batch.reason);
    } else {
        kept.connection = connection_number(request);
        kept.body = body->data;
        kept.body_len = body->len;
        body->data = NULL; /* the ledger's from here on */
        collector_ledger_record(&c->ledger, &batch, &kept);
    }
    collector_batch_cleanup(&batch);
    return v;
}

static verdict judge(collector *c, collector_request *request)
{
    const char *encoding = header(request, "Content-Encoding");
    bool gzip = strcasecmp(encoding, "gzip") == 0;
    collector_unpacked unpacked = COLLECTOR_UNPACKED;

    if (request->body.too_large)
        return refuse(MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
    if (!is_json(header(request, "Content-Type")))
        return refuse(MHD_HTTP_BAD_REQUEST,
                      "Content-Type is not application/json");
    if (!gzip && *encoding != '\0')
        return refuse(MHD_HTTP_BAD_REQUEST, "Content-Encoding is not gzip");
    if (gzip)
        unpacked = collector_body_unpack(&request->body);
    if (unpacked == COLLECTOR_UNPACKED_TOO_LARGE)
        return refuse(MHD_HTTP_CONTENT_TOO_LARGE,
                      "the unpacked body is too large");
    if (unpacked == COLLECTOR_NOT_GZIP)
        return refuse(MHD_HTTP_BAD_REQUEST, "the body is not gzip");
    return record_body(c, request, gzip);
}

static verdict record(collector *c, collector_request *request)
{
    verdict v = judge(c, request);

    if (v.status == MHD_HTTP_BAD_REQUEST)
        collector_ledger_refuse(&c->ledger, v.reason);
    else if (v.status == MHD_HTTP_CONTENT_TOO_LARGE)
        collector_ledger_count_too_large(&c->ledger);
    return v;
}

/*
 * Breaks the connection. Disconnecting the socket sends the reset at once;
 * libmicrohttpd alone would say goodbye with a FIN first.
 */
static enum MHD_Result reset(collector_request *request)
{
    const struct linger at_once = {1, 0};
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int fd = MHD_get_connection_info(request->connection,
                                     MHD_CONNECTION_INFO_CONNECTION_FD)
                 ->connect_fd;

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    (void)!connect(fd, &nowhere, sizeof(nowhere));
    return MHD_NO;
}

static enum MHD_Result answer_verdict(collector_request *request,
                                      const verdict *v, const char *retry_after)
{
    const char *name = *retry_after != '\0' ? "Retry-After" : NULL;

    if (v->reason[0] != '\0' && name == NULL)
        return collector_answer_error(request, v->status, v->reason);
    return collector_answer(
        request, v->status,
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), name,
        retry_after);
}

enum MHD_Result collector_receive(collector *c, collector_request *request)
{
    collector_fault fault;
    uint64_t mark;
    verdict v = {0, ""};

    if (collector_faults_take(&c->faults, &fault, &mark))
        collector_ledger_count_fault(&c->ledger);
    collector_ledger_arrive(&c->ledger, request->body.received);

    if (fault.after)
        v = record(c, request);
    if (fault.delay_ms > 0)
        collector_faults_delay(&c->faults, fault.delay_ms, mark);
    if (!fault.after && fault.status == 0 && !fault.reset)
        v = record(c, request);

    if (fault.reset)
        return reset(request);
    if (fault.status != 0)
        v = refuse(fault.status, "");
    return answer_verdict(request, &v, fault.retry_after);
}
