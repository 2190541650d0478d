#include "fakes/failing_allocator.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <optly/status.h>

static _Atomic size_t calls, live, failing_call;
static _Atomic int has_failed;

static void *allocate(size_t size, void *user)
{
    size_t call = atomic_fetch_add(&calls, 1);
    void *memory;

    (void)user;
    if (call == atomic_load(&failing_call)) {
        atomic_store(&has_failed, 1);
        return NULL;
    }
    memory = malloc(size);
    if (memory != NULL)
        (void)atomic_fetch_add(&live, 1);
    return memory;
}

static void release(void *memory, void *user)
{
    (void)user;
    (void)atomic_fetch_sub(&live, 1);
    free(memory);
}

void failing_allocator_install(size_t count)
{
    static const optly_allocator allocator = {allocate, release, NULL};

    atomic_store(&calls, 0);
    atomic_store(&live, 0);
    atomic_store(&has_failed, 0);
    atomic_store(&failing_call, count);
    (void)optly_set_allocator(&allocator);
}

void failing_allocator_fail_after(size_t count)
{
    atomic_store(&has_failed, 0);
    atomic_store(&failing_call, count == FAILING_ALLOCATOR_NEVER
                                    ? count
                                    : atomic_load(&calls) + count);
}

int failing_allocator_has_failed(void)
{
    return atomic_load(&has_failed);
}

size_t failing_allocator_live(void)
{
    return atomic_load(&live);
}

size_t failing_allocator_calls(void)
{
    return atomic_load(&calls);
}

size_t failing_allocator_remove(void)
{
    (void)optly_set_allocator(NULL);
    return atomic_load(&live);
}
