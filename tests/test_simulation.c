/*
 * Thousands of random schedules of one engine on a virtual clock: events,
 * answers early, late and twice, flushes, outages, forks, failing allocations,
 * a close at any point, a driver that hangs, and the end of it all, in any
 * order. A witness keeps books of its own and checks every promise after every
 * operation.
 *
 * A seed makes a schedule. OPTLY_SIMULATIONS sets how many are run, and
 * OPTLY_SIMULATION_SEED the first; a failure prints its own.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fakes/failing_allocator.h"
#include "fakes/world.h"

enum { SCHEDULES = 5000, OPERATIONS = 100 };

typedef struct schedule {
    world world; /* first: the hooks get it */
    uint64_t random;
    bool calm;               /* the endpoints work and nothing is added */
    bool lasting_outage;     /* every step lacks memory */
    int project, handler;    /* the latter is registered, or 0 */
    uint32_t sync_percent;   /* answers from within dispatch */
    uint32_t failed_percent; /* answers other than delivered */
    uint32_t hang_percent;   /* of the calls of foreign code */
    uint32_t large_percent;  /* of the events */
} schedule;

static uint64_t running_seed;
static bool finished;
static census states;

/* xorshift64*; the same everywhere. */
static uint64_t next_random(schedule *s)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return s->random * 0x2545F4914F6CDD1DULL;
}

static uint32_t below(schedule *s, uint32_t bound)
{
    return (uint32_t)((next_random(s) >> 33) % bound);
}

static bool chance(schedule *s, uint32_t percent)
{
    return below(s, 100) < percent;
}

/* --- operations --- */

static void add(schedule *s)
{
    world_event event = {s->project, 0, 0};

    if (chance(s, 30))
        event.project = (int)below(s, WORLD_PROJECTS);
    if (chance(s, s->large_percent))
        event.size = 1024 + below(s, 4096);
    if (chance(s, 10))
        event.late_ms = below(s, 5);
    if (s->world.engine.config.queue.settle != NULL && chance(s, 3))
        s->world.queue_fails = true;
    world_add(&s->world, &event);
}

static void answer(schedule *s, uint32_t attempt)
{
    static const optly_outcome failures[] = {OPTLY_RETRY, OPTLY_RETRY,
                                             OPTLY_REFUSED, OPTLY_MISCONFIGURED,
                                             OPTLY_CANCELLED};
    optly_outcome outcome = OPTLY_DELIVERED;
    int64_t retry_after_ms = 0;

    if (!s->calm && chance(s, s->failed_percent))
        outcome = failures[below(s, 5)];
    if (outcome == OPTLY_RETRY && chance(s, 30))
        retry_after_ms = 1 + below(s, 3000);
    world_answer(&s->world, attempt, outcome, retry_after_ms);
}

/* Answers a random attempt under way. */
static void answer_one(schedule *s)
{
    uint32_t count = s->world.witness.open_count;

    if (count > 0)
        answer(s, world_open_attempt(&s->world, below(s, count)));
}

/* Answers something once more, which may have a successor in its place. */
static void answer_again(schedule *s)
{
    const witness *seen = &s->world.witness;
    uint32_t attempt;

    if (seen->attempt_count == 0)
        return;
    attempt = below(s, seen->attempt_count);
    if (!seen->attempts[attempt].open)
        answer(s, attempt);
}

static void begin_flush(schedule *s)
{
    world_flush(&s->world, chance(s, 30) ? below(s, 500) : 1000000000);
}

static void fork_child(schedule *s)
{
    uint32_t count = s->world.witness.attempt_count;

    if (count > 0)
        world_fork(&s->world, below(s, count));
}

/* --- what happens inside of foreign code --- */

static void look_on(const optly_log_event *log, void *user)
{
    assert_true(log->event_count > 0);
    assert_true(((schedule *)user)->handler != 0);
}

