#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#include <optly/status.h>

static void *allocate_default(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void release_default(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static const optly_allocator default_allocator = {allocate_default,
                                                  release_default, NULL};

/* Set before anything else is called, so read without a lock. */
static optly_allocator current = {allocate_default, release_default, NULL};

void *optly__alloc(size_t size)
{
    return current.allocate(size, current.user);
}

void *optly__alloc_zero(size_t size)
{
    void *memory = optly__alloc(size);

    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

void optly__free(void *memory)
{
    if (memory != NULL)
        current.release(memory, current.user);
}

char *optly__copy_string(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = optly__alloc(size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

optly_status optly_set_allocator(const optly_allocator *allocator)
{
    if (allocator == NULL) {
        current = default_allocator;
        return OPTLY_OK;
    }
    if (allocator->allocate == NULL || allocator->release == NULL)
        return OPTLY_ERR_INVALID;
    current = *allocator;
    return OPTLY_OK;
}
