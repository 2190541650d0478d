/*
 * Thousands of random schedules of one engine on a virtual clock: events,
 * answers early, late and twice, flushes, outages, failing allocations and the
 * end of it all, in any order. A witness keeps books of its own and checks
 * every promise after every operation.
 *
 * The driver is simulated with its sleep: it steps only when the engine has
 * asked for it, by a deadline or a wake-up, so a lost wake-up shows as an event
 * that is never settled.
 *
 * A seed makes a schedule. OPTLY_SIMULATIONS sets how many are run, and
 * OPTLY_SIMULATION_SEED the first; a failure prints its own.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fakes/events.h"
#include "fakes/failing_allocator.h"
#include "fakes/witness.h"

enum {
    SCHEDULES = 12000,
    OPERATIONS = 100,
    MOST_ADDED = WITNESS_EVENTS - 8,
    PROJECTS = 4,
    TICK_MS = 32,      /* the longest nap of a driver */
    MOST_STEPS = 2000, /* at one instant; more is a spin */
    MOST_ROUNDS = 4000 /* to deliver all that is left */
};

typedef struct world {
    optly__engine_config config;
    optly__engine engine;
    witness witness;
    uint64_t random;
    int64_t now;
    int64_t wake_at; /* when the driver comes back by itself */
    bool woken;
    bool calm;               /* the endpoints work and nothing is added */
    size_t failing_calls;    /* allocations up to a failing one; 0: none */
    int added, handler;      /* the latter is registered, or 0 */
    uint32_t sync_percent;   /* answers from within dispatch */
    uint32_t failed_percent; /* answers other than delivered */
} world;

static optly_project *projects[PROJECTS];
static uint64_t running_seed;
static bool finished;

/* xorshift64*; the same everywhere. */
static uint64_t next_random(world *w)
{
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return w->random * 0x2545F4914F6CDD1DULL;
}

static uint32_t below(world *w, uint32_t bound)
{
    return (uint32_t)((next_random(w) >> 33) % bound);
}

static bool chance(world *w, uint32_t percent)
{
    return below(w, 100) < percent;
}

/* --- the driver --- */

static void wake(void *host)
{
    ((world *)host)->woken = true;
}

static void rouse(world *w)
{
    bool asleep;

    optly__mutex_lock(&w->engine.lock);
    asleep = optly__engine_rouse(&w->engine);
    optly__mutex_unlock(&w->engine.lock);
    w->woken = w->woken || asleep;
}

static bool is_flushed(const world *w, uint64_t sequence)
{
    for (int i = 0; i < WITNESS_BARRIERS; i++) {
        if (w->witness.barriers[i].used &&
            w->witness.barriers[i].waits_for[sequence])
            return true;
    }
    return false;
}

/*
 * On a way that has never failed, with room for one more batch, no event that
 * was never sent sleeps beyond its flush interval, nor through a flush.
 */
static void check_deadline(world *w)
{
    const optly__engine *engine = &w->engine;

    if (w->witness.memory_failed || engine->aborting ||
        w->witness.open_count == w->config.max_in_flight)
        return;
    for (uint64_t i = 1; i <= w->witness.accepted; i++) {
        const witness_event *event = &w->witness.events[i];
        uint32_t lane =
            w->config.endpoint != NULL ? 0 : event->context->endpoint;
        int64_t due;

        if (event->reported || event->displaced || event->attempts > 0 ||
            w->witness.lanes[lane].had_trouble)
            continue;
        due = is_flushed(w, i)
                  ? w->now
                  : event->arrival_ms + w->config.flush_interval_ms;
        assert_true(w->wake_at <= due + TICK_MS);
    }
}

/* What grows old, or was displaced, does not sleep on unnoticed. */
static void check_watch(world *w)
{
    const optly__engine *engine = &w->engine;

    if (engine->displaced_first != NULL)
        assert_true(w->wake_at <= w->now + TICK_MS);
    if (w->config.max_age_ms == 0 || w->witness.memory_failed)
        return;
    for (uint64_t i = 1; i <= w->witness.accepted; i++) {
        const witness_event *event = &w->witness.events[i];

        if (!event->reported && !event->displaced && !event->in_flight)
            assert_true(w->wake_at <=
                        event->arrival_ms + w->config.max_age_ms + TICK_MS);
    }
}

