/* What a test sees of its own process, and how long it is asked to run. */
#ifndef OPTLY_FAKES_PROCESS_H
#define OPTLY_FAKES_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How often to do it: the number in the environment's `name`, or `fallback`. */
uint32_t fake_rounds(const char *name, uint32_t fallback);

/* A cmocka set-up: a sanitizer starts a thread of its own beside the first. */
int process_warm_up(void **state);

int process_threads(void);

/* Waits until no more than `count` are left, 10 s at most: a joined thread
 * leaves the kernel's list a moment later. */
bool process_threads_fall_to(int count);

int process_descriptors(void);
size_t process_resident_bytes(void);

/* Whether a sanitizer keeps freed memory, so that sizes say nothing. */
bool process_memory_is_watched(void);

/* Whether malloc works in the child of a process with threads: not where a
 * fork leaves the locks of a sanitizer's malloc held, as with the address
 * sanitizer and gcc's thread sanitizer. */
bool process_malloc_survives_fork(void);

/* Whether such a child may start threads: gcc's thread sanitizer takes them for
 * those that the parent had, and so does QEMU (7.2), which aborts. */
bool process_threads_survive_fork(void);

/* How many times longer a short time limit has to be: OPTLY_EMULATED, which
 * scripts/cross-check sets, or 1. */
uint32_t process_slowness(void);

/* For how long the calling thread was ready to run and did not get a
 * processor, since it began; 0 where the system does not tell. */
int64_t process_starved_us(void);

#endif
