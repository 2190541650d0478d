/* Every exported function of the library as one call, made in some state. */
#ifndef OPTLY_LIFECYCLE_CALLS_H
#define OPTLY_LIFECYCLE_CALLS_H

#include <optly/event.h>

/* What a call is made with. All of it is NULL or zero in the state "null". */
typedef struct subject {
    optly_processor *processor;
    optly_project *project; /* of fake_datafile */
    optly_user_event *event;
    int dispatch_id, delivery_id; /* handlers of the processor, to remove */
    optly_delivery delivery;      /* one that is complete */
    uint32_t wait_ms;             /* the limit of flush and close */
} subject;

/* What a call answers that returns no status, and not what it should. */
enum { CALL_WRONG = 100 };

/* Makes the call and leaves nothing behind; returns its status. For a function
 * without one: OPTLY_OK, or CALL_WRONG. */
typedef struct call {
    const char *name;
    int (*make)(const subject *s);
} call;

/* Ends with a NULL name. */
extern const call calls[];

#endif
