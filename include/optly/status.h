/**
 * @file
 * What calls answer, how errors are explained, and the two hooks that concern
 * the whole library: the log and the allocator.
 *
 * Ownership words used in every header: "takes" (the library's from the call
 * on, on success and on failure), "borrows" (only during the call), "copies",
 * "owned by the caller", "valid until". Every destroy function accepts NULL.
 * Constructors set `*out` to NULL on failure.
 */
#ifndef OPTLY_STATUS_H
#define OPTLY_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optly/export.h>

OPTLY_BEGIN_DECLS

/** The answer of a call. Zero is success; errors are negative. */
typedef enum optly_status {
    OPTLY_OK = 0,
    OPTLY_SKIPPED = 1,         /**< not an error: there is nothing to send */
    OPTLY_ERR_INVALID = -1,    /**< an argument is missing or out of range */
    OPTLY_ERR_NO_MEMORY = -2,  /**< the allocator returned NULL */
    OPTLY_ERR_NOT_FOUND = -3,  /**< no such event key or handler id */
    OPTLY_ERR_PARSE = -4,      /**< the text is not what it should be */
    OPTLY_ERR_QUEUE_FULL = -5, /**< a bound of the queue is reached */
    OPTLY_ERR_CLOSED = -6,     /**< the processor was closed */
    OPTLY_ERR_TIMEOUT = -7,    /**< time was up before it was done */
    OPTLY_ERR_DROPPED = -8,    /**< done, but events were dropped */
    OPTLY_ERR_WOULD_DEADLOCK = -9, /**< it would wait for itself */
    OPTLY_ERR_FORKED = -10, /**< the object belongs to the parent process */
    OPTLY_ERR_IO = -11,     /**< the system or the transport failed */
    OPTLY_ERR_UNSUPPORTED = -12, /**< known, but not to this build or version */
    OPTLY_ERR_TOO_LARGE = -13,   /**< over a limit that the message names */
    OPTLY_ERR_NO_ENTROPY = -14   /**< the system gave no random bytes */
} optly_status;

/**
 * Returns a short English text for `status`, never NULL, valid for ever.
 * Any thread.
 */
OPTLY_API const char *optly_status_text(optly_status status);

/**
 * Why a call failed: the field, the limit and the position, never a visitor
 * id, an attribute value or a body. Owned by the caller; written only when a
 * call fails. The message is NUL-terminated and cut to fit.
 */
typedef struct optly_error {
    optly_status status; /**< what the call returned */
    char message[240];   /**< one line of English */
} optly_error;

/** How much a line of the log matters. */
typedef enum optly_log_level {
    OPTLY_LOG_DEBUG,   /**< not used yet */
    OPTLY_LOG_INFO,    /**< good to know */
    OPTLY_LOG_WARNING, /**< something did not go as it should */
    OPTLY_LOG_ERROR    /**< nothing will go before somebody acts */
} optly_log_level;

/**
 * Receives one line of log. `message` is valid during the call. Runs on any
 * thread, several at once; must not call the library.
 */
typedef void (*optly_log_fn)(optly_log_level level, const char *message,
                             void *user);

/**
 * Where the library's memory comes from.
 *
 * `allocate` returns memory aligned for any type, or NULL; `release` is never
 * given NULL. Both run on any thread and must not call the library. libcurl and
 * cJSON keep their own.
 */
typedef struct optly_allocator {
    void *(*allocate)(size_t size, void *user); /**< as malloc */
    void (*release)(void *memory, void *user);  /**< as free */
    void *user;                                 /**< passed to both */
} optly_allocator;

/**
 * Sets the allocator of the whole process; copies `*allocator`, NULL brings
 * back malloc and free. Call it before anything else of the library and while
 * nothing of it is alive.
 *
 * Returns OPTLY_OK, or OPTLY_ERR_INVALID when one of the functions is NULL.
 */
OPTLY_API optly_status optly_set_allocator(const optly_allocator *allocator);

OPTLY_END_DECLS

#endif
