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
static bool word_is_special(uint64_t word)
{
    return ((word | ((word - EACH_BYTE(0x20)) & ~word) |
             zero_bytes(word ^ EACH_BYTE('"')) |
             zero_bytes(word ^ EACH_BYTE('\\'))) &
            EACH_BYTE(0x80)) != 0;
}

static uint64_t load_word(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return word;
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

    while (len - i >= 8 && !word_is_special(load_word(text + i)))
        i += 8;
    while (i < len && !byte_is_special(text[i]))
        i++;
    return i;
}

/* Copies and checks less than eight bytes; false if one is special. */
static bool copy_short(char *to, const char *text, size_t len)
{
    uint32_t first, last;

    if (len < 4) {
        for (size_t i = 0; i < len; i++) {
            if (byte_is_special(text[i]))
                return false;
            to[i] = text[i];
        }
        return true;
    }
    /* Two halves, which may overlap. */
    memcpy(&first, text, 4);
    memcpy(&last, text + len - 4, 4);
    memcpy(to, &first, 4);
    memcpy(to + len - 4, &last, 4);
    return !word_is_special((uint64_t)first << 32 | last);
}

/* Copies and checks in one go; false if a byte is special. */
static bool copy_plain(char *to, const char *text, size_t len)
{
    uint64_t word;

    if (len < 8)
        return copy_short(to, text, len);
    for (size_t i = 0; i + 8 < len; i += 8) {
        word = load_word(text + i);
        if (word_is_special(word))
            return false;
        memcpy(to + i, &word, 8);
    }
    word = load_word(text + len - 8);
    memcpy(to + len - 8, &word, 8);
    return !word_is_special(word);
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

/* Writes one special character, and returns the bytes it had. */
static size_t write_character(optly__writer *writer, const char *text,
                              size_t len)
{
    unsigned char byte = (unsigned char)text[0];
    size_t size;

    if (byte < 0x80) {
        write_escape(writer, byte);
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

static void write_escaped(optly__writer *writer, const char *text, size_t len)
{
    size_t done = 0;

    optly__write_literal(writer, "\"");
    while (done < len) {
        size_t plain = plain_length(text + done, len - done);

        optly__write_raw(writer, text + done, plain);
        done += plain;
        if (done < len)
            done += write_character(writer, text + done, len - done);
    }
    optly__write_literal(writer, "\"");
}

/* Writes a string if it is plain and fits, with room for a byte behind it. */
static bool write_plain(optly__writer *writer, const char *text, size_t len)
{
    char *at = writer->at;

    if ((size_t)(writer->end - at) < len + 3 || !copy_plain(at + 1, text, len))
        return false;
    at[0] = '"';
    at[len + 1] = '"';
    writer->at = at + len + 2;
    return true;
}

void optly__write_string(optly__writer *writer, const char *text, size_t len)
{
    if (!write_plain(writer, text, len))
        write_escaped(writer, text, len);
}

void optly__write_name(optly__writer *writer, const char *text, size_t len)
{
    if (write_plain(writer, text, len)) {
        *writer->at++ = ':';
        return;
    }
    write_escaped(writer, text, len);
    optly__write_literal(writer, ":");
}

/* Whether any number fits, so that it needs no copy. */
static bool has_room_for_number(const optly__writer *writer)
{
    return (size_t)(writer->end - writer->at) >= OPTLY__NUMBER_SIZE;
}

void optly__write_int(optly__writer *writer, int64_t value)
{
    char text[OPTLY__NUMBER_SIZE];

    if (has_room_for_number(writer))
        writer->at += optly__int_text(writer->at, value);
    else
        optly__write_raw(writer, text, optly__int_text(text, value));
}

void optly__write_double(optly__writer *writer, double value)
{
    char text[OPTLY__NUMBER_SIZE];

    if (has_room_for_number(writer))
        writer->at += optly__double_text(writer->at, value);
    else
        optly__write_raw(writer, text, optly__double_text(text, value));
}

void optly__write_bool(optly__writer *writer, bool value)
{
    if (value)
        optly__write_literal(writer, "true");
    else
        optly__write_literal(writer, "false");
}
