#include "body.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    FIRST_CAPACITY = 16 * 1024,
    CHUNK = 16 * 1024,
    GZIP_WINDOW = 15 + 16 /* zlib's way to ask for gzip */
};

static bool reserve(collector_body *body, size_t len)
{
    size_t capacity = body->capacity > 0 ? body->capacity : FIRST_CAPACITY;
    char *data;

    while (capacity <= len)
        capacity *= 2;
    if (capacity == body->capacity)
        return true;
    data = realloc(body->data, capacity);
    if (data == NULL)
        return false;
    body->data = data;
    body->capacity = capacity;
    return true;
}

bool collector_body_add(collector_body *body, const char *data, size_t len)
{
    body->received += len;
    if (body->too_large || len > body->max - body->len) {
        collector_body_cleanup(body);
        body->too_large = true;
        return true;
    }
    if (!reserve(body, body->len + len))
        return false;
    memcpy(body->data + body->len, data, len);
    body->len += len;
    body->data[body->len] = '\0';
    return true;
}

void collector_body_cleanup(collector_body *body)
{
    free(body->data);
    body->data = NULL;
    body->len = 0;
    body->capacity = 0;
}

/* Returns Z_STREAM_END when all went well, and all input was used. */
static int inflate_all(z_stream *stream, collector_body *out)
{
    char chunk[CHUNK];
    int result = Z_OK;

    while (result == Z_OK && !out->too_large) {
        stream->next_out = (Bytef *)chunk;
        stream->avail_out = sizeof(chunk);
        result = inflate(stream, Z_NO_FLUSH);
        if (!collector_body_add(out, chunk, sizeof(chunk) - stream->avail_out))
            result = Z_MEM_ERROR;
    }
    return result == Z_STREAM_END && stream->avail_in > 0 ? Z_DATA_ERROR
                                                          : result;
}

collector_unpacked collector_body_unpack(collector_body *body)
{
    collector_body out = {.max = body->max};
    z_stream stream;
    int result;

    memset(&stream, 0, sizeof(stream));
    stream.next_in = (Bytef *)body->data;
    stream.avail_in = (uInt)body->len;
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        return COLLECTOR_NOT_GZIP;
    result = inflate_all(&stream, &out);
    inflateEnd(&stream);

    out.received = body->received;
    collector_body_cleanup(body);
    *body = out;
    if (out.too_large)
        return COLLECTOR_UNPACKED_TOO_LARGE;
    return result == Z_STREAM_END ? COLLECTOR_UNPACKED : COLLECTOR_NOT_GZIP;
}
