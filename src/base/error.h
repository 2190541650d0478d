/* Errors with a message, and structs that may grow. */
#ifndef OPTLY__ERROR_H
#define OPTLY__ERROR_H

#include <stddef.h>

#include <optly/status.h>

#if defined(__GNUC__)
#define OPTLY__FORMAT(string, first)                                           \
    __attribute__((format(printf, string, first)))
#else
#define OPTLY__FORMAT(string, first)
#endif

/*
 * Writes `status` and the message to `err`, if that is not NULL, and returns
 * `status`. The format is a constant; the arguments name fields, limits and
 * positions, never personal data.
 */
optly_status optly__fail(optly_error *err, optly_status status,
                         const char *format, ...) OPTLY__FORMAT(3, 4);

#ifdef __clang_analyzer__
/* Tells the analyzer which status comes back, so that it follows the right
 * branch in the caller. */
#define optly__fail(err, status, ...)                                          \
    ((void)(optly__fail)(err, status, __VA_ARGS__), (status))
#endif

/* "out of memory" */
optly_status optly__fail_memory(optly_error *err);

/*
 * The size of a struct up to `last`, included. With the last member of a
 * struct's first version it is the size that the oldest programs pass.
 */
#define OPTLY__SIZE_TO(type, last)                                             \
    (offsetof(type, last) + sizeof(((type *)NULL)->last))

/*
 * Copies a caller's struct, which begins with its struct_size, into `to`, the
 * struct as this library knows it; what the caller's version lacks is zeroed.
 * `first_size` is the size of the first version. `name` is the argument's.
 *
 * Returns OPTLY_OK; OPTLY_ERR_INVALID for NULL or a struct_size below
 * `first_size`; OPTLY_ERR_UNSUPPORTED when the struct is larger than `to` and
 * the excess is not zero.
 */
optly_status optly__copy_struct(void *to, size_t to_size, const void *from,
                                size_t first_size, const char *name,
                                optly_error *err);

/* A log hook with its user; `log` may be NULL. */
typedef struct optly__log {
    optly_log_fn log;
    void *user;
} optly__log;

/* Formats one line (cut at 511 bytes) and hands it to the hook, if any. */
void optly__log_write(const optly__log *log, optly_log_level level,
                      const char *format, ...) OPTLY__FORMAT(3, 4);

#endif