/* Whatever waits, and not for an answer, has the driver come back some day. */
static void check_awake(const world *w)
{
    const optly_stats *stats = &w->engine.ledger.stats;

    if (stats->pending > 0 && w->witness.open_count == 0 && !w->woken &&
        w->wake_at == OPTLY__NEVER)
        fail_msg("asleep for ever, %" PRIu64 " events wait", stats->pending);
}

static void add(world *w);

/* Goes to sleep as a driver does: naps, or sleeps if the engine allows it. */
static void rest(world *w, int64_t next_ms)
{
    optly__engine *engine = &w->engine;
    bool nap;

    if (!w->calm && chance(w, 5))
        add(w); /* the driver is not asleep yet */
    optly__mutex_lock(&engine->lock);
    nap = optly__engine_has_events(engine) || chance(w, 30);
    engine->sleep = nap ? OPTLY__NAPPING : OPTLY__ASLEEP;
    w->woken = engine->poked || next_ms <= w->now;
    optly__mutex_unlock(&engine->lock);
    w->wake_at = next_ms;
    if (nap && next_ms > w->now + TICK_MS)
        w->wake_at = w->now + 1 + below(w, TICK_MS);
    if (w->woken)
        return;
    check_deadline(w);
    check_watch(w);
}

static void step(world *w)
{
    int64_t next_ms = 0;

    w->witness.aborting = w->engine.aborting;
    if (w->failing_calls > 0) {
        w->witness.memory_failed = true;
        failing_allocator_fail_after(w->failing_calls - 1);
    }
    assert_true(optly__engine_step(&w->engine, w->now, &next_ms));
    failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
    w->failing_calls = 0;
    witness_check(&w->witness);
    witness_end_flushes(&w->witness);
    rest(w, next_ms);
}

static void run_due(world *w)
{
    int steps = 0;

    while (w->woken || w->wake_at <= w->now) {
        step(w);
        assert_true(++steps < MOST_STEPS);
    }
}

/* Moves the clock, and has the driver run at each of its deadlines. */
static void advance(world *w, int64_t ms)
{
    int64_t until = w->now + ms;

    run_due(w);
    while (w->wake_at <= until) {
        w->now = w->wake_at;
        run_due(w);
    }
    w->now = until;
}

/* --- what the world does --- */

static void add(world *w)
{
    optly__engine *engine = &w->engine;
    optly_user_event *event;
    optly_status status;
    char visitor[80];
    bool wanted;

    if (w->added == MOST_ADDED)
        return;
    /* The builder has tests of its own for failing allocations. */
    failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
    (void)snprintf(visitor, sizeof(visitor), "%0*d", 1 + (int)below(w, 60),
                   w->added);
    event = fake_conversion(projects[below(w, PROJECTS)], visitor);
    optly__mutex_lock(&engine->lock);
    status = optly__engine_add(engine, event, w->now, &wanted);
    if (status == OPTLY_OK)
        witness_accept(&w->witness, event);
    else
        optly__ledger_reject(&engine->ledger, status);
    optly__mutex_unlock(&engine->lock);
    w->added += status == OPTLY_OK;
    w->woken = w->woken || wanted;
    if (status != OPTLY_OK)
        optly_user_event_destroy(event);
}

static void answer(world *w, uint32_t attempt)
{
    static const optly_outcome failures[] = {OPTLY_RETRY, OPTLY_RETRY,
                                             OPTLY_REFUSED, OPTLY_MISCONFIGURED,
                                             OPTLY_CANCELLED};
    optly_outcome outcome = OPTLY_DELIVERED;
    int64_t retry_after_ms = 0;

    if (!w->calm && chance(w, w->failed_percent))
        outcome = failures[below(w, 5)];
    if (outcome == OPTLY_RETRY && chance(w, 30))
        retry_after_ms = 1 + below(w, 3000);
    witness_complete(&w->witness, attempt, outcome, retry_after_ms);
}

