/* An allocator that fails one allocation, and counts what is not freed. */
#ifndef OPTLY_FAKE_FAILING_ALLOCATOR_H
#define OPTLY_FAKE_FAILING_ALLOCATOR_H

/* Lets `successes` allocations pass and fails the next; -1: none fails. */
void failing_allocator_install(int successes);

/* The same from here on, with what is out still counted. */
void failing_allocator_fail_after(int successes);

/* Brings back the default and returns how many blocks are still out. */
int failing_allocator_remove(void);

#endif
