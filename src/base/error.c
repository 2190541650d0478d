#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

optly_status(optly__fail)(optly_error *err, optly_status status,
                          const char *format, ...)
{
    va_list arguments;

    if (err == NULL)
        return status;
    err->status = status;
    va_start(arguments, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    return status;
}

optly_status optly__fail_memory(optly_error *err)
{
    return optly__fail(err, OPTLY_ERR_NO_MEMORY, "out of memory");
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

optly_status optly__copy_struct(void *to, size_t to_size, const void *from,
                                size_t first_size, const char *name,
                                optly_error *err)
{
    size_t size;

    if (from == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "%s: is NULL", name);
    memcpy(&size, from, sizeof(size));
    if (size < first_size)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "%s.struct_size: %zu, should be at least %zu (start "
                           "from the default function)",
                           name, size, first_size);
    if (size > to_size &&
        !is_zero((const unsigned char *)from + to_size, size - to_size))
        return optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                           "%s.struct_size: %zu, and fields are set that this "
                           "version of the library does not know",
                           name, size);
    memset(to, 0, to_size);
    memcpy(to, from, size < to_size ? size : to_size);
    return OPTLY_OK;
}

void optly__log_write(const optly__log *log, optly_log_level level,
                      const char *format, ...)
{
    char line[512];
    va_list arguments;

    if (log->log == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    log->log(level, line, log->user);
}
