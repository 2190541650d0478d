#include "event/event_memory.h"

#include <stdalign.h>
#include <string.h>

#include "base/memory.h"
#include "platform/platform.h"

enum { CHUNK_SIZE = 65536, RANDOM_BUFFER_SIZE = 4096, MOST_SPARES = 8 };

/* A larger event gets a chunk of its own, so that little of one is wasted. */
#if defined(OPTLY_PLAIN_EVENTS)
enum { MOST_SHARED = 0 };
#else
enum { MOST_SHARED = CHUNK_SIZE / 8 };
#endif

/* Guarded by the pool's lock, but for `pool`. */
struct chunk {
    optly__event_pool *pool;
    struct chunk *next; /* among the spares */
    uint32_t used;      /* bytes of `memory` */
    uint32_t live;      /* events */
    bool is_shared;
    alignas(max_align_t) char memory[];
};

enum { CHUNK_ROOM = CHUNK_SIZE - (int)sizeof(struct chunk) };

struct optly__event_pool {
    /* Set by create, then read-only. */
    uint64_t generation;
    optly__context *context;

    optly__mutex lock;
    struct chunk *current; /* may be NULL */
    struct chunk *spares;
    uint32_t spare_count;
    uint64_t live; /* events in all chunks */
    bool has_project;
    size_t random_left; /* at the end of `random` */
    unsigned char random[RANDOM_BUFFER_SIZE];
};

static optly__event_pool *pool_create(optly__context *context,
                                      uint64_t generation)
{
    optly__event_pool *pool = optly__alloc_zero(sizeof(*pool));

    if (pool == NULL)
        return NULL;
    if (!optly__mutex_init(&pool->lock)) {
        optly__free(pool);
        return NULL;
    }
    pool->generation = generation;
    pool->context = optly__context_retain(context);
    pool->has_project = true;
    return pool;
}

static void free_chunks(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;

        optly__free(chunk);
        chunk = next;
    }
}

/* No event of the pool is alive. */
static void pool_destroy(optly__event_pool *pool)
{
    optly__free(pool->current);
    free_chunks(pool->spares);
    optly__mutex_cleanup(&pool->lock);
    optly__context_release(pool->context);
    optly__free(pool);
}

optly__event_pool *optly__event_pool_get(optly__event_pool_slot *slot,
                                         optly__context *context)
{
    optly__event_pool *pool = atomic_load_explicit(slot, memory_order_acquire);
    uint64_t generation = optly__fork_generation();
    optly__event_pool *fresh;

    if (pool != NULL && pool->generation == generation)
        return pool;
    fresh = pool_create(context, generation);
    if (fresh == NULL)
        return NULL;
    if (atomic_compare_exchange_strong(slot, &pool, fresh))
        return fresh;
    pool_destroy(fresh);
    return pool; /* another thread was first */
}

/* Lock held. */
static void put_spare(optly__event_pool *pool, struct chunk *chunk)
{
    chunk->used = 0;
    chunk->next = pool->spares;
    pool->spares = chunk;
    pool->spare_count++;
}

/*
 * Puts a chunk with room in the place of the full one: a spare, or `*fresh`.
 * False if there is neither. Lock held.
 */
static bool replace_current(optly__event_pool *pool, struct chunk **fresh)
{
    struct chunk *chunk = pool->spares;

    if (chunk != NULL) {
        pool->spares = chunk->next;
        pool->spare_count--;
    } else {
        chunk = *fresh;
        *fresh = NULL;
    }
    if (chunk == NULL)
        return false;
    pool->current = chunk; /* the full one comes back with its last event */
    return true;
}

static struct chunk *chunk_create(optly__event_pool *pool, size_t size,
                                  bool is_shared)
{
    struct chunk *chunk = optly__alloc(sizeof(*chunk) + size);

    if (chunk == NULL)
        return NULL;
    memset(chunk, 0, sizeof(*chunk));
    chunk->pool = pool;
    chunk->is_shared = is_shared;
    return chunk;
}

/*
 * Returns a chunk with room for `size` bytes, with the lock held; NULL, and
 * not locked, when out of memory. The allocator is called unlocked.
 */
static struct chunk *lock_with_room(optly__event_pool *pool, size_t size)
{
    struct chunk *fresh = NULL;

    optly__mutex_lock(&pool->lock);
    while (pool->current == NULL || pool->current->used + size > CHUNK_ROOM) {
        if (replace_current(pool, &fresh))
            continue;
        optly__mutex_unlock(&pool->lock);
        fresh = chunk_create(pool, CHUNK_ROOM, true);
        if (fresh == NULL)
            return NULL;
        optly__mutex_lock(&pool->lock);
    }
    if (fresh != NULL)
        put_spare(pool, fresh); /* another thread found one meanwhile */
    return pool->current;
}

