/* What the cost of an event is measured against, each by a function that
 * prints lines "SUBJECT SIZE NS BYTES": CPU time of the process for an event,
 * and the bytes of its JSON. */
#ifndef OPTLY_BENCH_GROWTH_H
#define OPTLY_BENCH_GROWTH_H

#include <stddef.h>

/* path.c: the whole way of an event, driven by the caller. */
void grow_events(void);
void grow_queue(void);
void grow_attributes(void);
void grow_batch(void);

/* contexts.c: the engine, on a virtual clock. */
void grow_contexts(void);
void grow_blocked(void);
void grow_waiting(void);

/* CPU time of the process, in ns. */
double cpu_ns(void);

void print_cost(const char *subject, size_t size, double ns, size_t bytes);

#endif
