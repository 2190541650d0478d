/* An engine with a virtual clock and a scripted dispatcher. */
#ifndef OPTLY_FAKES_RIG_H
#define OPTLY_FAKES_RIG_H

#include "engine/engine.h"
#include "fakes/events.h"
#include "fakes/scripted_dispatcher.h"

typedef struct rig {
    optly__engine_config config;
    optly__engine engine;
    fake_dispatcher dispatcher;
    fake_reports reports;
    optly_project *project;
    int64_t now;   /* virtual; starts at 1,000,000 */
    int64_t next;  /* as the last step left it */
    int announced; /* calls of on_event_dispatch */
    int wakes;
    char log[8][256]; /* the first lines */
    int log_lines;
} rig;

/* Makes the parts with a default configuration: batch_size 10, queue_size 2000,
 * flush interval 30 s, 8 in flight. Change `config`, then rig_start. */
rig *rig_create(void);
void rig_start(rig *r);

/* Abandons, cleans up and frees; the books must balance. */
void rig_destroy(rig *r);

/* Adds one conversion of visitor "v<number>". */
optly_status rig_add(rig *r, int number);
optly_status rig_add_event(rig *r, optly_user_event *event);
void rig_add_many(rig *r, int first, int count);

/* Steps until nothing is due at `now`. */
void rig_step(rig *r);

/* Moves the clock and steps at each deadline on the way. */
void rig_advance(rig *r, int64_t ms);

/* Fails the test unless the accounting identity holds. */
void rig_check_books(rig *r);

/* The books, and what attempt number `i` was given. */
const optly_stats *rig_stats(const rig *r);
#define rig_attempt(r, i) (&(r)->dispatcher.attempts[i])

/* A flush begins and ends; the engine is stepped in between. */
void rig_open_flush(rig *r, optly__barrier *barrier);
void rig_close_flush(rig *r, optly__barrier *barrier);

/*
 * Before rig_create: the library's allocations fail while `rig_has_no_memory`
 * is set, which is cleared here. Undo it by optly_set_allocator(NULL).
 */
extern bool rig_has_no_memory;
void rig_watch_allocations(void);

#endif
