/* The world's time, randomness and waiting, in place of the platform's. */
#include "api_world.h"

int64_t __wrap_optly__wall_ms(void);
int64_t __wrap_optly__monotonic_ms(void);
int64_t __wrap_optly__monotonic_coarse_ms(void);
bool __wrap_optly__random_bytes(void *bytes, size_t size);
void __wrap_optly__cond_wait_until(optly__cond *cond, optly__mutex *mutex,
                                   int64_t deadline_ms);

enum {
    START_MS = 1000000,
    MOST_NAP_MS = 2000, /* of one that another thread ends, or may */
    MOST_LOOKS = 200000 /* at the clock without its moving: it spins */
};

int64_t world_now_ms;
static int64_t looked_at_ms;
static int looks;
static uint64_t random_state;
static world *world_current;

void world_begin(world *w, uint64_t seed)
{
    world_current = w;
    world_now_ms = START_MS;
    looked_at_ms = 0;
    random_state = seed;
}

int64_t __wrap_optly__monotonic_ms(void)
{
    looks = looked_at_ms == world_now_ms ? looks + 1 : 0;
    looked_at_ms = world_now_ms;
    FUZZ_CHECK(looks < MOST_LOOKS);
    return world_now_ms;
}

int64_t __wrap_optly__monotonic_coarse_ms(void)
{
    return world_now_ms;
}

int64_t __wrap_optly__wall_ms(void)
{
    return 1700000000000 + world_now_ms;
}

bool __wrap_optly__random_bytes(void *bytes, size_t size)
{
    unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++) {
        random_state = random_state * 6364136223846793005ULL + 1;
        at[i] = (unsigned char)(random_state >> 56);
    }
    return true;
}

/* Asleep without limit: only an answer may be missing, or there is nothing to
 * do, and another thread wakes it. */
static void end_long_sleep(world *w)
{
    optly__engine *engine = &w->processor->engine;

    if (w->witness.open_count > 0) {
        world_answer(w);
        return;
    }
    FUZZ_CHECK(engine->ledger.stats.pending == 0);
    optly__mutex_lock(&engine->lock);
    (void)optly__engine_rouse(engine);
    optly__mutex_unlock(&engine->lock);
}

/* Another thread's turn, at some moment before the deadline. */
static void let_others_run(world *w, int64_t deadline_ms)
{
    uint32_t choice = world_below(w, 256);
    int64_t left = deadline_ms - world_now_ms;

    if (deadline_ms == OPTLY__NEVER) {
        end_long_sleep(w);
        return;
    }
    if (left > MOST_NAP_MS)
        left = MOST_NAP_MS;
    if (choice % 4 == 0) {
        world_now_ms += left > 0 ? left : 0;
        return;
    }
    if (left > 0)
        world_now_ms += choice / 4 * left / 256;
    if (choice % 4 == 1)
        world_add(w);
    else if (choice % 4 == 2)
        world_answer(w);
    else
        world_check(w);
}

void __wrap_optly__cond_wait_until(optly__cond *cond, optly__mutex *mutex,
                                   int64_t deadline_ms)
{
    world *w = world_current;

    (void)cond;
    FUZZ_CHECK(w != NULL);
    optly__mutex_unlock(mutex);
    if (fuzz_left(&w->input) > 0 || deadline_ms == OPTLY__NEVER)
        let_others_run(w, deadline_ms);
    else if (w->witness.open_count > 0 && !w->is_mute)
        world_answer(w);
    else if (deadline_ms > world_now_ms)
        world_now_ms = deadline_ms;
    optly__mutex_lock(mutex);
}
