#include "project/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

enum { BLOCK_SIZE = 4096 };

struct optly__arena_block {
    struct optly__arena_block *next;
    size_t size; /* of `memory` */
    alignas(max_align_t) char memory[];
};

void *optly__arena_alloc(optly__arena *arena, size_t size)
{
    struct optly__arena_block *block = arena->blocks;
    const size_t step = alignof(max_align_t);

    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + step - 1) / step * step;
    if (size > arena->left) {
        size_t block_size = size > BLOCK_SIZE ? size : BLOCK_SIZE;

        block = optly__alloc(sizeof(*block) + block_size);
        if (block == NULL)
            return NULL;
        block->next = arena->blocks;
        block->size = block_size;
        arena->blocks = block;
        arena->left = block_size;
    }
    arena->left -= size;
    return block->memory + (block->size - arena->left - size);
}

char *optly__arena_copy(optly__arena *arena, const char *text, size_t len)
{
    char *copy = optly__arena_alloc(arena, len + 1);

    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

void optly__arena_cleanup(optly__arena *arena)
{
    struct optly__arena_block *block = arena->blocks;

    while (block != NULL) {
        struct optly__arena_block *next = block->next;

        optly__free(block);
        block = next;
    }
    arena->blocks = NULL;
    arena->left = 0;
}
