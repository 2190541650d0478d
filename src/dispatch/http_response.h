/* What an HTTP answer means. Knows no transport: fed with lines and sizes. */
#ifndef OPTLY__HTTP_RESPONSE_H
#define OPTLY__HTTP_RESPONSE_H

#include <optly/dispatcher.h>

enum { OPTLY__RESPONSE_MAX_BYTES = 65536 };

/* What is kept of an answer while it arrives. */
typedef struct optly__http_response {
    size_t header_bytes, body_bytes;
    int64_t retry_after_s; /* -1: none; from now on */
    int64_t retry_date_s;  /* -1: none; since 1970 */
    int64_t date_s;        /* the server's clock; -1: it did not say */
    bool is_garbled;       /* its status has more than three digits */
} optly__http_response;

void optly__http_response_init(optly__http_response *response);

/*
 * Takes the next header line, its line end included; a status line begins a
 * new answer (after a 100, say). False when the headers pass 64 KiB: stop.
 */
bool optly__http_response_header(optly__http_response *response,
                                 const char *line, size_t len);

/* Counts `len` more bytes of the body. False when it passes 64 KiB: stop. */
bool optly__http_response_body(optly__http_response *response, size_t len);

/*
 * How long the server asks to wait, from 0 to 10 minutes. A date is measured
 * by the server's own clock if it gave it, else by `wall_ms`.
 */
int64_t optly__http_retry_after_ms(const optly__http_response *response,
                                   int64_t wall_ms);

/* What a status means; one outside 200 to 599 is no HTTP: RETRY. */
optly_outcome optly__http_status_outcome(long status);

/* Reads any of HTTP's three forms of a date; false if it is none. */
bool optly__http_date(const char *text, size_t len, int64_t wall_s,
                      int64_t *seconds);

#endif
