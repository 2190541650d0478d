/* Text: strings, numbers, uuids. */
#include "blocks/list.h"
#include "blocks/sample.h"

#include <stdlib.h>

#include "event/uuid.h"
#include "event/user_event.h"
#include "json/number.h"
#include "json/writer.h"

enum { NUMBERS = 64 };

/* What is written, and where to. */
struct text {
    double doubles[NUMBERS];
    int64_t integers[NUMBERS];
    unsigned char random[16 * NUMBERS];
    char out[4096];
    size_t written; /* so that the work cannot be left out */
};

/* The value of number `i` with at most three decimals. */
static double short_double(size_t i)
{
    return (double)(i * 12379 % 1000000) / 1000.0;
}

static void *create(size_t digits)
{
    struct text *text = calloc(1, sizeof(*text));

    sample_check(text != NULL, "calloc");
    for (size_t i = 0; i < NUMBERS; i++) {
        text->doubles[i] = digits == 17  ? 1.0 / (double)(3 + 2 * i)
                           : digits == 0 ? (double)(i * 7919 * 104729)
                                         : short_double(i);
        text->integers[i] = (int64_t)(i * i * i * 7919);
    }
    for (size_t i = 0; i < sizeof(text->random); i++)
        text->random[i] = (unsigned char)(i * 167 + 13);
    return text;
}

static void run_doubles(void *self, size_t count)
{
    struct text *text = self;

    for (size_t i = 0; i < count; i++)
        text->written +=
            optly__double_text(text->out, text->doubles[i % NUMBERS]);
}

static void run_integers(void *self, size_t count)
{
    struct text *text = self;

    for (size_t i = 0; i < count; i++)
        text->written +=
            optly__int_text(text->out, text->integers[i % NUMBERS]);
}

static void run_uuids(void *self, size_t count)
{
    struct text *text = self;

    for (size_t i = 0; i < count; i++)
        optly__uuid_write(text->out, text->random + 16 * (i % NUMBERS));
    text->written += count;
}

/* One attribute as the library writes it: a name, a string, a number, a bool.
 */
static void run_writer(void *self, size_t count)
{
    struct text *text = self;
    optly__writer writer;

    for (size_t i = 0; i < count; i++) {
        optly__writer_init(&writer, text->out, sizeof(text->out), 1 << 20);
        optly__write_literal(&writer, "{");
        optly__write_name(&writer, "entity_id", 9);
        optly__write_string(&writer, "10401280042", 11);
        optly__write_literal(&writer, ",");
        optly__write_name(&writer, "value", 5);
        optly__write_string(&writer, "a premium plan, paid yearly", 27);
        optly__write_literal(&writer, ",");
        optly__write_name(&writer, "count", 5);
        optly__write_int(&writer, text->integers[i % NUMBERS]);
        optly__write_literal(&writer, ",");
        optly__write_name(&writer, "set", 3);
        optly__write_bool(&writer, true);
        optly__write_literal(&writer, "}");
        text->written += optly__writer_len(&writer);
        optly__writer_cleanup(&writer);
    }
}

static void run_escapes(void *self, size_t count)
{
    static const char string[] =
        "said \"yes\"\n\tna\xc3\xafve \xe2\x82\xac 5\\7";
    struct text *text = self;
    optly__writer writer;

    for (size_t i = 0; i < count; i++) {
        optly__writer_init(&writer, text->out, sizeof(text->out), 1 << 20);
        optly__write_string(&writer, string, sizeof(string) - 1);
        text->written += optly__writer_len(&writer);
        optly__writer_cleanup(&writer);
    }
}

static void destroy(void *self)
{
    struct text *text = self;

    sample_check(text->written > 0, "text was written");
    free(text);
}

#define TEXT(function) .create = create, .run = (function), .destroy = destroy

const block block_writer = {
    .name = "writer",
    .what = "write an object of four members, 85 bytes",
    TEXT(run_writer),
};
const block block_writer_escapes = {
    .name = "writer_escapes",
    .what = "write a string of 27 bytes, 5 to escape and 5 beyond ASCII",
    TEXT(run_escapes),
};
const block block_double_short = {
    .name = "double_short",
    .what = "a double of three decimals at most as text",
    .size = 3,
    TEXT(run_doubles),
};
const block block_double_17 = {
    .name = "double_17",
    .what = "a double that needs 16 or 17 digits as text",
    .size = 17,
    TEXT(run_doubles),
};
const block block_double_integral = {
    .name = "double_integral",
    .what = "a double without decimals as text",
    .size = 0,
    TEXT(run_doubles),
};
const block block_integer = {
    .name = "integer",
    .what = "an integer as text",
    TEXT(run_integers),
};
const block block_uuid = {
    .name = "uuid",
    .what = "16 random bytes as the text of a uuid",
    TEXT(run_uuids),
};
