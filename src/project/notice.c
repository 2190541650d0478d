#include "project/notice.h"

#include "json/writer.h"
#include "project/hash.h"

/* A key in the log is cut; escaped it grows sixfold at most. */
enum { MOST_KEY_LEN = 64, MOST_QUOTED_LEN = 6 * MOST_KEY_LEN + 2 };

static const char *text_of(optly__notice_kind kind)
{
    switch (kind) {
    case OPTLY__NOTICE_UNKNOWN_ATTRIBUTE:
        return "attribute left out, not in the datafile: ";
    case OPTLY__NOTICE_INVALID_ATTRIBUTE:
        return "attribute left out, its value is not valid: ";
    case OPTLY__NOTICE_INVALID_TAG:
        return "tag left out, its value is not valid: ";
    case OPTLY__NOTICE_EMPTY_VISITOR:
        return "event with an empty visitor id";
    }
    return "";
}

static void say(const optly__log *log, optly__notice_kind kind, const char *key,
                size_t key_len)
{
    char quoted[MOST_QUOTED_LEN + 1];
    optly__writer writer;

    optly__writer_init(&writer, quoted, sizeof(quoted), sizeof(quoted));
    if (kind != OPTLY__NOTICE_EMPTY_VISITOR)
        optly__write_string(&writer, key,
                            key_len < MOST_KEY_LEN ? key_len : MOST_KEY_LEN);
    optly__write_raw(&writer, "", 1);
    optly__log_write(log,
                     kind == OPTLY__NOTICE_UNKNOWN_ATTRIBUTE
                         ? OPTLY_LOG_INFO
                         : OPTLY_LOG_WARNING,
                     "%s%s", text_of(kind), quoted);
}

/* Whether `hash` was not there yet; it is from now on. */
static bool is_new(optly__notices *notices, uint64_t hash)
{
    size_t i = (size_t)hash % OPTLY__NOTICE_SLOTS;

    for (size_t probes = 0; probes < OPTLY__NOTICE_SLOTS; probes++) {
        uint64_t found = atomic_load(&notices->said[i]);

        if (found == 0 &&
            atomic_compare_exchange_strong(&notices->said[i], &found, hash))
            return true;
        if (found == hash)
            return false;
        i = (i + 1) % OPTLY__NOTICE_SLOTS;
    }
    return false;
}

void optly__notice(optly__notices *notices, const optly__log *log,
                   optly__notice_kind kind, const char *key, size_t key_len)
{
    const uint32_t most = OPTLY__NOTICE_SLOTS / 2;
    uint64_t hash = optly__hash_mix(optly__hash(key, key_len), kind);
    uint32_t count;

    if (log->log == NULL ||
        atomic_load_explicit(&notices->count, memory_order_relaxed) > most ||
        !is_new(notices, hash != 0 ? hash : 1))
        return;
    count = atomic_fetch_add(&notices->count, 1);
    if (count < most)
        say(log, kind, key, key_len);
    else if (count == most)
        optly__log_write(log, OPTLY_LOG_WARNING,
                         "more than %u keys were left out of events; further "
                         "ones are not named",
                         (unsigned)most);
}
