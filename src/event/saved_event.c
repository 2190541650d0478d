/*
 * An event as bytes and back, context included: for durable queues. All
 * numbers are little-endian.
 *
 *    0  4  "OpEv"
 *    4  4  version, now 1
 *    8  8  length of the whole
 *   16  8  timestamp, ms
 *   24  4  flags
 *   28  4  length of the JSON
 *   32 36  lengths of nine strings: key, entity id, visitor id, revision,
 *          account id, client version, project id, client name, region
 *   68 36  the uuid
 *  104     the JSON, then the strings, without NULs
 *  end  8  checksum of all before
 *
 * Magic, version, length and checksum stay where they are in every version, so
 * that damage and a newer form can be told apart.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "event/event_text.h"
#include "event/limits.h"
#include "event/uuid.h"
#include "json/scan.h"

enum {
    MAGIC_AT = 0,
    VERSION_AT = 4,
    LENGTH_AT = 8,
    TIMESTAMP_AT = 16,
    FLAGS_AT = 24,
    JSON_LEN_AT = 28,
    STRING_LENS_AT = 32,
    STRINGS = 9,
    UUID_AT = 68,
    HEADER_SIZE = 104,
    CHECKSUM_SIZE = 8,
    FRAME_SIZE = 16,
    VERSION = 1
};

enum {
    FLAG_IMPRESSION = 1,
    FLAG_ANONYMIZE_IP = 2,
    FLAG_BOT_FILTERING = 4,
    ALL_FLAGS = 7
};

/* Tags nest to a limit, inside of the seven levels of a visitor object. */
enum { MOST_DEPTH = 64 };

static const char magic[4] = {'O', 'p', 'E', 'v'};

