/* Memory that is freed all at once: what a project copies. One thread. */
#ifndef OPTLY__ARENA_H
#define OPTLY__ARENA_H

#include <stddef.h>

typedef struct optly__arena {
    struct optly__arena_block *blocks; /* the one in use first */
    size_t left;                       /* in that block, at its end */
} optly__arena;

/* Returns `size` bytes, aligned for any type, or NULL. The arena was zeroed. */
void *optly__arena_alloc(optly__arena *arena, size_t size);

/* Copies `len` bytes and appends a NUL. */
char *optly__arena_copy(optly__arena *arena, const char *text, size_t len);
void optly__arena_cleanup(optly__arena *arena);

#endif
