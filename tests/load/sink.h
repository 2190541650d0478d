/*
 * An event service for load: a process of its own that reads batches, books
 * each event in memory that it shares with the test, and fails as it is told.
 * Events are known by their number, which their uuid ends in.
 */
#ifndef OPTLY_LOAD_SINK_H
#define OPTLY_LOAD_SINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SINK_UUID_SIZE = 37 };

/* What can become of a request. With `LOST` it was read and booked. */
typedef enum sink_fault {
    SINK_ERROR,      /* 500 */
    SINK_BUSY,       /* 503, and to come back in a second */
    SINK_RESET,      /* a reset before the body is read */
    SINK_LOST,       /* a reset instead of the answer */
    SINK_LOST_ERROR, /* 502 instead of the answer */
    SINK_SLOW,       /* 20 ms late */
    SINK_GARBAGE,    /* no HTTP */
    SINK_SILENT,     /* no answer at all */
    SINK_FAULTS
} sink_fault;

/* One event. Marks are set by the test, the rest by the server. */
typedef struct sink_event {
    atomic_uchar marks;
    atomic_uchar seen;  /* up to 255 */
    atomic_ullong body; /* hash of the first body that held it */
} sink_event;

typedef struct sink {
    /* Set at the start. */
    pid_t server;
    uint16_t port;
    char url[64];
    size_t capacity;
    /* Set by the test at any time. */
    atomic_uint fault_percent;
    atomic_uint fault_mask; /* bit n: sink_fault n may happen */
    /* Counted by the server. */
    atomic_ullong requests, faults, events;
    atomic_ullong changed;   /* sightings in another body than the first */
    atomic_ullong strangers; /* uuids that are no event's */
    sink_event list[];       /* `capacity` of them */
} sink;

/* Starts the server; before the test has any thread. Never NULL. */
sink *sink_start(size_t capacity);
void sink_stop(sink *s);

/* The uuid of event `number`. */
void sink_uuid(uint64_t number, char uuid[SINK_UUID_SIZE]);

/* The event that has this uuid; NULL: none has. */
sink_event *sink_event_of(sink *s, const char *uuid);

#endif
