#include "api_world.h"

#include <stdlib.h>
#include <string.h>

#include "fakes/events.h"
#include "fakes/failing_allocator.h"

enum { PROJECTS = 4, DAY_MS = 86400000 };

static optly_project *projects[PROJECTS];

uint32_t world_below(world *w, uint32_t bound)
{
    uint32_t value = fuzz_byte(&w->input);

    if (bound > 256)
        value |= (uint32_t)fuzz_byte(&w->input) << 8;
    return value % bound;
}

static optly_user_event *make_event(world *w)
{
    static const char letters[] =
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    uint32_t choice = world_below(w, 256);
    const optly_project *project = projects[choice % PROJECTS];
    const optly_user user = {letters + sizeof(letters) - 1 - choice / 4, NULL,
                             0};
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event = NULL;
    optly_status status;

    conversion.event_key = "purchase";
    status = optly_create_conversion(&event, project, &user, &conversion, NULL);
    FUZZ_CHECK(status == OPTLY_OK || (status == OPTLY_ERR_NO_MEMORY &&
                                      failing_allocator_has_failed()));
    return event;
}

/* What process_event has to say about an event. */
static optly_status expected(const world *w, const optly_user_event *event)
{
    const optly__engine *engine = &w->processor->engine;
    const optly__engine_config *config = &engine->config;
    const optly__context *context = event->context;

    if (engine->closing)
        return OPTLY_ERR_CLOSED;
    if (event->size > config->queue_bytes ||
        context->head_len + event->json_len + context->tail_len >
            config->max_payload_bytes)
        return OPTLY_ERR_TOO_LARGE;
    if (engine->ledger.stats.pending >= config->queue_size ||
        engine->ledger.pending_bytes + event->size > config->queue_bytes)
        return OPTLY_ERR_QUEUE_FULL;
    return OPTLY_OK;
}

static optly_reject_reason reason_of(optly_status status)
{
    switch (status) {
    case OPTLY_ERR_QUEUE_FULL:
        return OPTLY_REJECT_QUEUE_FULL;
    case OPTLY_ERR_CLOSED:
        return OPTLY_REJECT_CLOSED;
    case OPTLY_ERR_TOO_LARGE:
        return OPTLY_REJECT_TOO_LARGE;
    default:
        return OPTLY_REJECT_INVALID;
    }
}

void world_add(world *w)
{
    const optly__engine_config *config = &w->processor->engine.config;
    optly_user_event *event;
    optly_status status, wanted;

    if (w->added == WORLD_ADDED)
        return;
    event = make_event(w);
    if (event == NULL)
        return;
    wanted = expected(w, event);
    status = optly_process_event(w->processor, event);
    if (wanted == OPTLY_ERR_QUEUE_FULL &&
        config->overflow == OPTLY_OVERFLOW_DROP_OLDEST)
        FUZZ_CHECK(status == OPTLY_OK || status == OPTLY_ERR_QUEUE_FULL);
    else
        FUZZ_CHECK(status == wanted);
    if (status != OPTLY_OK) {
        w->refused++;
        w->witness.rejected[reason_of(status)]++;
        return;
    }
    w->added++;
    witness_accept(&w->witness, event);
}

static void answer(world *w, uint32_t attempt)
{
    static const optly_outcome outcomes[] = {
        OPTLY_DELIVERED,     OPTLY_DELIVERED, OPTLY_RETRY,
        OPTLY_REFUSED,       OPTLY_RETRY,     OPTLY_MISCONFIGURED,
        OPTLY_OUTCOME_UNSET, OPTLY_CANCELLED};
    uint32_t choice = world_below(w, 256);
    optly_outcome outcome = outcomes[choice % 8];
    int64_t retry_after_ms = 0;

    if ((outcome == OPTLY_RETRY || outcome == OPTLY_MISCONFIGURED) &&
        choice / 8 % 4 == 1)
        retry_after_ms = 1 + 50 * (int64_t)world_below(w, 256);
    witness_complete(&w->witness, attempt, outcome, retry_after_ms);
}

