/*
 * A processor to be hurt: its dispatcher answers as told, and every report is
 * held against what was accepted.
 */
#ifndef OPTLY_FAULTS_STAND_H
#define OPTLY_FAULTS_STAND_H

#include <stdatomic.h>

#include <optly/event.h>

typedef struct stand {
    optly_processor_config config; /* to be changed before stand_open */
    optly_project *project;
    optly_processor *processor;
    unsigned accepted, refused; /* by process_event */
    /* Reported by the processor. */
    atomic_uint delivered;
    atomic_uint dropped[OPTLY_REASON_SLOTS];
    atomic_uint log_lines;
    /* What the dispatcher answers, until none is left; then DELIVERED. */
    atomic_int retries;
    const char *poison; /* a body with this text in it is REFUSED; or NULL */
} stand;

/* Batches of 10, retries after 1 ms, and a dispatcher of a function. */
void stand_init(stand *s);

/* Creates the processor, without a worker; fails the test if it cannot. */
void stand_open(stand *s);

/* Hands over a conversion of "visitor-<number>"; if there is no memory for
 * it, or the processor does not want it, it only counts as refused. */
optly_status stand_add(stand *s, const optly_project *project, int number);
void stand_add_many(stand *s, int first, int count);

/* Fails the test unless the books balance and agree with the stand's own. */
void stand_check_books(stand *s);
unsigned stand_dropped(stand *s);

/* Runs `rounds` times without waiting, and checks the books each time. */
void stand_run(stand *s, int rounds);

/* All works again: what is pending and one more event are delivered, but for
 * `dropped` in all. Then closes and frees all. */
void stand_finish(stand *s, unsigned dropped);

/* The same for one that is closed already, or cannot be had. */
void stand_cleanup(stand *s);

#endif
