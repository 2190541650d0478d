#include "floor_event.h"

#include "bench.h"

#include <string.h>
#include <sys/random.h>

enum { RANDOM_SIZE = 4096 };

#define TEXT(literal)                                                          \
    {                                                                          \
        literal, sizeof(literal) - 1                                           \
    }

/* Sorted as they are sent, so the floor need not sort. */
#define ATTRIBUTES                                                             \
    {                                                                          \
        {TEXT("device"), TEXT("20502650105"), TEXT("iphone"), STRING, 0, 0},   \
            {TEXT("plan"),                                                     \
             TEXT("20502650106"),                                              \
             TEXT("premium-annual"),                                           \
             STRING,                                                           \
             0,                                                                \
             0},                                                               \
            {TEXT("age"), TEXT("20502650107"), TEXT(""), INTEGER, 42, 0},      \
            {TEXT("score"), TEXT("20502650108"), TEXT(""), NUMBER, 0, 3.25},   \
            {TEXT("beta"), TEXT("20502650109"), TEXT(""), BOOLEAN, 1, 0},      \
    }

static const event impression = {
    .attributes = ATTRIBUTES,
    .ids = {TEXT("20485470101"), TEXT("20501850044"), TEXT("20470930091"),
            TEXT("checkout_button"), TEXT("checkout_button_colour"),
            TEXT("feature-test"), TEXT("control")},
    .is_impression = true,
};
static const event conversion = {
    .attributes = ATTRIBUTES,
    .tags = {{TEXT("category"), TEXT(""), TEXT("shoes"), STRING, 0, 0},
             {TEXT("qty"), TEXT(""), TEXT(""), INTEGER, 2, 0},
             {TEXT("revenue"), TEXT(""), TEXT(""), INTEGER, 4200, 0},
             {TEXT("sku"), TEXT(""), TEXT("A-1234"), STRING, 0, 0},
             {TEXT("value"), TEXT(""), TEXT(""), NUMBER, 0, 13.37}},
    .ids = {TEXT("20458760147"), TEXT("purchase")},
};

/* Making an event. */

static void write_uuid(char *to)
{
    static const char digits[] = "0123456789abcdef";
    static _Thread_local unsigned char random[RANDOM_SIZE];
    static _Thread_local size_t used = RANDOM_SIZE;
    unsigned char *bytes;

    if (used == RANDOM_SIZE) {
        for (size_t at = 0; at < RANDOM_SIZE; at += 256)
            (void)!getrandom(random + at, 256, 0);
        used = 0;
    }
    bytes = random + used;
    used += 16;
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    for (int i = 0; i < 16; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
        if (i == 3 || i == 5 || i == 7 || i == 9)
            *to++ = '-';
    }
}

static char *copy_text(char *data, text *to)
{
    memcpy(data, to->at, to->len);
    to->at = data;
    return data + to->len;
}

static char *copy_fields(char *data, field *fields)
{
    for (int i = 0; i < FIELDS; i++) {
        data = copy_text(data, &fields[i].key);
        data = copy_text(data, &fields[i].entity_id);
        data = copy_text(data, &fields[i].string);
    }
    return data;
}

void floor_create(slot *to, long i)
{
    struct timespec now;
    event *made = &to->event;
    char *data;

    *made = i % 2 == 0 ? impression : conversion;
    made->visitor.at = bench_visitor(i);
    made->visitor.len = strlen(made->visitor.at);
    data = copy_fields(to->data, made->attributes);
    if (!made->is_impression)
        data = copy_fields(data, made->tags);
    for (int id = 0; id < IDS; id++)
        data = copy_text(data, &made->ids[id]);
    (void)copy_text(data, &made->visitor);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    made->timestamp_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    write_uuid(made->uuid);
}

/* Writing JSON. */

#define WRITE(to, literal)                                                     \
    (memcpy(to, literal, sizeof(literal) - 1), (to) + sizeof(literal) - 1)