void world_answer(world *w)
{
    const witness *seen = &w->witness;
    uint32_t skip;

    if (seen->open_count == 0)
        return;
    skip = world_below(w, 256) % seen->open_count;
    for (uint32_t i = 0; i < seen->attempt_count; i++) {
        if (seen->attempts[i].open && skip-- == 0) {
            answer(w, i);
            return;
        }
    }
}

/* Answers something once more, which may have a successor in its place. */
void world_answer_again(world *w)
{
    uint32_t attempt;

    if (w->witness.attempt_count == 0)
        return;
    attempt = world_below(w, 256) % w->witness.attempt_count;
    if (!w->witness.attempts[attempt].open)
        answer(w, attempt);
}

static void look_on(const optly_log_event *log, void *user)
{
    world *w = user;

    FUZZ_CHECK(log->event_count > 0 && w->handler != 0);
}

void world_change_handler(world *w)
{
    optly_status status;

    if (w->handler != 0) {
        status =
            optly_processor_remove_on_event_dispatch(w->processor, w->handler);
        FUZZ_CHECK(status == OPTLY_OK);
        status =
            optly_processor_remove_on_event_dispatch(w->processor, w->handler);
        FUZZ_CHECK(status == OPTLY_ERR_NOT_FOUND);
        w->handler = 0;
        return;
    }
    status = optly_processor_on_event_dispatch(w->processor, look_on, w,
                                               &w->handler);
    if (status != OPTLY_OK) {
        FUZZ_CHECK(status == OPTLY_ERR_NO_MEMORY &&
                   failing_allocator_has_failed());
        w->handler = 0;
    }
}

void world_fail_allocation(world *w, size_t count)
{
    w->witness.memory_failed = true;
    failing_allocator_fail_after(count);
}

/* On the driver, in foreign code: all but waiting is allowed. */
static void misbehave(world *w)
{
    optly_processor *p = w->processor;

    /* A dispatcher that is gone does not answer. */
    if (fuzz_left(&w->input) == 0 || w->destroys > 0)
        return;
    switch (world_below(w, 16)) {
    case 1:
        world_add(w);
        break;
    case 2:
        world_answer(w);
        break;
    case 3:
        FUZZ_CHECK(optly_processor_flush(p, 10) == OPTLY_ERR_WOULD_DEADLOCK);
        break;
    case 4:
        FUZZ_CHECK(optly_processor_close(p, 10, NULL) ==
                   OPTLY_ERR_WOULD_DEADLOCK);
        break;
    case 5:
        FUZZ_CHECK(optly_processor_run_once(p, 10) == OPTLY_ERR_WOULD_DEADLOCK);
        break;
    case 6:
        world_change_handler(w);
        break;
    case 7:
        world_answer_again(w);
        break;
    case 8:
        (void)optly_processor_next_deadline_ms(p);
        break;
    default:
        break;
    }
}

static void during_report(void *user)
{
    misbehave(user);
}

static void during_dispatch(void *user, uint32_t attempt)
{
    world *w = user;

    if (fuzz_left(&w->input) == 0)
        return;
    if (world_below(w, 4) == 1)
        answer(w, attempt);
    else
        misbehave(w);
}

/* --- the dispatcher --- */

static void dispatch(void *self, const optly_log_event *log,
                     optly_delivery delivery)
{
    world *w = self;

    witness_dispatcher_ops.dispatch(&w->witness, log, delivery);
}

static void cancel(void *self)
{
    world *w = self;

    w->witness.aborting = true; /* from here on nothing may be sent */
    for (uint32_t i = 0; w->ends_on_cancel && i < w->witness.attempt_count;
         i++) {
        if (w->witness.attempts[i].open)
            witness_complete(&w->witness, i, OPTLY_CANCELLED, 0);
    }
}

static void destroy(void *self)
{
    ((world *)self)->destroys++;
}

static const optly_dispatcher_ops ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = dispatch,
    .cancel = cancel,
    .destroy = destroy,
};