static struct chunk *lock_with_own(optly__event_pool *pool, size_t size)
{
    struct chunk *chunk = chunk_create(pool, size, false);

    if (chunk != NULL)
        optly__mutex_lock(&pool->lock);
    return chunk;
}

/* Lock held. Bytes that were handed out are wiped here. */
static bool take_random(optly__event_pool *pool, unsigned char *random)
{
    unsigned char *from;

    if (pool->random_left < OPTLY__RANDOM_SIZE) {
        if (!optly__random_bytes(pool->random, sizeof(pool->random)))
            return false;
        pool->random_left = sizeof(pool->random);
    }
    from = pool->random + sizeof(pool->random) - pool->random_left;
    memcpy(random, from, OPTLY__RANDOM_SIZE);
    memset(from, 0, OPTLY__RANDOM_SIZE);
    pool->random_left -= OPTLY__RANDOM_SIZE;
    return true;
}

optly_status optly__event_pool_take(optly__event_pool *pool, size_t text_size,
                                    unsigned char *random,
                                    optly_user_event **out)
{
    const size_t step = alignof(max_align_t);
    size_t size = sizeof(**out) + text_size;
    size_t rounded = (size + step - 1) / step * step;
    bool is_shared = rounded <= MOST_SHARED;
    struct chunk *chunk =
        is_shared ? lock_with_room(pool, rounded) : lock_with_own(pool, size);
    optly_user_event *event;

    *out = NULL;
    if (chunk == NULL)
        return OPTLY_ERR_NO_MEMORY;
    if (random != NULL && !take_random(pool, random)) {
        optly__mutex_unlock(&pool->lock);
        if (!is_shared)
            optly__free(chunk);
        return OPTLY_ERR_NO_ENTROPY;
    }
    event = (optly_user_event *)(void *)(chunk->memory + chunk->used);
    if (is_shared)
        chunk->used += (uint32_t)rounded;
    chunk->live++;
    pool->live++;
    optly__mutex_unlock(&pool->lock);

    event->chunk = chunk;
    event->context = pool->context;
    event->size = (uint32_t)(is_shared ? rounded : size);
    event->next = NULL;
    *out = event;
    return OPTLY_OK;
}

/*
 * Takes all spares out if no event is alive: an idle pool keeps one chunk, the
 * current one. Lock held.
 */
static struct chunk *take_spares_if_idle(optly__event_pool *pool)
{
    struct chunk *spares = pool->spares;

    if (pool->live > 0)
        return NULL;
    pool->spares = NULL;
    pool->spare_count = 0;
    return spares;
}

/* Reuses the empty `chunk`, or returns it to be freed. Lock held. */
static struct chunk *recycle(optly__event_pool *pool, struct chunk *chunk)
{
    chunk->next = NULL;
    chunk->used = 0;
    if (chunk == pool->current)
        return NULL;
    if (!chunk->is_shared || pool->spare_count >= MOST_SPARES)
        return chunk;
    put_spare(pool, chunk);
    return NULL;
}

/* `count` events of `chunk` are gone. */
static void chunk_release(struct chunk *chunk, uint32_t count)
{
    optly__event_pool *pool = chunk->pool;
    struct chunk *empty = NULL, *spares;
    bool is_over;

    /* Inherited over a fork: its lock may be held by nobody there is. */
    if (pool->generation != optly__fork_generation())
        return;
    optly__mutex_lock(&pool->lock);
    chunk->live -= count;
    pool->live -= count;
    if (chunk->live == 0)
        empty = recycle(pool, chunk);
    spares = take_spares_if_idle(pool);
    is_over = pool->live == 0 && !pool->has_project;
    optly__mutex_unlock(&pool->lock);

    optly__free(empty);
    free_chunks(spares);
    if (is_over)
        pool_destroy(pool);
}

void optly__event_pool_release(optly__event_pool_slot *slot)
{
    optly__event_pool *pool = atomic_load_explicit(slot, memory_order_acquire);
    bool is_over;

    if (pool == NULL || pool->generation != optly__fork_generation())
        return;
    optly__mutex_lock(&pool->lock);
    pool->has_project = false;
    is_over = pool->live == 0;
    optly__mutex_unlock(&pool->lock);
    if (is_over)
        pool_destroy(pool);
}

/* A restored event has no chunk: it is an allocation of its own. */
static void free_restored(optly_user_event *event)
{
    optly__context_release((optly__context *)(uintptr_t)event->context);
    optly__free(event);
}

void optly__user_event_list_destroy(optly_user_event *first)
{
    while (first != NULL) {
        struct chunk *chunk = first->chunk;
        optly_user_event *next = first->next;
        uint32_t count = 1;

        if (chunk == NULL) {
            free_restored(first);
        } else {
            for (; next != NULL && next->chunk == chunk; count++)
                next = next->next;
            chunk_release(chunk, count);
        }
        first = next;
    }
}
