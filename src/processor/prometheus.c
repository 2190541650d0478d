/*
 * The counters as text. One row of a table for each field: a field that has
 * none fails the test that looks for the value of each.
 */
#include <optly/prometheus.h>

#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "json/utf8.h"

/* With these no text comes near INT_MAX: 32 labels on 46 lines. */
enum { MOST_LABELS = 32, MOST_NAME = 256, MOST_VALUE = 4096 };

/* The length of optly_stats's first version. */
enum { FIRST_SIZE = 360 };

/* Arrays, not pointers: these would have to be relocated at each start. */
struct metric {
    char name[20]; /* between "optly_" and, for counters, "_total" */
    char help[34];
    bool is_gauge;
    unsigned char reasons; /* for the arrays: a row of `reason_names` */
    uint16_t offset;       /* of the field */
};

enum { NO_REASONS, REJECTED, DROPPED };

/* "": no such reason. */
static const char reason_names[][OPTLY_REASON_SLOTS][12] = {
    [REJECTED] = {[OPTLY_REJECT_QUEUE_FULL] = "queue_full",
                  [OPTLY_REJECT_CLOSED] = "closed",
                  [OPTLY_REJECT_INVALID] = "invalid",
                  [OPTLY_REJECT_TOO_LARGE] = "too_large",
                  [OPTLY_REJECT_NO_MEMORY] = "no_memory"},
    [DROPPED] = {[OPTLY_DROP_OVERFLOW] = "overflow",
                 [OPTLY_DROP_REFUSED] = "refused",
                 [OPTLY_DROP_EXPIRED] = "expired",
                 [OPTLY_DROP_ATTEMPTS] = "attempts",
                 [OPTLY_DROP_CLOSED] = "closed",
                 [OPTLY_DROP_ABANDONED] = "abandoned"},
};

#define COUNTER(name, help, field)                                             \
    {                                                                          \
        name, help, false, NO_REASONS, offsetof(optly_stats, field)            \
    }
#define REASONS(name, help, field, reasons)                                    \
    {                                                                          \
        name, help, false, reasons, offsetof(optly_stats, field)               \
    }
#define GAUGE(name, help, field)                                               \
    {                                                                          \
        name, help, true, NO_REASONS, offsetof(optly_stats, field)             \
    }

static const struct metric metrics[] = {
    COUNTER("events_attempted", "Events handed over.", attempted),
    COUNTER("events_accepted", "Events accepted.", accepted),
    REASONS("events_rejected", "Events not accepted.", rejected, REJECTED),
    COUNTER("events_delivered", "Events delivered.", delivered),
    REASONS("events_dropped", "Accepted events given up.", dropped, DROPPED),
    GAUGE("events_queued", "Events never attempted yet.", queued),
    GAUGE("events_in_flight", "Events with the dispatcher.", in_flight),
    GAUGE("events_retry_wait", "Events that wait for a retry.", retry_wait),
    GAUGE("events_pending", "Accepted events not yet settled.", pending),
    COUNTER("batches_delivered", "Batches delivered.", batches),
    COUNTER("requests", "Attempts to deliver a batch.", requests),
    COUNTER("retries", "Attempts after the first.", retries),
    COUNTER("bisections", "Refused batches split in two.", bisections),
    COUNTER("payload_bytes", "Bytes of the bodies attempted.", payload_bytes),
};

/* Where the text goes: counted in full, written as far as there is room. */
struct text {
    char *buffer;
    size_t size, len;
};

static void put(struct text *text, const char *bytes, size_t len)
{
    if (text->len < text->size) {
        size_t room = text->size - text->len;

        memcpy(text->buffer + text->len, bytes, len < room ? len : room);
    }
    text->len += len;
}

static void put_string(struct text *text, const char *string)
{
    put(text, string, strlen(string));
}

/* The end of a line. */
static void put_number(struct text *text, uint64_t number)
{
    char digits[20]; /* of 2^64 - 1 */
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(text, digits + at, sizeof(digits) - at);
    put(text, "\n", 1);
}

/* The next character of `value`: how many of its bytes, and what to write. */
static size_t escape(const char *value, size_t len, const char **written,
                     size_t *written_len)
{
    size_t size = 1;

    *written = value;
    if (*value == '\n')
        *written = "\\n";
    else if (*value == '"')
        *written = "\\\"";
    else if (*value == '\\')
        *written = "\\\\";
    else if ((unsigned char)*value >= 0x80 &&
             (size = optly__utf8_length(value, len)) == 0)
        *written = OPTLY__UTF8_REPLACEMENT;
    *written_len = *written == value ? size : strlen(*written);
    return size > 0 ? size : 1;
}

static void put_label(struct text *text, const char *name, const char *value)
{
    size_t left = strlen(value);

    put_string(text, name);
    put_string(text, "=\"");
    while (left > 0) {
        const char *written;
        size_t written_len, size = escape(value, left, &written, &written_len);

        put(text, written, written_len);
        value += size;
        left -= size;
    }
    put_string(text, "\"");
}

