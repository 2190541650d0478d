/*
 * Every order of up to a few operations on one engine, on a virtual clock,
 * with several settings and both ways for it to end. The witness of
 * test_simulation.c looks on.
 *
 * OPTLY_EXHAUSTION sets how many operations there are at most. A failure
 * prints what it did; OPTLY_EXHAUSTION_REPLAY=<that> does the same again.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/failing_allocator.h"
#include "fakes/world.h"

enum { OPERATIONS = 3, MOST_OPERATIONS = 8, STEP_MS = 50 };

static void add_us(world *w)
{
    const world_event event = {0, 0, 0};

    world_add(w, &event);
}

static void add_eu(world *w)
{
    const world_event event = {1, 0, 0};

    world_add(w, &event);
}

static void deliver(world *w)
{
    world_answer(w, world_open_attempt(w, 0), OPTLY_DELIVERED, 0);
}

static void deliver_newest(world *w)
{
    if (w->witness.open_count > 0)
        world_answer(w, world_open_attempt(w, w->witness.open_count - 1),
                     OPTLY_DELIVERED, 0);
}

static void retry(world *w)
{
    world_answer(w, world_open_attempt(w, 0), OPTLY_RETRY, 0);
}

static void retry_later(world *w)
{
    world_answer(w, world_open_attempt(w, 0), OPTLY_RETRY, 2 * STEP_MS);
}

static void refuse(world *w)
{
    world_answer(w, world_open_attempt(w, 0), OPTLY_REFUSED, 0);
}

static void answer_first_again(world *w)
{
    if (w->witness.attempt_count > 0 && !w->witness.attempts[0].open)
        world_answer(w, 0, OPTLY_DELIVERED, 0);
}

static void flush(world *w)
{
    world_flush(w, STEP_MS);
}

static void let_time_pass(world *w)
{
    world_advance(w, STEP_MS);
}

static void fail_allocation(world *w)
{
    w->failing_calls = 1;
}

static void fork_child(world *w)
{
    world_fork(w, 0);
}

/* The alphabet. */
static const struct operation {
    char letter;
    void (*run)(world *w);
} operations[] = {
    {'a', add_us},          {'b', add_eu},         {'s', world_run_due},
    {'o', deliver},         {'n', deliver_newest}, {'r', retry},
    {'l', retry_later},     {'x', refuse},         {'d', answer_first_again},
    {'f', flush},           {'t', let_time_pass},  {'c', world_begin_close},
    {'m', fail_allocation}, {'k', fork_child},
};
enum { LETTERS = sizeof(operations) / sizeof(*operations) };

/* Settings that differ in what the operations meet. */
static const struct settings {
    const char *name;
    bool host_queue;
    optly__engine_config config;
} all_settings[] = {
    {"one at a time",
     false,
     {.batch_size = 1,
      .queue_size = 2,
      .flush_interval_ms = 1000,
      .max_in_flight = 1,
      .queue_bytes = 100000,
      .max_payload_bytes = 4096,
      .backoff = {20, 100},
      .seed = 1}},
    {"pairs, displacing",
     true,
     {.batch_size = 2,
      .queue_size = 2,
      .flush_interval_ms = 80,
      .max_in_flight = 2,
      .queue_bytes = 100000,
      .max_payload_bytes = 4096,
      .overflow = OPTLY_OVERFLOW_DROP_OLDEST,
      .backoff = {20, 100},
      .seed = 2}},
    {"pairs in order, with limits",
     false,
     {.batch_size = 2,
      .queue_size = 4,
      .flush_interval_ms = 40,
      .max_in_flight = 1,
      .queue_bytes = 1800, /* three events */
      .max_payload_bytes = 1024,
      .backoff = {60, 200},
      .max_attempts = 2,
      .max_age_ms = 120,
      .seed = 3}},
};
enum { SETTINGS = sizeof(all_settings) / sizeof(*all_settings) };

static census states;
static char running[MOST_OPERATIONS + 4]; /* settings, end, operations */
static bool finished;
static uint64_t sequences;

static void answer_oldest(world *w)
{
    deliver(w);
}

/* `plan` is a digit for the settings, 's' for settling all or 'c' for a close
 * whose time is up, and the letters of operations. */
static void run(world *w, const char *plan)
{
    const struct settings *settings = &all_settings[plan[0] - '0'];
    size_t live = failing_allocator_live();

    world_open(w, &settings->config, settings->host_queue, 0);
    world_run_due(w);
    for (const char *at = plan + 2; *at != '\0'; at++) {
        for (int i = 0; i < LETTERS; i++) {
            if (operations[i].letter == *at)
                operations[i].run(w);
        }
        witness_check(&w->witness);
        census_add(&states, world_state(w));
    }
    w->failing_calls = 0;
    if (plan[1] == 's')
        world_settle(w, answer_oldest);
    else
        world_cut_short(w, true, NULL);
    world_close(w);
    assert_int_equal(failing_allocator_live(), live);
    sequences++;
}

/* All that begins with what `running` holds. */
static void run_all(world *w, size_t len, size_t most)
{
    for (size_t end = 0; end < 2; end++) {
        running[1] = "sc"[end];
        run(w, running);
    }
    if (len == most)
        return;
    for (int i = 0; i < LETTERS; i++) {
        running[2 + len] = operations[i].letter;
        running[3 + len] = '\0';
        run_all(w, len + 1, most);
    }
    running[2 + len] = '\0';
}

static void test_no_short_order_breaks_a_promise(void **state)
{
    const char *text = getenv("OPTLY_EXHAUSTION");
    const char *replay = getenv("OPTLY_EXHAUSTION_REPLAY");
    size_t most = text != NULL ? strtoul(text, NULL, 10) : OPERATIONS;
    world *w = calloc(1, sizeof(*w));

    (void)state;
    assert_non_null(w);
    assert_in_range(most, 0, MOST_OPERATIONS);
    for (int i = 0; i < SETTINGS && replay == NULL; i++) {
        (void)snprintf(running, sizeof(running), "%ds", i);
        run_all(w, 0, most);
    }
    if (replay != NULL) {
        assert_true(strlen(replay) >= 2 && replay[0] - '0' < SETTINGS);
        (void)snprintf(running, sizeof(running), "%s", replay);
        run(w, running);
    }
    free(w);
    finished = true;
    print_message("exhaustion: %" PRIu64 " sequences of up to %zu of %d "
                  "operations, %d settings, 2 ends, %zu different states\n",
                  sequences, most, LETTERS, SETTINGS, states.count);
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

static int tell_plan(void **state)
{
    (void)state;
    if (!finished)
        print_error("OPTLY_EXHAUSTION_REPLAY=%s tests/test_exhaustion\n",
                    running);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_no_short_order_breaks_a_promise,
                                  tell_plan),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