static void put_number(unsigned char *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get_number(const unsigned char *at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = size; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

/* FNV-1a: each step is reversible, so a changed byte changes the sum. */
static uint64_t checksum(const unsigned char *bytes, size_t len)
{
    uint64_t sum = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    return sum;
}

static void list_strings(const optly_user_event *event,
                         const char *strings[STRINGS])
{
    const optly_event_context *context = &event->context->fields;

    strings[0] = optly_user_event_key(event);
    strings[1] = optly_user_event_entity_id(event);
    strings[2] = optly_user_event_visitor_id(event);
    strings[3] = context->revision;
    strings[4] = context->account_id;
    strings[5] = context->client_version;
    strings[6] = context->project_id;
    strings[7] = context->client_name;
    strings[8] = context->region;
}

static uint32_t flags_of(const optly_user_event *event)
{
    return (event->is_impression != 0 ? FLAG_IMPRESSION : 0u) |
           (event->context->fields.anonymize_ip ? FLAG_ANONYMIZE_IP : 0u) |
           (event->context->fields.bot_filtering ? FLAG_BOT_FILTERING : 0u);
}

static size_t saved_size(const optly_user_event *event,
                         const char *const strings[STRINGS])
{
    size_t size = HEADER_SIZE + event->json_len + CHECKSUM_SIZE;

    for (size_t i = 0; i < STRINGS; i++)
        size += strlen(strings[i]);
    return size;
}

size_t optly_user_event_save(const optly_user_event *event, void *buffer,
                             size_t capacity)
{
    const char *strings[STRINGS];
    unsigned char *bytes = buffer, *at;
    size_t size;

    if (event == NULL)
        return 0;
    list_strings(event, strings);
    size = saved_size(event, strings);
    if (buffer == NULL || capacity < size)
        return size;
    memcpy(bytes + MAGIC_AT, magic, sizeof(magic));
    put_number(bytes + VERSION_AT, VERSION, 4);
    put_number(bytes + LENGTH_AT, size, 8);
    put_number(bytes + TIMESTAMP_AT, (uint64_t)event->timestamp_ms, 8);
    put_number(bytes + FLAGS_AT, flags_of(event), 4);
    put_number(bytes + JSON_LEN_AT, event->json_len, 4);
    memcpy(bytes + UUID_AT, optly_user_event_uuid(event), OPTLY__UUID_LEN);
    at = bytes + HEADER_SIZE;
    memcpy(at, event->text, event->json_len);
    at += event->json_len;
    for (size_t i = 0; i < STRINGS; i++) {
        size_t len = strlen(strings[i]);

        put_number(bytes + STRING_LENS_AT + 4 * i, len, 4);
        memcpy(at, strings[i], len);
        at += len;
    }
    put_number(at, checksum(bytes, size - CHECKSUM_SIZE), CHECKSUM_SIZE);
    return size;
}

static optly_status fail_damaged(optly_error *err, const char *what)
{
    return optly__fail(err, OPTLY_ERR_PARSE, "saved event: %s", what);
}

/* What every version has. */
static optly_status check_frame(const unsigned char *bytes, size_t len,
                                optly_error *err)
{
    if (len < FRAME_SIZE + CHECKSUM_SIZE)
        return fail_damaged(err, "too short");
    if (memcmp(bytes + MAGIC_AT, magic, sizeof(magic)) != 0)
        return fail_damaged(err, "does not begin as one");
    if (get_number(bytes + LENGTH_AT, 8) != len)
        return fail_damaged(err, "not as long as it says");
    if (get_number(bytes + len - CHECKSUM_SIZE, CHECKSUM_SIZE) !=
        checksum(bytes, len - CHECKSUM_SIZE))
        return fail_damaged(err, "the checksum does not match");
    if (get_number(bytes + VERSION_AT, 4) > VERSION)
        return optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                           "saved event: of a newer version");
    if (get_number(bytes + VERSION_AT, 4) != VERSION)
        return fail_damaged(err, "no such version");
    return OPTLY_OK;
}

/* A saved event whose lengths are checked; points into the bytes. */
struct saved {
    const unsigned char *bytes;
    uint32_t flags;
    int64_t timestamp_ms;
    const char *json;
    size_t json_len;
    const char *strings[STRINGS];
    size_t lens[STRINGS];
};

/* Sums stay small: each length is at most 32 bits. */
static bool lengths_match(const struct saved *saved, size_t len)
{
    uint64_t sum = (uint64_t)HEADER_SIZE + CHECKSUM_SIZE + saved->json_len;

    if (saved->json_len > OPTLY__MOST_EVENT_LEN)
        return false;
    for (size_t i = 0; i < STRINGS; i++) {
        if (saved->lens[i] > OPTLY__MOST_KEY_LEN)
            return false;
        sum += saved->lens[i];
    }
    return sum == len;
}

static optly_status read_header(struct saved *saved, const unsigned char *bytes,
                                size_t len, optly_error *err)
{
    const char *at;

    if (len < HEADER_SIZE + CHECKSUM_SIZE)
        return fail_damaged(err, "too short");
    saved->timestamp_ms = (int64_t)get_number(bytes + TIMESTAMP_AT, 8);
    saved->flags = (uint32_t)get_number(bytes + FLAGS_AT, 4);
    saved->json_len = (size_t)get_number(bytes + JSON_LEN_AT, 4);
    for (size_t i = 0; i < STRINGS; i++)
        saved->lens[i] = (size_t)get_number(bytes + STRING_LENS_AT + 4 * i, 4);
    if (!lengths_match(saved, len))
        return fail_damaged(err, "its lengths do not match");
    saved->json = (const char *)bytes + HEADER_SIZE;
    at = saved->json + saved->json_len;
    for (size_t i = 0; i < STRINGS; i++) {
        saved->strings[i] = at;
        at += saved->lens[i];
    }
    return OPTLY_OK;
}

/* A checksum can be forged or met by chance; nothing else is taken on trust. */
static optly_status check_content(const struct saved *saved, optly_error *err)
{
    static const optly__scan_rules rules = {
        .most_depth = MOST_DEPTH, .suits_cjson = false, .is_final = true};
    char uuid[OPTLY__UUID_LEN + 1];

    memcpy(uuid, saved->bytes + UUID_AT, OPTLY__UUID_LEN);
    uuid[OPTLY__UUID_LEN] = '\0';
    if (!optly__uuid_is_valid(uuid))
        return fail_damaged(err, "its uuid is not one");
    if ((saved->flags & ~(uint32_t)ALL_FLAGS) != 0)
        return fail_damaged(err, "unknown flags");
    if (saved->timestamp_ms < 0 ||
        saved->timestamp_ms > OPTLY__MOST_TIMESTAMP_MS)
        return fail_damaged(err, "its timestamp is out of range");
    for (size_t i = 0; i < STRINGS; i++) {
        if (memchr(saved->strings[i], '\0', saved->lens[i]) != NULL)
            return fail_damaged(err, "a string with a NUL");
    }
    if (saved->json_len == 0 || saved->json[0] != '{' ||
        !optly__scan_json(saved->json, saved->json_len, &rules, NULL, NULL))
        return fail_damaged(err, "its JSON is not valid");
    return OPTLY_OK;
}

/* Makes the context of the last six strings. NULL when out of memory. */
static optly__context *make_context(const struct saved *saved)
{
    optly_event_context fields;
    const char **targets[] = {&fields.revision,       &fields.account_id,
                              &fields.client_version, &fields.project_id,
                              &fields.client_name,    &fields.region};
    enum { TARGETS = sizeof(targets) / sizeof(*targets) };
    const size_t first = STRINGS - TARGETS;
    optly__context *context;
    size_t size = 0;
    char *copy, *at;

    for (size_t i = first; i < STRINGS; i++)
        size += saved->lens[i] + 1;
    copy = optly__alloc(size);
    if (copy == NULL)
        return NULL;
    memset(&fields, 0, sizeof(fields));
    at = copy;
    for (size_t i = 0; i < TARGETS; i++) {
        memcpy(at, saved->strings[first + i], saved->lens[first + i]);
        *targets[i] = at;
        at += saved->lens[first + i];
        *at++ = '\0';
    }
    fields.anonymize_ip = (saved->flags & FLAG_ANONYMIZE_IP) != 0;
    fields.bot_filtering = (saved->flags & FLAG_BOT_FILTERING) != 0;
    context = optly__context_create(&fields);
    optly__free(copy);
    return context;
}

static optly_user_event *make_event(const struct saved *saved,
                                    const optly__context *context)
{
    const optly__text parts[OPTLY__PARTS] = {
        {saved->json, saved->json_len},
        {(const char *)saved->bytes + UUID_AT, OPTLY__UUID_LEN},
        {saved->strings[0], saved->lens[0]},
        {saved->strings[1], saved->lens[1]},
        {saved->strings[2], saved->lens[2]},
    };
    size_t size = sizeof(optly_user_event) + optly__event_text_size(parts);
    optly_user_event *event = optly__alloc(size);

    if (event == NULL)
        return NULL;
    memset(event, 0, sizeof(*event));
    event->context = context;
    event->timestamp_ms = saved->timestamp_ms;
    event->size = (uint32_t)size;
    event->is_impression = (saved->flags & FLAG_IMPRESSION) != 0;
    optly__event_text_fill(event, parts);
    return event;
}

optly_status optly_user_event_restore(optly_user_event **out, const void *bytes,
                                      size_t len, optly_error *err)
{
    struct saved saved = {.bytes = bytes};
    optly__context *context;
    optly_status status;

    if (out == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "out: is NULL");
    *out = NULL;
    if (bytes == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "bytes: is NULL");
    status = check_frame(bytes, len, err);
    if (status == OPTLY_OK)
        status = read_header(&saved, bytes, len, err);
    if (status == OPTLY_OK)
        status = check_content(&saved, err);
    if (status != OPTLY_OK)
        return status;
    context = make_context(&saved);
    *out = context != NULL ? make_event(&saved, context) : NULL;
    if (*out == NULL) {
        optly__context_release(context);
        return optly__fail_memory(err);
    }
    return OPTLY_OK;
}