/* --- opening --- */

static void on_wake(void *user)
{
    ((world *)user)->woken = true;
}

static void log_line(optly_log_level level, const char *message, void *user)
{
    (void)level;
    (void)user;
    FUZZ_CHECK(strstr(message, "xxxx") == NULL); /* of a visitor id */
}

static void add_up(const char *name, double delta, void *user)
{
    (void)user;
    FUZZ_CHECK(name[0] != '\0' && delta > 0);
}

static void choose_config(world *w, optly_processor_config *config,
                          optly_metrics *metrics)
{
    static const uint32_t in_flight[] = {1, 1, 2, 3, 8};
    static const optly_overflow policies[] = {OPTLY_OVERFLOW_REJECT_NEW,
                                              OPTLY_OVERFLOW_DROP_OLDEST,
                                              OPTLY_OVERFLOW_BLOCK};
    uint32_t flags = world_below(w, 256);

    *config = optly_processor_config_default();
    config->batch_size = 1 + world_below(w, 8);
    config->queue_size = config->batch_size + world_below(w, 40);
    config->flush_interval_ms = 1 + world_below(w, 2000);
    config->max_in_flight = in_flight[world_below(w, 5)];
    config->queue_bytes = 1024 + 128 * (uint64_t)world_below(w, 256);
    config->max_payload_bytes = 1024 + 8 * (uint64_t)world_below(w, 256);
    config->overflow = policies[world_below(w, 3)];
    config->overflow_block_ms = 50;
    config->retry_initial_ms = 1 + world_below(w, 300);
    config->retry_max_ms = config->retry_initial_ms + world_below(w, 10000);
    config->max_attempts = (flags & 1) != 0 ? 1 + world_below(w, 4) : 0;
    config->max_age_ms = (flags & 2) != 0 ? 1 + world_below(w, 5000) : 0;
    config->endpoint = (flags & 4) != 0 ? "https://events.test/" : NULL;
    config->log = log_line;
    config->dispatcher.ops = &ops;
    config->dispatcher.self = w;
    config->on_wake = on_wake;
    config->wake_user = w;
    metrics->struct_size = sizeof(*metrics);
    metrics->counter_add = add_up;
    metrics->gauge_set = NULL;
    metrics->user = NULL;
    if ((flags & 8) != 0)
        config->metrics = metrics;
    w->is_mute = (flags & 16) != 0;
    w->ends_on_cancel = (flags & 32) != 0;
}

/* Two revisions in two regions. An event of each makes the projects' memory,
 * which stays. */
static void make_projects(void)
{
    static const char *const regions[] = {"US", "EU"};

    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    for (int i = 0; i < PROJECTS; i++) {
        projects[i] = fake_project_of(i < 2 ? "1" : "2", regions[i % 2]);
        optly_user_event_destroy(fake_conversion(projects[i], "v"));
    }
}

static void watch(world *w)
{
    w->witness.engine = &w->processor->engine;
    w->witness.now = &world_now_ms;
    w->witness.on_dispatch = during_dispatch;
    w->witness.on_report = during_report;
    w->witness.user = w;
    FUZZ_CHECK(optly_processor_on_delivery(w->processor, witness_report,
                                           &w->witness, NULL) == OPTLY_OK);
    FUZZ_CHECK(optly_processor_on_event_dispatch(w->processor, witness_announce,
                                                 &w->witness,
                                                 NULL) == OPTLY_OK);
}

