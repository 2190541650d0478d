#include "dispatch/http_response.h"

#include <string.h>

#include "base/ascii.h"
#include "dispatch/delivery.h"
#include "platform/platform.h"

enum { MAX_WAIT_S = OPTLY__RETRY_AFTER_MAX_MS / 1000 };

static void forget_answer(optly__http_response *response)
{
    response->retry_after_s = -1;
    response->retry_date_s = -1;
    response->date_s = -1;
}

void optly__http_response_init(optly__http_response *response)
{
    memset(response, 0, sizeof(*response));
    forget_answer(response);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* If the line is of the header `name`, narrows it to the value. */
static bool find_value(const char *name, const char **line, size_t *len)
{
    size_t name_len = strlen(name);

    if (*len <= name_len || (*line)[name_len] != ':' ||
        !optly__ascii_begins(*line, name, name_len))
        return false;
    *line += name_len + 1;
    *len -= name_len + 1;
    while (*len > 0 && is_space((*line)[0])) {
        (*line)++;
        (*len)--;
    }
    while (*len > 0 && is_space((*line)[*len - 1]))
        (*len)--;
    return true;
}

/* Digits only; what is over the limit is the limit, however long. */
static bool read_seconds(const char *text, size_t len, int64_t *seconds)
{
    int64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
        if (value > MAX_WAIT_S)
            value = MAX_WAIT_S;
    }
    *seconds = value;
    return len > 0;
}

/* Of several valid ones the longest wait counts. */
static void read_retry_after(optly__http_response *response, const char *value,
                             size_t len)
{
    int64_t seconds;

    if (read_seconds(value, len, &seconds)) {
        if (seconds > response->retry_after_s)
            response->retry_after_s = seconds;
    } else if (optly__http_date(value, len, optly__wall_ms() / 1000,
                                &seconds)) {
        if (seconds > response->retry_date_s)
            response->retry_date_s = seconds;
    }
}

/* A status has three digits; newer versions of libcurl take the first three of
 * more. */
static bool has_long_status(const char *line, size_t len)
{
    size_t at = 0, digits = 0;

    while (at < len && line[at] != ' ')
        at++;
    while (at < len && line[at] == ' ')
        at++;
    while (at + digits < len && line[at + digits] >= '0' &&
           line[at + digits] <= '9')
        digits++;
    return digits > 3;
}

bool optly__http_response_header(optly__http_response *response,
                                 const char *line, size_t len)
{
    if (len > OPTLY__RESPONSE_MAX_BYTES - response->header_bytes)
        return false;
    response->header_bytes += len;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        forget_answer(response);
        response->is_garbled = has_long_status(line, len);
    } else if (find_value("Retry-After", &line, &len)) {
        read_retry_after(response, line, len);
    } else if (find_value("Date", &line, &len) &&
               !optly__http_date(line, len, optly__wall_ms() / 1000,
                                 &response->date_s)) {
        response->date_s = -1;
    }
    return true;
}

bool optly__http_response_body(optly__http_response *response, size_t len)
{
    if (len > OPTLY__RESPONSE_MAX_BYTES - response->body_bytes)
        return false;
    response->body_bytes += len;
    return true;
}

int64_t optly__http_retry_after_ms(const optly__http_response *response,
                                   int64_t wall_ms)
{
    int64_t wait_s = response->retry_after_s;
    int64_t now_s = response->date_s >= 0 ? response->date_s : wall_ms / 1000;

    if (response->retry_date_s >= 0 && response->retry_date_s - now_s > wait_s)
        wait_s = response->retry_date_s - now_s;
    if (wait_s < 0)
        wait_s = 0;
    return (wait_s < MAX_WAIT_S ? wait_s : MAX_WAIT_S) * 1000;
}

optly_outcome optly__http_status_outcome(long status)
{
    if (status < 200 || status > 599)
        return OPTLY_RETRY;
    if (status < 300)
        return OPTLY_DELIVERED;
    switch (status) {
    case 400:
    case 413:
    case 414:
    case 415:
    case 422:
    case 431:
        return OPTLY_REFUSED;
    case 408:
    case 425:
    case 429:
        return OPTLY_RETRY;
    case 501:
    case 505:
        return OPTLY_MISCONFIGURED;
    default:
        return status < 500 ? OPTLY_MISCONFIGURED : OPTLY_RETRY;
    }
}
