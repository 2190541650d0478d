/* An engine on a clock of its own, which the caller steps. */
#ifndef OPTLY_BENCH_STEPPED_H
#define OPTLY_BENCH_STEPPED_H

#include "engine/engine.h"

typedef struct stepped {
    optly__engine engine;
    int64_t now;  /* virtual, in ms */
    int64_t next; /* as the last step left it */
} stepped;

/* The processor's defaults; no queue and no dispatcher yet. */
optly__engine_config stepped_config(void);

/* Makes the engine with a ring of `config->queue_size`. Every function ends
 * the program if it cannot do what it says. */
void stepped_init(stepped *it, const optly__engine_config *config);
void stepped_cleanup(stepped *it);

/* Adds an event that there is room for. */
void stepped_add(stepped *it, optly_user_event *event);

/* Adds it unless the queue is full; then it is freed, and false returned. */
bool stepped_offer(stepped *it, optly_user_event *event);

/* Steps until nothing is due now. */
void stepped_step(stepped *it);

#endif