/* A handler of the host's comes and goes. */
static void change_handler(schedule *s)
{
    optly__engine *engine = &s->world.engine;
    optly__handlers *handlers = &engine->dispatch_handlers;

    optly__mutex_lock(&engine->lock);
    if (s->handler != 0) {
        optly__handler *gone = optly__handlers_remove(handlers, s->handler);

        assert_non_null(gone);
        optly__free(gone);
        s->handler = 0;
    } else if (optly__handlers_add(
                   handlers, optly__handler_create((optly__any_fn)look_on, s),
                   &s->handler) != OPTLY_OK) {
        s->handler = 0;
    }
    optly__mutex_unlock(&engine->lock);
}

/* From within dispatch: other threads add meanwhile, or it answers at once. */
static void during_dispatch(world *w, uint32_t attempt)
{
    schedule *s = (schedule *)w;

    if (!s->calm && chance(s, 20))
        add(s);
    if (!s->calm && chance(s, 5))
        begin_flush(s);
    if (!s->calm && chance(s, 3))
        fork_child(s);
    if (!s->calm && chance(s, 5))
        world_begin_close(w);
    if (chance(s, s->sync_percent))
        answer(s, attempt);
    if (!s->calm && chance(s, s->hang_percent))
        world_hang_in_dispatch(w);
}

static void during_report(world *w)
{
    schedule *s = (schedule *)w;

    if (s->calm)
        return;
    if (chance(s, 10))
        add(s);
    if (chance(s, 10))
        change_handler(s);
    if (chance(s, s->hang_percent))
        world_hang_in_report(w);
}

/* What is under way ends, or goes on as if nothing had been said. */
static void during_cancel(world *w)
{
    schedule *s = (schedule *)w;

    while (w->witness.open_count > 0 && chance(s, 60))
        world_answer(w, world_open_attempt(w, 0), OPTLY_CANCELLED, 0);
}

static void before_rest(world *w)
{
    schedule *s = (schedule *)w;

    if (!s->calm && chance(s, 5))
        add(s);
}

static bool naps(world *w)
{
    return chance((schedule *)w, 30);
}

/* --- a schedule --- */

static void do_something(schedule *s)
{
    world *w = &s->world;
    uint32_t dice = below(s, 200);

    if (s->lasting_outage)
        w->failing_calls = 1;
    if (dice < 76) {
        for (uint32_t n = 1 + below(s, 6); n > 0; n--)
            add(s);
    } else if (dice < 116) {
        answer_one(s);
    } else if (dice < 126) {
        answer_again(s);
    } else if (dice < 136) {
        begin_flush(s);
    } else if (dice < 144) {
        w->failing_calls = 1 + below(s, 12);
    } else if (dice < 146) {
        s->lasting_outage = !s->lasting_outage && chance(s, 20);
    } else if (dice < 152) {
        fork_child(s);
    } else if (dice < 156) {
        s->project = (int)below(s, WORLD_PROJECTS); /* a new datafile */
    } else if (dice < 157) {
        if (chance(s, 30))
            world_begin_close(w);
    } else if (dice < 164) {
        world_poll(w);
    } else if (dice < 180) {
        world_run_due(w);
    } else {
        world_advance(w, chance(s, 20) ? below(s, 20000) : below(s, 400));
    }
    if (!w->ended)
        witness_check(&w->witness);
    census_add(&states, world_state(w));
}

static void answer_next(world *w)
{
    answer_one((schedule *)w);
}

static void answer_some(world *w)
{
    schedule *s = (schedule *)w;

    if (chance(s, 50))
        world_leave_behind(w);
    while (w->witness.open_count > 0 && chance(s, 70))
        answer_one(s);
    if (chance(s, 50))
        world_run_due(w);
}

/* The endpoints work again: all is delivered, or dropped for its age. Or
 * close's time is up. */
