#include "fakes/failing_allocator.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <optly/status.h>

static atomic_int left, out;

static void *allocate(size_t size, void *user)
{
    void *memory;

    (void)user;
    if (atomic_load(&left) >= 0 && atomic_fetch_sub(&left, 1) == 0)
        return NULL;
    memory = malloc(size);
    if (memory != NULL)
        (void)atomic_fetch_add(&out, 1);
    return memory;
}

static void release(void *memory, void *user)
{
    (void)user;
    (void)atomic_fetch_sub(&out, 1);
    free(memory);
}

void failing_allocator_install(int successes)
{
    const optly_allocator allocator = {allocate, release, NULL};

    atomic_store(&left, successes);
    atomic_store(&out, 0);
    (void)optly_set_allocator(&allocator);
}

void failing_allocator_fail_after(int successes)
{
    atomic_store(&left, successes);
}

int failing_allocator_remove(void)
{
    (void)optly_set_allocator(NULL);
    return atomic_load(&out);
}
