/* A processor with a scripted dispatcher, as a host would set it up. */
#ifndef OPTLY_FAKES_HOST_H
#define OPTLY_FAKES_HOST_H

#include "fakes/events.h"
#include "fakes/scripted_dispatcher.h"

typedef struct host {
    optly_processor_config config;
    optly_processor *processor;
    fake_dispatcher dispatcher;
    fake_reports reports;
    optly_project *project;
    int wakes; /* of on_wake */
} host;

/* Default settings but for the dispatcher; change `config`, then host_open. */
host *host_create(void);
void host_open(host *h);  /* create, not started */
void host_start(host *h); /* open and start */

/* Destroys the processor if it is there, and frees. */
void host_destroy(host *h);

optly_status host_add(host *h, int number);
void host_add_many(host *h, int first, int count);

/* One snapshot; fails the test unless the books balance. */
optly_stats host_stats(host *h);
uint64_t host_dropped(host *h, optly_drop_reason reason);

/* Waits until `count` events are settled, 10 s at most; false then. */
bool host_wait_settled(host *h, uint64_t count);

#endif
