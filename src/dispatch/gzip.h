/* Bodies made smaller. */
#ifndef OPTLY__GZIP_H
#define OPTLY__GZIP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Compresses `len` bytes at `level` 1 to 9. On true `*out` holds `*out_len`
 * bytes for optly__free. False: no memory, or a build without zlib.
 */
bool optly__gzip(int level, const void *bytes, size_t len, void **out,
                 size_t *out_len);

#endif