static void put_name(struct text *text, const char *before,
                     const struct metric *metric)
{
    put_string(text, before);
    put_string(text, metric->name);
    if (!metric->is_gauge)
        put_string(text, "_total");
}

static void put_line(struct text *text, const struct metric *metric,
                     const optly_label *labels, const char *reason,
                     uint64_t number)
{
    const char *before = "{";

    put_name(text, "optly_", metric);
    for (; labels != NULL && labels->name != NULL; labels++) {
        put_string(text, before);
        put_label(text, labels->name,
                  labels->value != NULL ? labels->value : "");
        before = ",";
    }
    if (reason != NULL) {
        put_string(text, before);
        put_label(text, "reason", reason);
        before = ",";
    }
    put_string(text, *before == ',' ? "} " : " ");
    put_number(text, number);
}

/* A slot without a name has a number, should it ever count something. */
static void put_reasons(struct text *text, const struct metric *metric,
                        const optly_label *labels, const uint64_t *slots)
{
    for (size_t i = 0; i < OPTLY_REASON_SLOTS; i++) {
        const char *name = reason_names[metric->reasons][i];
        char number[3] = {(char)('0' + i / 10), (char)('0' + i % 10), '\0'};

        if (*name != '\0' || slots[i] > 0)
            put_line(text, metric, labels, *name != '\0' ? name : number,
                     slots[i]);
    }
}

static void put_metric(struct text *text, const struct metric *metric,
                       const optly_label *labels, const optly_stats *stats)
{
    const uint64_t *field =
        (const void *)((const char *)stats + metric->offset);

    put_name(text, "# HELP optly_", metric);
    put_string(text, " ");
    put_string(text, metric->help);
    put_name(text, "\n# TYPE optly_", metric);
    put_string(text, metric->is_gauge ? " gauge\n" : " counter\n");
    if (metric->reasons != NO_REASONS)
        put_reasons(text, metric, labels, field);
    else
        put_line(text, metric, labels, NULL, *field);
}

static int finish(struct text *text)
{
    if (text->size > 0)
        text->buffer[text->len < text->size ? text->len : text->size - 1] =
            '\0';
    return (int)text->len;
}

/* The reason as a comment, so that it does no harm where it is served. */
static int refuse(struct text *text, const optly_error *error)
{
    put_string(text, "# ");
    put_string(text, error->message);
    put_string(text, "\n");
    (void)finish(text);
    return (int)error->status;
}

/* Letters and digits of ASCII: isalpha would ask the locale. */
static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    return *name != '\0' && (*name < '0' || *name > '9') &&
           name[strspn(name, allowed)] == '\0';
}

static bool is_repeated(const optly_label *labels, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(labels[i].name, labels[at].name) == 0)
            return true;
    }
    return false;
}

static optly_status check_labels(const optly_label *labels, optly_error *error)
{
    for (size_t i = 0; labels != NULL && labels[i].name != NULL; i++) {
        const char *name = labels[i].name, *value = labels[i].value;

        if (i == MOST_LABELS)
            return optly__fail(error, OPTLY_ERR_TOO_LARGE,
                               "labels: more than %d", MOST_LABELS);
        if (!is_name(name))
            return optly__fail(error, OPTLY_ERR_INVALID,
                               "labels[%zu].name: should be "
                               "[a-zA-Z_][a-zA-Z0-9_]*",
                               i);
        if (strncmp(name, "__", 2) == 0 || strcmp(name, "reason") == 0)
            return optly__fail(error, OPTLY_ERR_INVALID,
                               "labels[%zu].name: reserved (__..., reason)", i);
        if (is_repeated(labels, i))
            return optly__fail(error, OPTLY_ERR_INVALID,
                               "labels[%zu].name: is there already", i);
        if (strlen(name) > MOST_NAME)
            return optly__fail(error, OPTLY_ERR_TOO_LARGE,
                               "labels[%zu].name: more than %d bytes", i,
                               MOST_NAME);
        if (value != NULL && strlen(value) > MOST_VALUE)
            return optly__fail(error, OPTLY_ERR_TOO_LARGE,
                               "labels[%zu].value: more than %d bytes", i,
                               MOST_VALUE);
    }
    return OPTLY_OK;
}

int optly_stats_prometheus(char *buffer, size_t size, const optly_stats *stats,
                           const optly_label *labels)
{
    struct text text = {buffer, size, 0};
    optly_error error;
    optly_stats whole;

    if (buffer == NULL && size > 0)
        return OPTLY_ERR_INVALID;
    if (optly__copy_struct(&whole, sizeof(whole), stats, FIRST_SIZE, "stats",
                           &error) != OPTLY_OK ||
        check_labels(labels, &error) != OPTLY_OK)
        return refuse(&text, &error);
    for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++)
        put_metric(&text, &metrics[i], labels, &whole);
    return finish(&text);
}
