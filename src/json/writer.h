/*
 * A JSON writer into one growing buffer. It starts in memory of the caller's
 * and moves to the heap when that is full. A failure sticks: what is written
 * afterwards is ignored, and `status` says why.
 *
 * The writer only appends; commas and brackets are the caller's.
 */
#ifndef OPTLY__WRITER_H
#define OPTLY__WRITER_H

#include <stdint.h>
#include <string.h>

#include <optly/status.h>

typedef struct optly__writer {
    char *start; /* the scratch memory, or `heap` */
    char *at;
    char *end;
    char *heap;
    size_t limit;        /* of the text, in bytes */
    optly_status status; /* OK, NO_MEMORY, or TOO_LARGE for `limit` */
} optly__writer;

/* Borrows `scratch` until cleanup. */
void optly__writer_init(optly__writer *writer, char *scratch, size_t size,
                        size_t limit);
void optly__writer_cleanup(optly__writer *writer);

/* Makes room for `size` more bytes, or sets the status and returns false. */
bool optly__writer_grow(optly__writer *writer, size_t size);

/* A string in quotes: escaped, each invalid byte of UTF-8 as U+FFFD. */
void optly__write_string(optly__writer *writer, const char *text, size_t len);

/* The name of a member: a string and a colon. */
void optly__write_name(optly__writer *writer, const char *text, size_t len);

void optly__write_int(optly__writer *writer, int64_t value);

/* `value` is finite. */
void optly__write_double(optly__writer *writer, double value);
void optly__write_bool(optly__writer *writer, bool value);

static inline size_t optly__writer_len(const optly__writer *writer)
{
    return (size_t)(writer->at - writer->start);
}

/* Takes back what was written beyond the first `len` bytes. */
static inline void optly__writer_truncate(optly__writer *writer, size_t len)
{
    writer->at = writer->start + len;
}

/* The bytes as they are. */
static inline void optly__write_raw(optly__writer *writer, const char *text,
                                    size_t len)
{
    if ((size_t)(writer->end - writer->at) < len &&
        !optly__writer_grow(writer, len))
        return;
    memcpy(writer->at, text, len);
    writer->at += len;
}

/* The `len` bytes that were written from `offset` on, once more. */
static inline void optly__write_again(optly__writer *writer, size_t offset,
                                      size_t len)
{
    if ((size_t)(writer->end - writer->at) < len &&
        !optly__writer_grow(writer, len))
        return;
    memcpy(writer->at, writer->start + offset, len);
    writer->at += len;
}

/* A constant text; its length is known to the compiler. */
#define optly__write_literal(writer, text)                                     \
    optly__write_raw((writer), "" text, sizeof(text) - 1)

#endif
