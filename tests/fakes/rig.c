#include "fakes/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void count_announced(const optly_log_event *event, void *user)
{
    (void)event;
    ((rig *)user)->announced++;
}

static void count_wake(void *host)
{
    ((rig *)host)->wakes++;
}

static void keep_log(optly_log_level level, const char *message, void *user)
{
    rig *r = user;

    (void)level;
    if (r->log_lines < 8)
        (void)snprintf(r->log[r->log_lines], sizeof(r->log[0]), "%s", message);
    r->log_lines++;
}

rig *rig_create(void)
{
    rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    fake_dispatcher_init(&r->dispatcher);
    r->dispatcher.clock = &r->now;
    r->now = 1000000;
    r->project = fake_project();
    r->config.batch_size = 10;
    r->config.queue_size = 2000;
    r->config.flush_interval_ms = 30000;
    r->config.max_in_flight = 8;
    r->config.queue_bytes = 16 << 20;
    r->config.max_payload_bytes = 3 << 20;
    r->config.backoff.initial_ms = 200;
    r->config.backoff.max_ms = 60000;
    r->config.log.log = keep_log;
    r->config.log.user = r;
    r->config.wake = count_wake;
    r->config.host = r;
    r->config.seed = 12345;
    return r;
}

void rig_start(rig *r)
{
    optly_queue queue;

    if (r->config.queue.add == NULL) {
        assert_int_equal(optly_ring_queue_create(&queue, r->config.queue_size),
                         OPTLY_OK);
        r->config.queue = *queue.ops;
        r->config.queue_self = queue.self;
    }
    r->config.dispatcher = fake_dispatcher_ops;
    r->config.dispatcher_self = &r->dispatcher;
    assert_int_equal(optly__engine_init(&r->engine, &r->config, r->now),
                     OPTLY_OK);
    assert_int_equal(
        optly__handlers_add(
            &r->engine.delivery_handlers,
            optly__handler_create((optly__any_fn)fake_reports_add, &r->reports),
            NULL),
        OPTLY_OK);
    assert_int_equal(
        optly__handlers_add(
            &r->engine.dispatch_handlers,
            optly__handler_create((optly__any_fn)count_announced, r), NULL),
        OPTLY_OK);
}

void rig_destroy(rig *r)
{
    const optly_stats *stats = &r->engine.ledger.stats;

    assert_true(optly__engine_abandon(&r->engine, true));
    assert_true(optly__engine_drop_waiting(&r->engine, OPTLY_DROP_CLOSED));
    rig_check_books(r);
    assert_int_equal(stats->pending, 0);
    assert_int_equal(r->engine.ledger.pending_bytes, 0);
    assert_int_equal(r->engine.displaced_count, 0);
    assert_int_equal(r->reports.events, stats->accepted);
    optly__engine_cleanup(&r->engine);
    fake_dispatcher_cleanup(&r->dispatcher);
    optly_project_destroy(r->project);
    free(r);
}

optly_status rig_add_event(rig *r, optly_user_event *event)
{
    optly__engine *engine = &r->engine;
    optly_status status;
    bool wake;

    assert_non_null(event);
    optly__mutex_lock(&engine->lock);
    status = optly__engine_add(engine, event, r->now, &wake);
    if (status != OPTLY_OK)
        optly__ledger_reject(&engine->ledger, status);
    optly__mutex_unlock(&engine->lock);
    if (wake)
        r->wakes++;
    if (status != OPTLY_OK)
        optly_user_event_destroy(event);
    rig_check_books(r);
    return status;
}

optly_status rig_add(rig *r, int number)
{
    char visitor[16];

    (void)snprintf(visitor, sizeof(visitor), "v%d", number);
    return rig_add_event(r, fake_conversion(r->project, visitor));
}

void rig_add_many(rig *r, int first, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(rig_add(r, first + i), OPTLY_OK);
}

void rig_step(rig *r)
{
    int steps = 0;

    do {
        assert_true(optly__engine_step(&r->engine, r->now, &r->next));
        rig_check_books(r);
        assert_true(++steps < 100000); /* it must come to rest */
    } while (r->next <= r->now);
}

void rig_advance(rig *r, int64_t ms)
{
    int64_t until = r->now + ms;

    while (r->next <= until) {
        if (r->next > r->now)
            r->now = r->next;
        rig_step(r);
    }
    r->now = until;
    rig_step(r);
}

void rig_check_books(rig *r)
{
    const optly_stats *s = &r->engine.ledger.stats;
    uint64_t rejected = 0, dropped = 0;

    for (int i = 0; i < OPTLY_REASON_SLOTS; i++) {
        rejected += s->rejected[i];
        dropped += s->dropped[i];
    }
    assert_int_equal(s->attempted, s->accepted + rejected);
    assert_int_equal(s->accepted, s->delivered + dropped + s->pending);
    assert_int_equal(s->pending, s->queued + s->in_flight + s->retry_wait);
}

const optly_stats *rig_stats(const rig *r)
{
    return &r->engine.ledger.stats;
}

void rig_open_flush(rig *r, optly__barrier *barrier)
{
    optly__ledger_open_barrier(&r->engine.ledger, barrier);
}

void rig_close_flush(rig *r, optly__barrier *barrier)
{
    optly__ledger_close_barrier(&r->engine.ledger, barrier);
}

bool rig_has_no_memory;

static void *allocate_or_fail(size_t size, void *user)
{
    (void)user;
    return rig_has_no_memory ? NULL : malloc(size);
}

static void release_it(void *memory, void *user)
{
    (void)user;
    free(memory);
}

void rig_watch_allocations(void)
{
    const optly_allocator allocator = {allocate_or_fail, release_it, NULL};

    rig_has_no_memory = false;
    assert_int_equal(optly_set_allocator(&allocator), OPTLY_OK);
}