static void finish(schedule *s)
{
    world *w = &s->world;

    s->lasting_outage = false;
    w->failing_calls = 0;
    if (chance(s, 70)) {
        s->calm = true;
        world_settle(w, answer_next);
    }
    if (w->ended || w->engine.aborting || w->engine.ledger.stats.pending > 0 ||
        w->engine.displaced_count > 0 || chance(s, 30))
        world_cut_short(w, chance(s, 70), answer_some);
    census_add(&states, world_state(w));
}

/* Random limits, tight ones, so that every bound is met. */
static void choose_config(schedule *s, optly__engine_config *c)
{
    static const uint32_t in_flight[] = {1, 1, 2, 3, 8};
    static const optly_overflow overflows[] = {
        OPTLY_OVERFLOW_REJECT_NEW, OPTLY_OVERFLOW_DROP_OLDEST,
        OPTLY_OVERFLOW_DROP_OLDEST, OPTLY_OVERFLOW_BLOCK};

    c->batch_size = 1 + below(s, 7);
    c->queue_size = c->batch_size + below(s, 40);
    c->flush_interval_ms = 1 + below(s, 2000);
    c->max_in_flight = in_flight[below(s, 5)];
    c->queue_bytes = 1024 + below(s, 30000);
    c->max_payload_bytes = 1024 + below(s, 3000);
    c->overflow = overflows[below(s, 4)];
    c->backoff.initial_ms = 1 + below(s, 300);
    c->backoff.max_ms = c->backoff.initial_ms + below(s, 10000);
    c->max_attempts = chance(s, 30) ? 1 + below(s, 4) : 0;
    c->max_age_ms = chance(s, 30) ? 1 + below(s, 5000) : 0;
    c->endpoint = chance(s, 20) ? "https://events.test/" : NULL;
    c->seed = next_random(s);
    s->sync_percent = chance(s, 50) ? below(s, 101) : 0;
    s->failed_percent = chance(s, 70) ? below(s, 101) : 0;
    s->hang_percent = chance(s, 15) ? 1 + below(s, 5) : 0;
    s->large_percent = chance(s, 30) ? below(s, 60) : 0;
}

static void run_schedule(uint64_t seed)
{
    size_t live = failing_allocator_live();
    schedule *s = calloc(1, sizeof(*s));
    optly__engine_config config = {0};

    assert_non_null(s);
    s->random = (seed + 1) * 0x9E3779B97F4A7C15ULL;
    choose_config(s, &config);
    s->world.before_rest = before_rest;
    s->world.naps = naps;
    s->world.on_dispatch = during_dispatch;
    s->world.on_report = during_report;
    s->world.on_cancel = during_cancel;
    world_open(&s->world, &config, chance(s, 50),
               chance(s, 20) ? (int)below(s, config.queue_size + 1) : 0);
    for (int i = 0; i < OPERATIONS; i++)
        do_something(s);
    finish(s);
    world_close(&s->world);
    free(s);
    assert_int_equal(failing_allocator_live(), live);
}

static uint64_t read_number(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : fallback;
}

static void test_no_schedule_breaks_a_promise(void **state)
{
    uint64_t first = read_number("OPTLY_SIMULATION_SEED", 0);
    uint64_t count = read_number("OPTLY_SIMULATIONS", SCHEDULES);

    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        running_seed = first + i;
        run_schedule(running_seed);
    }
    finished = true;
    print_message("simulation: %" PRIu64 " schedules of %d operations, "
                  "%zu different states\n",
                  count, OPERATIONS, states.count);
}

static int set_up(void **state)
{
    (void)state;
    world_set_up();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    census_cleanup(&states);
    return world_tear_down() == 0 || !finished ? 0 : -1;
}

static int tell_seed(void **state)
{
    (void)state;
    if (!finished)
        print_error("OPTLY_SIMULATIONS=1 OPTLY_SIMULATION_SEED=%" PRIu64
                    " tests/test_simulation\n",
                    running_seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_no_schedule_breaks_a_promise, tell_seed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
