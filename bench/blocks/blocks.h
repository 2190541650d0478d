/*
 * The parts that an event passes, each as something to run again and again:
 * bench/instructions counts their instructions, bench/micro their time.
 */
#ifndef OPTLY_BENCH_BLOCKS_H
#define OPTLY_BENCH_BLOCKS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counts are multiples of this. */
enum { BLOCK_ROUND = 1000 };

typedef struct block {
    const char *name;
    const char *what; /* that one operation does */
    size_t size;      /* what the block does it with; its own meaning */

    /* Makes what the operations need; ends the program if it cannot. */
    void *(*create)(size_t size);

    /* Makes ready for the next `count` operations; not measured. NULL: nothing
     * to do. */
    void (*prepare)(void *self, size_t count);

    void (*run)(void *self, size_t count);
    void (*destroy)(void *self);
} block;

extern const block *const all_blocks[]; /* ends with NULL */

/* Returns the block of that name, or NULL. */
const block *block_find(const char *name);

#ifdef __cplusplus
}
#endif

#endif
