/*
 * A processor and all that surrounds it, with an input for the dice: virtual
 * time, a dispatcher that answers when the input says so, callbacks that call
 * back, other threads (they run while the only thread waits), and memory that
 * runs out. A witness checks the promises.
 */
#ifndef OPTLY_FUZZ_API_WORLD_H
#define OPTLY_FUZZ_API_WORLD_H

#include <optly/event.h>

#include "fakes/witness.h"
#include "fuzz.h"
#include "processor/processor.h"

enum { WORLD_ADDED = WITNESS_EVENTS - 8 };

typedef struct world {
    fuzz_input input;
    optly_processor *processor;
    witness witness;
    int64_t sleeps_until_ms; /* the host's loop, unless it is woken */
    bool woken;              /* by on_wake, since run_once began */
    bool is_mute;            /* nothing is answered once the input is over */
    bool ends_on_cancel;     /* cancel answers what is open */
    bool closed;
    int added, destroys, handler; /* the latter is registered, or 0 */
    uint64_t refused;             /* by process_event */
} world;

/* api_time.c: the clock of the library, all kinds of it. */
extern int64_t world_now_ms;

/* The clock begins anew; who waits from now on waits in `w`. */
void world_begin(world *w, uint64_t seed);

/* One processor; false when memory ran out on the way. */
bool world_open(world *w, const uint8_t *data, size_t size);

/* Closes somehow, destroys, and checks that all is told and freed. */
void world_end(world *w);

/* The things that may happen at any time, from callbacks too. */
void world_add(world *w);
void world_answer(world *w);
void world_answer_again(world *w);
void world_change_handler(world *w);

/* Checks the books and every promise that can be seen. */
void world_check(world *w);

/* The next `count` allocations succeed, then one fails. */
void world_fail_allocation(world *w, size_t count);

uint32_t world_below(world *w, uint32_t bound);

#endif
