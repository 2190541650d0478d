/* How large the parts of an event may be. */
#ifndef OPTLY__LIMITS_H
#define OPTLY__LIMITS_H

#include <stdint.h>

enum {
    OPTLY__MOST_KEY_LEN = 4096, /* ids, keys and names, too */
    OPTLY__MOST_TEXT_LEN = 65536,
    OPTLY__MOST_PAIRS = 1000, /* attributes, and tags */
    OPTLY__MOST_JSON_DEPTH = 32,
    OPTLY__MOST_EVENT_LEN = 1048576 /* of its JSON */
};

/* The last millisecond of the year 9999. */
#define OPTLY__MOST_TIMESTAMP_MS INT64_C(253402300799999)

#endif