bool world_open(world *w, const uint8_t *data, size_t size)
{
    optly_processor_config config;
    optly_metrics metrics;
    optly_error err = {OPTLY_OK, ""};
    optly_status status;
    uint32_t failing;

    if (projects[0] == NULL)
        make_projects();
    memset(w, 0, sizeof(*w));
    w->input = fuzz_input_of(data, size);
    w->sleeps_until_ms = OPTLY__NEVER;
    world_begin(w, size > 0 ? data[0] : 0);
    choose_config(w, &config, &metrics);
    failing = world_below(w, 64);
    failing_allocator_fail_after(
        failing > 8 || failing == 0 ? FAILING_ALLOCATOR_NEVER : failing - 1);
    status = optly_processor_create(&w->processor, &config, &err);
    FUZZ_CHECK((w->processor != NULL) == (status == OPTLY_OK));
    if (status != OPTLY_OK) {
        FUZZ_CHECK(status == OPTLY_ERR_NO_MEMORY &&
                   failing_allocator_has_failed());
        FUZZ_CHECK(w->destroys == 1 && err.message[0] != '\0');
        failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
        return false;
    }
    failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
    watch(w);
    return true;
}

/* --- checks --- */

void world_check(world *w)
{
    const witness *seen = &w->witness;
    optly_stats stats = optly_stats_default();
    int64_t deadline = optly_processor_next_deadline_ms(w->processor);

    witness_check(&w->witness);
    FUZZ_CHECK(optly_processor_stats(w->processor, &stats) == OPTLY_OK);
    FUZZ_CHECK(stats.accepted == seen->accepted);
    FUZZ_CHECK(stats.attempted == seen->accepted + w->refused);
    FUZZ_CHECK(stats.requests == seen->attempt_count);
    FUZZ_CHECK(deadline >= -1);
    if (w->closed)
        FUZZ_CHECK(deadline == -1);
}

static void check_report(const world *w, optly_status status,
                         const optly_close_report *report)
{
    const witness *seen = &w->witness;
    uint64_t dropped = seen->reported - seen->by_reason[OPTLY_DROP_NONE];

    FUZZ_CHECK(report->delivered == seen->by_reason[OPTLY_DROP_NONE]);
    FUZZ_CHECK(report->dropped == dropped);
    FUZZ_CHECK(report->delivered + report->dropped + report->pending ==
               seen->accepted);
    FUZZ_CHECK(report->pending == seen->open_events);
    FUZZ_CHECK(
        (status == OPTLY_OK) ==
        (seen->by_reason[OPTLY_DROP_CLOSED] == 0 && report->pending == 0));
}

static void close_somehow(world *w)
{
    optly_close_report report = optly_close_report_default();
    uint32_t choice = world_below(w, 4);
    uint32_t timeout_ms = choice == 0   ? 0
                          : choice == 1 ? world_below(w, 3000)
                                        : DAY_MS;
    int64_t before = world_now_ms;
    optly_status status;

    w->witness.aborting = false;
    witness_note_flush(&w->witness);
    status = optly_processor_close(w->processor, timeout_ms, &report);
    w->closed = true;
    FUZZ_CHECK(status == OPTLY_OK || status == OPTLY_ERR_TIMEOUT);
    FUZZ_CHECK(world_now_ms <= before + (int64_t)timeout_ms + 100);
    check_report(w, status, &report);
    /* Within a day all that works again is over. */
    if (choice > 1 && !w->is_mute)
        FUZZ_CHECK(status == OPTLY_OK);
    world_check(w);
}

static void check_closed(world *w)
{
    optly_processor *p = w->processor;

    world_add(w);
    FUZZ_CHECK(optly_processor_run_once(p, 0) == OPTLY_ERR_CLOSED);
    FUZZ_CHECK(optly_processor_start(p) == OPTLY_ERR_CLOSED);
    (void)optly_processor_flush(p, 10);
    while (fuzz_left(&w->input) > 0 && world_below(w, 2) == 1)
        world_answer(w);
    world_check(w);
}

void world_end(world *w)
{
    failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
    if (world_below(w, 4) > 0) {
        close_somehow(w);
        check_closed(w);
    }
    optly_processor_destroy(w->processor);
    FUZZ_CHECK(w->destroys == 1);
    FUZZ_CHECK(w->witness.reported == w->witness.accepted);
    fuzz_note(w->witness.attempt_count);
    fuzz_note((uint64_t)world_now_ms);
    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        fuzz_note(w->witness.by_reason[i]);
    witness_cleanup(&w->witness);
}
