#include "fakes/world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "fakes/events.h"
#include "fakes/failing_allocator.h"

enum { MOST_ROUNDS = 4000 }; /* to deliver all that is left */

static optly_project *projects[WORLD_PROJECTS];
static pthread_t somebody_else; /* a thread that is not the driver */

static void wake(void *host)
{
    ((world *)host)->woken = true;
}

/* --- what the world does --- */

static optly_user_event *make_event(const world *w, const world_event *how)
{
    char visitor[80];

    /* The builder has tests of its own for failing allocations. */
    failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
    (void)snprintf(visitor, sizeof(visitor), "%0*d", 1 + w->added * 7 % 60,
                   w->added);
    return how->size > 0 ? fake_conversion_of_size(projects[how->project],
                                                   visitor, how->size)
                         : fake_conversion(projects[how->project], visitor);
}

void world_add(world *w, const world_event *how)
{
    optly__engine *engine = &w->engine;
    optly_user_event *event;
    optly_status status;
    bool wanted;

    if (w->added == WORLD_MOST_ADDED || w->ended)
        return;
    event = make_event(w, how);
    optly__mutex_lock(&engine->lock);
    status = optly__engine_add(engine, event, w->now - how->late_ms, &wanted);
    if (status == OPTLY_OK) {
        witness_accept(&w->witness, event);
    } else {
        optly__ledger_reject(&engine->ledger, status);
        witness_refuse(&w->witness, event, status, w->queue_fails);
    }
    optly__mutex_unlock(&engine->lock);
    w->queue_fails = false;
    w->added += status == OPTLY_OK;
    w->woken = w->woken || wanted;
    if (status != OPTLY_OK)
        optly_user_event_destroy(event);
}

void world_answer(world *w, uint32_t attempt, optly_outcome outcome,
                  int64_t retry_after_ms)
{
    if (attempt < w->witness.attempt_count)
        witness_complete(&w->witness, attempt, outcome, retry_after_ms);
}

uint32_t world_open_attempt(const world *w, uint32_t skip)
{
    for (uint32_t i = 0; i < w->witness.attempt_count; i++) {
        if (w->witness.attempts[i].open && skip-- == 0)
            return i;
    }
    return UINT32_MAX;
}

void world_fork(world *w, uint32_t attempt)
{
    optly__engine *engine = &w->engine;
    optly_dispatch_result result = optly_dispatch_result_default();
    uint64_t generation = engine->generation;
    optly__slot *completed = engine->completed_last;
    optly_stats before = engine->ledger.stats;
    bool woken = w->woken, poked = engine->poked;

    if (attempt >= w->witness.attempt_count)
        return;
    result.outcome = OPTLY_DELIVERED;
    engine->generation = generation + 1; /* as a child sees it */
    optly_delivery_complete(w->witness.attempts[attempt].delivery, &result);
    engine->generation = generation;
    assert_ptr_equal(engine->completed_last, completed);
    assert_memory_equal(&engine->ledger.stats, &before, sizeof(before));
    assert_int_equal(w->woken, woken);
    assert_int_equal(engine->poked, poked);
}

void world_flush(world *w, int64_t timeout_ms)
{
    if (w->ended)
        return;
    optly__mutex_lock(&w->engine.lock);
    witness_flush(&w->witness, w->now + timeout_ms);
    optly__mutex_unlock(&w->engine.lock);
    world_rouse(w);
}

void world_begin_close(world *w)
{
    if (w->ended || w->engine.closing)
        return;
    w->engine.closing = true;
    world_flush(w, OPTLY__NEVER - w->now);
}

/* --- close's time is up --- */

static void begin_abort(world *w)
{
    optly__mutex_lock(&w->engine.lock);
    w->engine.closing = true;
    w->engine.aborting = true;
    optly__mutex_unlock(&w->engine.lock);
}

void world_hang_in_dispatch(world *w)
{
    optly__engine *engine = &w->engine;

    if (engine->aborting)
        return;
    begin_abort(w);
    world_rouse(w);
    optly__mutex_lock(&engine->lock);
    optly__engine_take_over(engine);
    optly__mutex_unlock(&engine->lock);
    w->witness.aborting = true;
    assert_true(optly__engine_drop_waiting(engine, OPTLY_DROP_CLOSED));
    optly__mutex_lock(&engine->lock);
    engine->place = OPTLY__IN_DISPATCHER;
    engine->taker.handle = somebody_else;
    optly__mutex_unlock(&engine->lock);
    w->witness.taken = true;
    w->ended = true;
}

void world_hang_in_report(world *w)
{
    if (w->engine.aborting || w->engine.taken_over)
        return;
    begin_abort(w);
    world_rouse(w);
    optly__mutex_lock(&w->engine.lock);
    optly__engine_count_waiting(&w->engine);
    optly__mutex_unlock(&w->engine.lock);
}

/* --- ends --- */

void world_settle(world *w, void (*answer_next)(world *w))
{
    const optly_stats *stats = &w->engine.ledger.stats;
    int rounds = 0;

    while (!w->ended && (stats->pending > 0 || w->engine.displaced_count > 0)) {
        assert_true(++rounds < MOST_ROUNDS);
        world_run_due(w);
        if (w->witness.open_count > 0) {
            answer_next(w);
        } else if (!w->woken && stats->pending > 0) {
            world_check_awake(w);
            w->now = w->wake_at;
        }
    }
    world_run_due(w);
}

