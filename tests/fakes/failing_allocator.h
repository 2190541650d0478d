/* An allocator that fails one allocation, and counts what is not freed. */
#ifndef OPTLY_FAKE_FAILING_ALLOCATOR_H
#define OPTLY_FAKE_FAILING_ALLOCATOR_H

/* Lets `successes` allocations pass and fails the next; -1: none fails. */
void failing_allocator_install(int successes);

/* Brings back the default and returns how many blocks are still out. */
int failing_allocator_remove(void);

/* Whether an allocation has failed since install. */
int failing_allocator_has_failed(void);

#endif
