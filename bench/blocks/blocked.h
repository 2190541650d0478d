/* An engine with a working endpoint (US) beside one that is down (EU), for
 * which many contexts have an open batch that is due and cannot leave. */
#ifndef OPTLY_BENCH_BLOCKED_H
#define OPTLY_BENCH_BLOCKED_H

#include "blocks/stepped.h"

typedef struct blocked blocked;

/* `contexts` wait, and there is room for `room` events more. */
blocked *blocked_create(size_t contexts, size_t room);
stepped *blocked_stepped(blocked *it);

/* Checks that all were delivered but the contexts that wait. */
void blocked_destroy(blocked *it);

#endif
