#include "json/writer.h"

#include "base/memory.h"
#include "json/number.h"
#include "json/utf8.h"

void optly__writer_init(optly__writer *writer, char *scratch, size_t size,
                        size_t limit)
{
    writer->start = scratch;
    writer->at = scratch;
    writer->end = scratch + (size < limit ? size : limit);
    writer->heap = NULL;
    writer->limit = limit;
    writer->status = OPTLY_OK;
}

void optly__writer_cleanup(optly__writer *writer)
{
    optly__free(writer->heap);
    writer->heap = NULL;
}

/* Closes the buffer, so that every later write comes back here and fails. */
static bool fail(optly__writer *writer, optly_status status)
{
    writer->status = status;
    writer->end = writer->at;
    return false;
}

bool optly__writer_grow(optly__writer *writer, size_t size)
{
    size_t len = optly__writer_len(writer);
    size_t capacity = (size_t)(writer->end - writer->start);
    char *memory;

    if (writer->status != OPTLY_OK)
        return false;
    if (size > writer->limit - len)
        return fail(writer, OPTLY_ERR_TOO_LARGE);
    capacity = capacity > writer->limit / 2 ? writer->limit : 2 * capacity;
    if (capacity < len + size)
        capacity = len + size;
    memory = optly__alloc(capacity);
    if (memory == NULL)
        return fail(writer, OPTLY_ERR_NO_MEMORY);
    memcpy(memory, writer->start, len);
    optly__free(writer->heap);
    writer->heap = memory;
    writer->start = memory;
    writer->at = memory + len;
    writer->end = memory + capacity;
    return true;
}

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Has a high bit for each zero byte, and maybe for bytes above one. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE(0x01)) & ~word;
}

/* Whether one of eight bytes is a control character, '"', '\' or not ASCII. */
static bool word_is_special(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return ((word | ((word - EACH_BYTE(0x20)) & ~word) |
             zero_bytes(word ^ EACH_BYTE('"')) |
             zero_bytes(word ^ EACH_BYTE('\\'))) &
            EACH_BYTE(0x80)) != 0;
}

static bool byte_is_special(char character)
{
    unsigned char byte = (unsigned char)character;

    return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
}

/* The length of the longest beginning that can be copied as it is. */
static size_t plain_length(const char *text, size_t len)
{
    size_t i = 0;

    while (len - i >= 8 && !word_is_special(text + i))
        i += 8;
    if (i > 0 && i < len && len - i < 8 && !word_is_special(text + len - 8))
        return len;
    while (i < len && !byte_is_special(text[i]))
        i++;
    return i;
}

static void write_escape(optly__writer *writer, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char names[] = "btn\0fr"; /* 8 to 13 */
    char text[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};

    if (byte == '"' || byte == '\\')
        text[1] = (char)byte;
    else if (byte >= 8 && byte <= 13 && byte != 11)
        text[1] = names[byte - 8];
    optly__write_raw(writer, text, text[1] == 'u' ? 6 : 2);
}

size_t optly__write_character(optly__writer *writer, const char *text,
                              size_t len)
{
    unsigned char byte = (unsigned char)text[0];
    size_t size;

    if (byte < 0x80) {
        if (byte_is_special(text[0]))
            write_escape(writer, byte);
        else
            optly__write_raw(writer, text, 1);
        return 1;
    }
    size = optly__utf8_length(text, len);
    if (size == 0) {
        optly__write_literal(writer, OPTLY__UTF8_REPLACEMENT);
        return 1;
    }
    optly__write_raw(writer, text, size);
    return size;
}

void optly__write_string(optly__writer *writer, const char *text, size_t len)
{
    size_t done = plain_length(text, len);

    optly__write_literal(writer, "\"");
    optly__write_raw(writer, text, done);
    while (done < len) {
        size_t plain;

        done += optly__write_character(writer, text + done, len - done);
        plain = plain_length(text + done, len - done);
        optly__write_raw(writer, text + done, plain);
        done += plain;
    }
    optly__write_literal(writer, "\"");
}

void optly__write_int(optly__writer *writer, int64_t value)
{
    char text[OPTLY__NUMBER_SIZE];

    optly__write_raw(writer, text, optly__int_text(text, value));
}

void optly__write_double(optly__writer *writer, double value)
{
    char text[OPTLY__NUMBER_SIZE];

    optly__write_raw(writer, text, optly__double_text(text, value));
}

void optly__write_bool(optly__writer *writer, bool value)
{
    if (value)
        optly__write_literal(writer, "true");
    else
        optly__write_literal(writer, "false");
}
