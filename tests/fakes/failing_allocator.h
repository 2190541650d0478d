/*
 * An allocator that fails when it is told to, and counts what is alive: to
 * let every allocation of a piece of work fail in turn.
 *
 *     for (size_t n = 0;; n++) {
 *         failing_allocator_install(n);
 *         status = work();
 *         left = failing_allocator_remove();
 *         ... left is 0; if status is OPTLY_OK, there was nothing to fail
 *     }
 */
#ifndef OPTLY_FAKES_FAILING_ALLOCATOR_H
#define OPTLY_FAKES_FAILING_ALLOCATOR_H

#include <stddef.h>

#define FAILING_ALLOCATOR_NEVER ((size_t)-1)

/*
 * From here on `count` allocations of the library succeed and then one fails;
 * later ones succeed again. Nothing of the library may be alive.
 */
void failing_allocator_install(size_t count);

/* The same from here on, once it is installed; what is alive stays counted. */
void failing_allocator_fail_after(size_t count);

/* The same, but all later ones fail, too. */
void failing_allocator_fail_for_good_after(size_t count);

/* Whether an allocation was made to fail since then. */
int failing_allocator_has_failed(void);

/* What was allocated since then and is not freed. */
size_t failing_allocator_live(void);

/* How many allocations were asked for since then. */
size_t failing_allocator_calls(void);

/* Brings back malloc, and returns what was alive; that must be 0. */
size_t failing_allocator_remove(void);

/* The same allocator, with the same count, for libraries that have hooks of
 * their own. */
void *failing_allocator_malloc(size_t size);
void *failing_allocator_calloc(size_t count, size_t size);
void *failing_allocator_realloc(void *memory, size_t size);
char *failing_allocator_strdup(const char *text);
void failing_allocator_free(void *memory);

#endif
