#include "dispatch/gzip.h"

#if defined(OPTLY_WITH_ZLIB)
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"

/* With 16 added, zlib writes gzip's header and trailer. */
enum { GZIP_WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 8 };

static void *allocate(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return optly__alloc((size_t)count * size);
}

static void release(void *opaque, void *memory)
{
    (void)opaque;
    optly__free(memory);
}

static bool compress_all(z_stream *stream, const void *bytes, size_t len,
                         void **out, size_t *out_len)
{
    uLong bound = deflateBound(stream, (uLong)len);

    *out = bound <= UINT_MAX ? optly__alloc(bound) : NULL;
    if (*out == NULL)
        return false;
    stream->next_in = (z_const Bytef *)bytes;
    stream->avail_in = (uInt)len;
    stream->next_out = *out;
    stream->avail_out = (uInt)bound;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
        optly__free(*out);
        return false;
    }
    *out_len = stream->total_out;
    return true;
}

bool optly__gzip(int level, const void *bytes, size_t len, void **out,
                 size_t *out_len)
{
    z_stream stream;
    bool done;

    memset(&stream, 0, sizeof(stream));
    stream.zalloc = allocate;
    stream.zfree = release;
    if (len > UINT_MAX ||
        deflateInit2(&stream, level, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    done = compress_all(&stream, bytes, len, out, out_len);
    (void)deflateEnd(&stream);
    return done;
}

#else

bool optly__gzip(int level, const void *bytes, size_t len, void **out,
                 size_t *out_len)
{
    (void)level;
    (void)bytes;
    (void)len;
    (void)out;
    (void)out_len;
    return false;
}
#endif
