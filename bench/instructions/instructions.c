/*
 * Runs one block for callgrind.
 *
 *   instructions BLOCK COUNT    COUNT operations, a multiple of 1000
 *   instructions                the names of the blocks
 */
#include "blocks/blocks.h"

#include <stdio.h>
#include <stdlib.h>

/* What callgrind counts: it is told so by the name. */
__attribute__((noinline)) void measured(const block *it, void *self,
                                        size_t count);
void measured(const block *it, void *self, size_t count)
{
    it->run(self, count);
}

static int list(void)
{
    for (const block *const *at = all_blocks; *at != NULL; at++)
        (void)printf("%-18s %s\n", (*at)->name, (*at)->what);
    return 0;
}

int main(int argc, char **argv)
{
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    const block *it = argc == 3 ? block_find(argv[1]) : NULL;
    void *self;

    if (argc == 1)
        return list();
    if (it == NULL || count == 0 || count % BLOCK_ROUND != 0) {
        (void)fprintf(stderr, "usage: instructions [BLOCK COUNT]\n");
        return 2;
    }
    self = it->create(it->size);
    for (size_t done = 0; done < count; done += BLOCK_ROUND) {
        if (it->prepare != NULL)
            it->prepare(self, BLOCK_ROUND);
        measured(it, self, BLOCK_ROUND);
    }
    it->destroy(self);
    return 0;
}