static char *write_bytes(char *to, const char *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

static char *write_string(char *to, text string)
{
    *to++ = '"';
    for (size_t i = 0; i < string.len; i++) {
        unsigned char byte = (unsigned char)string.at[i];

        if (byte < 0x20 || byte == '"' || byte == '\\')
            to += sprintf(to, "\\u%04x", byte);
        else
            *to++ = (char)byte;
    }
    *to++ = '"';
    return to;
}

static char *write_integer(char *to, int64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        digits[--at] = '-';
    return write_bytes(to, digits + at, sizeof(digits) - at);
}

/* Only numbers of up to two decimals. */
static char *write_number(char *to, double value)
{
    int64_t hundredths = (int64_t)(value * 100 + 0.5);

    to = write_integer(to, hundredths / 100);
    *to++ = '.';
    *to++ = (char)('0' + hundredths / 10 % 10);
    if (hundredths % 10 > 0)
        *to++ = (char)('0' + hundredths % 10);
    return to;
}

static char *write_value(char *to, const field *from)
{
    switch (from->kind) {
    case STRING:
        return write_string(to, from->string);
    case INTEGER:
        return write_integer(to, from->integer);
    case NUMBER:
        return write_number(to, from->number);
    default:
        return from->integer ? WRITE(to, "true") : WRITE(to, "false");
    }
}

static char *write_attributes(char *to, const field *attributes)
{
    to = WRITE(to, "{\"attributes\":[");
    for (int i = 0; i < FIELDS; i++) {
        to = WRITE(to, "{\"value\":");
        to = write_value(to, &attributes[i]);
        to = WRITE(to, ",\"key\":");
        to = write_string(to, attributes[i].key);
        to = WRITE(to, ",\"type\":\"custom\",\"entity_id\":");
        to = write_string(to, attributes[i].entity_id);
        to = WRITE(to, "},");
    }
    return WRITE(to, "{\"value\":true,\"key\":\"$opt_bot_filtering\",\"type\":"
                     "\"custom\",\"entity_id\":\"$opt_bot_filtering\"}],");
}

static char *write_decision(char *to, const text *ids)
{
    to = WRITE(to, "\"decisions\":[{\"variation_id\":");
    to = write_string(to, ids[0]);
    to = WRITE(to, ",\"campaign_id\":");
    to = write_string(to, ids[1]);
    to = WRITE(to, ",\"experiment_id\":");
    to = write_string(to, ids[2]);
    to = WRITE(to, ",\"metadata\":{\"flag_key\":");
    to = write_string(to, ids[3]);
    to = WRITE(to, ",\"rule_key\":");
    to = write_string(to, ids[4]);
    to = WRITE(to, ",\"rule_type\":");
    to = write_string(to, ids[5]);
    to = WRITE(to, ",\"variation_key\":");
    to = write_string(to, ids[6]);
    return WRITE(to, ",\"enabled\":true}}],");
}

static char *write_tags(char *to, const field *tags)
{
    to = WRITE(to, ",\"tags\":{");
    for (int i = 0; i < FIELDS; i++) {
        to = write_string(to, tags[i].key);
        *to++ = ':';
        to = write_value(to, &tags[i]);
        *to++ = i + 1 < FIELDS ? ',' : '}';
    }
    to = WRITE(to, ",\"revenue\":");
    to = write_value(to, &tags[2]);
    to = WRITE(to, ",\"value\":");
    return write_value(to, &tags[4]);
}

char *floor_write_visitor(char *to, const event *from)
{
    const text campaign = TEXT("campaign_activated");

    to = write_attributes(to, from->attributes);
    to = WRITE(to, "\"snapshots\":[{");
    if (from->is_impression)
        to = write_decision(to, from->ids);
    to = WRITE(to, "\"events\":[{\"entity_id\":");
    to = write_string(to, from->ids[from->is_impression]);
    to = WRITE(to, ",\"key\":");
    to = write_string(to, from->is_impression ? campaign : from->ids[1]);
    to = WRITE(to, ",\"timestamp\":");
    to = write_integer(to, from->timestamp_ms);
    to = WRITE(to, ",\"uuid\":\"");
    to = write_bytes(to, from->uuid, UUID_LEN);
    *to++ = '"';
    if (!from->is_impression)
        to = write_tags(to, from->tags);
    to = WRITE(to, "}]}],\"visitor_id\":");
    to = write_string(to, from->visitor);
    *to++ = '}';
    return to;
}
