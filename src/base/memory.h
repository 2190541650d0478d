/* The library's memory: every allocation of ours goes through here. */
#ifndef OPTLY__MEMORY_H
#define OPTLY__MEMORY_H

#include <stddef.h>

/* Returns `size` bytes, aligned for any type, or NULL. Any thread. */
void *optly__alloc(size_t size);

/* The same, zeroed. */
void *optly__alloc_zero(size_t size);

/* Frees memory of optly__alloc; NULL is fine. Any thread. */
void optly__free(void *memory);

/* Returns a copy of `text`, or NULL. */
char *optly__copy_string(const char *text);

#endif