void world_leave_behind(world *w)
{
    optly__engine *engine = &w->engine;

    if (!w->ended)
        return;
    optly__mutex_lock(&engine->lock);
    engine->taker = optly__thread_self();
    optly__mutex_unlock(&engine->lock);
    assert_true(optly__engine_abandon(engine, false));
}

void world_cut_short(world *w, bool steps, void (*between)(world *w))
{
    optly__engine *engine = &w->engine;

    begin_abort(w);
    if (!w->ended)
        world_rouse(w);
    if (steps)
        world_run_due(w);
    if (between != NULL)
        between(w);
    /* As destroy does it, with the dispatcher gone and no thread left. */
    optly__mutex_lock(&engine->lock);
    engine->place = OPTLY__WAITING;
    optly__engine_take_over(engine);
    optly__mutex_unlock(&engine->lock);
    assert_true(optly__engine_abandon(engine, true));
    assert_true(optly__engine_drop_waiting(engine, OPTLY_DROP_CLOSED));
}

/* --- its life --- */

static void on_dispatch(void *user, uint32_t attempt)
{
    world *w = user;

    if (w->on_dispatch != NULL)
        w->on_dispatch(w, attempt);
}

static void on_report(void *user)
{
    world *w = user;

    if (w->on_report != NULL)
        w->on_report(w);
}

static void on_cancel(void *user)
{
    world *w = user;

    if (w->on_cancel != NULL)
        w->on_cancel(w);
}

static void open_queue(world *w, bool host_queue, int from_before)
{
    const world_event plain = {0};
    uint64_t bytes = 0;

    assert_int_equal(optly_ring_queue_create(&w->ring, w->config.queue_size),
                     OPTLY_OK);
    w->config.queue = host_queue ? world_queue_ops : *w->ring.ops;
    w->config.queue_self = host_queue ? w : w->ring.self;
    for (; host_queue && from_before > 0; from_before--) {
        optly_user_event *event = make_event(w, &plain);

        bytes += optly_user_event_size(event);
        if (bytes > w->config.queue_bytes ||
            optly_queue_add(&w->ring, event) != OPTLY_OK) {
            optly_user_event_destroy(event);
            return;
        }
    }
}

static void listen(world *w)
{
    optly__engine *engine = &w->engine;

    assert_int_equal(
        optly__handlers_add(
            &engine->delivery_handlers,
            optly__handler_create((optly__any_fn)witness_report, &w->witness),
            NULL),
        OPTLY_OK);
    assert_int_equal(
        optly__handlers_add(
            &engine->dispatch_handlers,
            optly__handler_create((optly__any_fn)witness_announce, &w->witness),
            NULL),
        OPTLY_OK);
}

/* Books what the queue brought along. */
static void accept_from_before(world *w)
{
    optly__engine_config *config = &w->config;
    optly_user_event *event;

    for (size_t i = 0; config->queue.get(config->queue_self, i, &event, 1) == 1;
         i++)
        witness_accept(&w->witness, event);
}

void world_open(world *w, const optly__engine_config *config, bool host_queue,
                int from_before)
{
    w->now = 1000000;
    w->wake_at = OPTLY__NEVER;
    w->config = *config;
    w->config.dispatcher = witness_dispatcher_ops;
    w->config.dispatcher_self = &w->witness;
    w->config.metrics = world_metrics_hook(&w->metrics);
    w->config.wake = wake;
    w->config.host = w;
    w->witness.engine = &w->engine;
    w->witness.now = &w->now;
    w->witness.on_dispatch = on_dispatch;
    w->witness.on_report = on_report;
    w->witness.on_cancel = on_cancel;
    w->witness.user = w;
    open_queue(w, host_queue, from_before);
    assert_int_equal(optly__engine_init(&w->engine, &w->config, w->now),
                     OPTLY_OK);
    listen(w);
    accept_from_before(w);
    w->woken = true; /* a driver begins with a step */
}

void world_close(world *w)
{
    witness_check_end(&w->witness);
    optly__engine_cleanup(&w->engine);
    witness_cleanup(&w->witness);
    memset(w, 0, offsetof(world, witness));
}

/* --- the program's --- */

/* Ends at once; what counts is that its id is another. */
static void *be_somebody_else(void *user)
{
    return user;
}

/* An event of each project makes its memory, which stays. */
void world_set_up(void)
{
    static const char *const regions[] = {"US", "EU"};

    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    assert_int_equal(
        pthread_create(&somebody_else, NULL, be_somebody_else, NULL), 0);
    for (int i = 0; i < WORLD_PROJECTS; i++) {
        projects[i] = fake_project_of(i < 2 ? "1" : "2", regions[i % 2]);
        optly_user_event_destroy(fake_conversion(projects[i], "v"));
    }
}

size_t world_tear_down(void)
{
    (void)pthread_join(somebody_else, NULL);
    for (int i = 0; i < WORLD_PROJECTS; i++)
        optly_project_destroy(projects[i]);
    return failing_allocator_remove();
}
