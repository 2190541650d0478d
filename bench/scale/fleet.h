/*
 * Hosts, each with an engine of its own, and the endpoint that they share, on
 * one virtual clock that starts at 0.
 *
 * The hosts make events evenly, each at a moment of its own. One simulated
 * event may stand for `unit` real ones: then batch and queue count in units,
 * and batches and requests are as many as in reality.
 */
#ifndef OPTLY_BENCH_FLEET_H
#define OPTLY_BENCH_FLEET_H

#include <stdint.h>

/* Everything as it is for 10,000 hosts, in real events. */
typedef struct fleet_plan {
    uint32_t hosts; /* simulated; what is counted is scaled up to 10,000 */
    uint32_t unit;  /* real events that one simulated event stands for */
    uint32_t rate;  /* events a second of one host */
    uint32_t batch, queue, in_flight;
    uint32_t retry_max_ms;
    uint32_t drop_oldest; /* 0: the new one is refused */
    uint32_t latency_ms;  /* of an answer */
    /* What the endpoint takes of all in a second, the rest it answers by 503;
     * 0: all of it. */
    uint32_t capacity;
    uint32_t retry_after_s; /* that those answers say; 0: nothing */
    uint32_t outage_from_s, outage_to_s, end_s;
} fleet_plan;

enum { FLEET_HOSTS = 10000 };

/* One second of virtual time. */
typedef struct fleet_second {
    double requests;     /* that arrived, failed ones too */
    double failed;       /* answered by 503, or not at all: an outage */
    double delivered;    /* events */
    double lost;         /* events refused or displaced */
    double pending;      /* events of all hosts at its end */
    double most_pending; /* of one host at its end */
} fleet_second;

/* Runs the plan; fills in `end_s` seconds. */
void fleet_run(const fleet_plan *plan, fleet_second *seconds);

#endif
