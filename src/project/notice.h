/* What the builders tell the project's log: once per key, never a value. */
#ifndef OPTLY__NOTICE_H
#define OPTLY__NOTICE_H

#include <stdatomic.h>

#include "base/error.h"

typedef enum optly__notice_kind {
    OPTLY__NOTICE_UNKNOWN_ATTRIBUTE,
    OPTLY__NOTICE_INVALID_ATTRIBUTE,
    OPTLY__NOTICE_INVALID_TAG,
    OPTLY__NOTICE_EMPTY_VISITOR /* its key is "" */
} optly__notice_kind;

enum { OPTLY__NOTICE_SLOTS = 512 };

/* Hashes of what was said. No lock, so that a fork cannot leave one held. */
typedef struct optly__notices {
    _Atomic uint64_t said[OPTLY__NOTICE_SLOTS]; /* 0: empty */
    _Atomic uint32_t count;
} optly__notices;

/*
 * Logs that `key` was left out, unless that was said before. When half of the
 * slots are taken it says so once, and then falls silent. Any thread.
 */
void optly__notice(optly__notices *notices, const optly__log *log,
                   optly__notice_kind kind, const char *key, size_t key_len);

#endif
