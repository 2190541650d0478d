#include "fakes/failing_allocator.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <optly/status.h>

static _Atomic size_t calls, live, failing_call;
static _Atomic int has_failed, for_good;

static int fails_now(void)
{
    size_t call = atomic_fetch_add(&calls, 1), failing;

    failing = atomic_load(&failing_call);
    if (call != failing && (call < failing || !atomic_load(&for_good)))
        return 0;
    atomic_store(&has_failed, 1);
    return 1;
}

static void *count_live(void *memory)
{
    if (memory != NULL)
        (void)atomic_fetch_add(&live, 1);
    return memory;
}

static void *allocate(size_t size, void *user)
{
    (void)user;
    return failing_allocator_malloc(size);
}

static void release(void *memory, void *user)
{
    (void)user;
    failing_allocator_free(memory);
}

void failing_allocator_install(size_t count)
{
    static const optly_allocator allocator = {allocate, release, NULL};

    atomic_store(&calls, 0);
    atomic_store(&live, 0);
    atomic_store(&for_good, 0);
    atomic_store(&has_failed, 0);
    atomic_store(&failing_call, count);
    (void)optly_set_allocator(&allocator);
}

static void fail_after(size_t count, int lasting)
{
    /* First of all none, so that no half-made order counts. */
    atomic_store(&failing_call, FAILING_ALLOCATOR_NEVER);
    atomic_store(&for_good, lasting);
    atomic_store(&has_failed, 0);
    if (count != FAILING_ALLOCATOR_NEVER)
        atomic_store(&failing_call, atomic_load(&calls) + count);
}

void failing_allocator_fail_after(size_t count)
{
    fail_after(count, 0);
}

void failing_allocator_fail_for_good_after(size_t count)
{
    fail_after(count, 1);
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

void *failing_allocator_malloc(size_t size)
{
    return fails_now() ? NULL : count_live(malloc(size));
}

void *failing_allocator_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : count_live(calloc(count, size));
}

void *failing_allocator_realloc(void *memory, size_t size)
{
    if (memory == NULL)
        return failing_allocator_malloc(size);
    return fails_now() ? NULL : realloc(memory, size);
}

char *failing_allocator_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = failing_allocator_malloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void failing_allocator_free(void *memory)
{
    if (memory == NULL)
        return;
    (void)atomic_fetch_sub(&live, 1);
    free(memory);
}