/* Answers a random attempt under way. */
static void answer_one(world *w)
{
    uint32_t skip;

    if (w->witness.open_count == 0)
        return;
    skip = below(w, w->witness.open_count);
    for (uint32_t i = 0; i < w->witness.attempt_count; i++) {
        if (w->witness.attempts[i].open && skip-- == 0) {
            answer(w, i);
            return;
        }
    }
}

/* Answers something once more, which may have a successor in its place. */
static void answer_again(world *w)
{
    uint32_t attempt;

    if (w->witness.attempt_count == 0)
        return;
    attempt = below(w, w->witness.attempt_count);
    if (!w->witness.attempts[attempt].open)
        answer(w, attempt);
}

static void begin_flush(world *w)
{
    optly__mutex_lock(&w->engine.lock);
    witness_flush(&w->witness);
    optly__mutex_unlock(&w->engine.lock);
    rouse(w);
}

/* From within dispatch: other threads add meanwhile, or it answers at once. */
static void during_dispatch(void *user, uint32_t attempt)
{
    world *w = user;

    if (!w->calm && chance(w, 20))
        add(w);
    if (!w->calm && chance(w, 5))
        begin_flush(w);
    if (chance(w, w->sync_percent))
        answer(w, attempt);
}

static void look_on(const optly_log_event *log, void *user)
{
    assert_true(log->event_count > 0);
    assert_true(((world *)user)->handler != 0);
}

/* From within a callback: adds events, and comes and goes itself. */
static void during_report(void *user)
{
    world *w = user;
    optly__handlers *handlers = &w->engine.dispatch_handlers;

    if (w->calm)
        return;
    if (chance(w, 10))
        add(w);
    if (!chance(w, 10))
        return;
    optly__mutex_lock(&w->engine.lock);
    if (w->handler != 0) {
        optly__handler *gone = optly__handlers_remove(handlers, w->handler);

        assert_non_null(gone);
        optly__free(gone);
        w->handler = 0;
    } else if (optly__handlers_add(
                   handlers, optly__handler_create((optly__any_fn)look_on, w),
                   &w->handler) != OPTLY_OK) {
        w->handler = 0;
    }
    optly__mutex_unlock(&w->engine.lock);
}

static void do_something(world *w)
{
    uint32_t dice = below(w, 100);

    if (dice < 40) {
        for (uint32_t n = 1 + below(w, 6); n > 0; n--)
            add(w);
    } else if (dice < 60) {
        answer_one(w);
    } else if (dice < 65) {
        answer_again(w);
    } else if (dice < 70) {
        begin_flush(w);
    } else if (dice < 75) {
        w->failing_calls = 1 + below(w, 12);
    } else if (dice < 80) {
        w->woken = true; /* a poll that ends early */
    } else if (dice < 90) {
        run_due(w);
    } else {
        advance(w, chance(w, 20) ? below(w, 20000) : below(w, 400));
    }
    witness_check(&w->witness);
    check_awake(w);
}

/* --- how it ends --- */

/* The endpoints work again: all is delivered, or dropped for its age. */
static void settle_all(world *w)
{
    const optly_stats *stats = &w->engine.ledger.stats;
    int rounds = 0;

    w->calm = true;
    while (stats->pending > 0 || w->engine.displaced_count > 0) {
        assert_true(++rounds < MOST_ROUNDS);
        run_due(w);
        if (w->witness.open_count > 0) {
            answer_one(w);
        } else if (!w->woken && stats->pending > 0) {
            check_awake(w);
            w->now = w->wake_at;
        }
    }
}

/* Close's time is up, at any point of it all. */
static void cut_short(world *w)
{
    optly__mutex_lock(&w->engine.lock);
    w->engine.closing = true;
    w->engine.aborting = true;
    optly__mutex_unlock(&w->engine.lock);
    rouse(w);
    if (chance(w, 70)) {
        run_due(w);
        assert_int_equal(w->engine.ledger.stats.pending,
                         w->witness.open_events);
        while (w->witness.open_count > 0 && chance(w, 70))
            answer_one(w);
        if (chance(w, 50))
            run_due(w);
    }
    assert_true(optly__engine_abandon(&w->engine, true));
    assert_true(optly__engine_drop_waiting(&w->engine, OPTLY_DROP_CLOSED));
}

