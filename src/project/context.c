#include "project/context.h"

#include <string.h>

#include "base/memory.h"
#include "json/writer.h"
#include "project/hash.h"

/* The strings of the public struct, in its order. */
enum { STRINGS = 6, SCRATCH_SIZE = 1024 };

static void write_field(optly__writer *writer, const char *name,
                        const char *value)
{
    optly__write_raw(writer, name, strlen(name));
    optly__write_string(writer, value, strlen(value));
}

/* Writes head and tail one after the other; returns the head's length. */
static size_t write_frame(optly__writer *writer,
                          const optly_event_context *fields)
{
    size_t head_len;

    write_field(writer, "{\"revision\":", fields->revision);
    write_field(writer, ",\"account_id\":", fields->account_id);
    write_field(writer, ",\"client_version\":", fields->client_version);
    optly__write_literal(writer, ",\"visitors\":[");
    head_len = optly__writer_len(writer);
    write_field(writer, "],\"project_id\":", fields->project_id);
    write_field(writer, ",\"client_name\":", fields->client_name);
    optly__write_literal(writer, ",\"anonymize_ip\":");
    optly__write_bool(writer, fields->anonymize_ip);
    write_field(writer,
                ",\"enrich_decisions\":true,\"region\":", fields->region);
    optly__write_literal(writer, "}");
    return head_len;
}

/* Compares without regard to ASCII case, in any locale. */
static bool is_region(const char *region, const char *upper)
{
    for (; *region != '\0' && *upper != '\0'; region++, upper++) {
        char letter = *region;

        if (letter >= 'a' && letter <= 'z')
            letter = (char)(letter - 'a' + 'A');
        if (letter != *upper)
            return false;
    }
    return *region == *upper;
}

static void set_endpoint(optly__context *context)
{
    bool is_eu = is_region(context->fields.region, "EU");

    context->endpoint = is_eu ? OPTLY__ENDPOINT_EU : OPTLY__ENDPOINT_US;
    context->region_is_known = is_eu || is_region(context->fields.region, "US");
}

/* Copies the six strings to `at` and points to the copies. */
static char *copy_strings(optly_event_context *fields, char *at)
{
    const char **strings[STRINGS] = {
        &fields->revision,   &fields->account_id,  &fields->client_version,
        &fields->project_id, &fields->client_name, &fields->region};

    for (size_t i = 0; i < STRINGS; i++) {
        size_t size = strlen(*strings[i]) + 1;

        memcpy(at, *strings[i], size);
        *strings[i] = at;
        at += size;
    }
    return at;
}

static size_t strings_size(const optly_event_context *fields)
{
    return strlen(fields->revision) + strlen(fields->account_id) +
           strlen(fields->client_version) + strlen(fields->project_id) +
           strlen(fields->client_name) + strlen(fields->region) + STRINGS;
}

/* `writer` holds head and tail. */
static optly__context *assemble(const optly_event_context *fields,
                                const optly__writer *writer, size_t head_len)
{
    size_t frame_len = optly__writer_len(writer);
    optly__context *context =
        optly__alloc(sizeof(*context) + strings_size(fields) + frame_len);
    char *at;

    if (context == NULL)
        return NULL;
    memset(context, 0, sizeof(*context));
    atomic_init(&context->refs, 1);
    context->fields = *fields;
    at = copy_strings(&context->fields, (char *)(context + 1));
    memcpy(at, writer->start, frame_len);
    context->head = at;
    context->head_len = head_len;
    context->tail = at + head_len;
    context->tail_len = frame_len - head_len;
    context->hash = optly__hash(at, frame_len);
    set_endpoint(context);
    return context;
}

optly__context *optly__context_create(const optly_event_context *fields)
{
    char scratch[SCRATCH_SIZE];
    optly__writer writer;
    optly__context *context = NULL;
    size_t head_len;

    optly__writer_init(&writer, scratch, sizeof(scratch), SIZE_MAX / 4);
    head_len = write_frame(&writer, fields);
    if (writer.status == OPTLY_OK)
        context = assemble(fields, &writer, head_len);
    optly__writer_cleanup(&writer);
    return context;
}

optly__context *optly__context_retain(optly__context *context)
{
    (void)atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
    return context;
}

void optly__context_release(optly__context *context)
{
    if (context != NULL &&
        atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) == 1)
        optly__free(context);
}

bool optly__context_equal(const optly__context *a, const optly__context *b)
{
    return a == b || (a->hash == b->hash && a->head_len == b->head_len &&
                      a->tail_len == b->tail_len &&
                      memcmp(a->head, b->head, a->head_len + a->tail_len) == 0);
}