/* --- a schedule --- */

/* `size` random limits, tight ones, so that every bound is met. */
static void choose_config(world *w)
{
    static const uint32_t in_flight[] = {1, 1, 2, 3, 8};
    optly__engine_config *c = &w->config;

    c->batch_size = 1 + below(w, 7);
    c->queue_size = c->batch_size + below(w, 40);
    c->flush_interval_ms = 1 + below(w, 2000);
    c->max_in_flight = in_flight[below(w, 5)];
    c->queue_bytes = 1024 + below(w, 30000);
    c->max_payload_bytes = 1024 + below(w, 3000);
    c->overflow =
        chance(w, 50) ? OPTLY_OVERFLOW_DROP_OLDEST : OPTLY_OVERFLOW_REJECT_NEW;
    c->backoff.initial_ms = 1 + below(w, 300);
    c->backoff.max_ms = c->backoff.initial_ms + below(w, 10000);
    c->max_attempts = chance(w, 30) ? 1 + below(w, 4) : 0;
    c->max_age_ms = chance(w, 30) ? 1 + below(w, 5000) : 0;
    c->endpoint = chance(w, 20) ? "https://events.test/" : NULL;
    c->seed = next_random(w);
    w->sync_percent = chance(w, 50) ? below(w, 101) : 0;
    w->failed_percent = chance(w, 70) ? below(w, 101) : 0;
}

static world *open_world(uint64_t seed)
{
    world *w = calloc(1, sizeof(*w));
    optly_queue queue;

    assert_non_null(w);
    w->random = (seed + 1) * 0x9E3779B97F4A7C15ULL;
    w->now = 1000000;
    w->wake_at = OPTLY__NEVER;
    choose_config(w);
    assert_int_equal(optly_ring_queue_create(&queue, w->config.queue_size),
                     OPTLY_OK);
    w->config.queue = *queue.ops;
    w->config.queue_self = queue.self;
    w->config.dispatcher = witness_dispatcher_ops;
    w->config.dispatcher_self = &w->witness;
    w->config.wake = wake;
    w->config.host = w;
    assert_int_equal(optly__engine_init(&w->engine, &w->config, w->now),
                     OPTLY_OK);
    w->witness.engine = &w->engine;
    w->witness.now = &w->now;
    w->witness.on_dispatch = during_dispatch;
    w->witness.on_report = during_report;
    w->witness.user = w;
    assert_int_equal(
        optly__handlers_add(
            &w->engine.delivery_handlers,
            optly__handler_create((optly__any_fn)witness_report, &w->witness),
            NULL),
        OPTLY_OK);
    return w;
}

static void run_schedule(uint64_t seed)
{
    size_t live = failing_allocator_live();
    world *w = open_world(seed);

    for (int i = 0; i < OPERATIONS; i++)
        do_something(w);
    if (chance(w, 70))
        settle_all(w);
    else
        cut_short(w);
    witness_check_end(&w->witness);
    optly__engine_cleanup(&w->engine);
    witness_cleanup(&w->witness);
    free(w);
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
}

/* Two revisions in two regions. An event of each makes the projects' memory,
 * which stays. */
static int make_projects(void **state)
{
    static const char *const regions[] = {"US", "EU"};

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    for (int i = 0; i < PROJECTS; i++) {
        projects[i] = fake_project_of(i < 2 ? "1" : "2", regions[i % 2]);
        optly_user_event_destroy(fake_conversion(projects[i], "v"));
    }
    return 0;
}

static int destroy_projects(void **state)
{
    (void)state;
    for (int i = 0; i < PROJECTS; i++)
        optly_project_destroy(projects[i]);
    return failing_allocator_remove() == 0 || !finished ? 0 : -1;
}

static int tell_seed(void **state)
{
    (void)state;
    if (!finished)
        print_error("OPTLY_SIMULATIONS=1 OPTLY_SIMULATION_SEED=%" PRIu64 "\n",
                    running_seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_no_schedule_breaks_a_promise, tell_seed),
    };

    return cmocka_run_group_tests(tests, make_projects, destroy_projects);
}
