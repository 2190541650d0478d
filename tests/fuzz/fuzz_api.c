/*
 * The public calls on a processor, in any order, on virtual time (api_world.h):
 * the first bytes are its settings, then comes one operation after the other.
 */
#include <stdlib.h>

#include "api_world.h"
#include "fakes/failing_allocator.h"

enum { MOST_SIZE = 1200 };

/* A flush tells what became of all that was pending when it began. */
static void flush(world *w)
{
    static bool waits_for[WITNESS_EVENTS];
    const witness *seen = &w->witness;
    uint32_t timeout_ms = world_below(w, 3) * 1000 + world_below(w, 256);
    int64_t before = world_now_ms;
    uint64_t count = seen->accepted;
    bool is_left = false, has_dropped = false;
    optly_status status;

    for (uint64_t i = 1; i <= count; i++)
        waits_for[i] = !seen->events[i].reported && !seen->events[i].displaced;
    witness_note_flush(&w->witness);
    status = optly_processor_flush(w->processor, timeout_ms);
    for (uint64_t i = 1; i <= count; i++) {
        if (!waits_for[i])
            continue;
        is_left = is_left || !seen->events[i].reported;
        has_dropped = has_dropped || seen->events[i].dropped;
    }
    if (is_left)
        FUZZ_CHECK(status == OPTLY_ERR_TIMEOUT);
    else
        FUZZ_CHECK(status == (has_dropped ? OPTLY_ERR_DROPPED : OPTLY_OK));
    FUZZ_CHECK(world_now_ms <= before + (int64_t)timeout_ms);
}

/* When a host's loop has to come back, as it is known now. */
static int64_t loop_due_ms(world *w)
{
    int64_t deadline = optly_processor_next_deadline_ms(w->processor);

    return deadline < 0 ? OPTLY__NEVER : world_now_ms + deadline;
}

static void run_once(world *w, int timeout_ms)
{
    w->woken = false;
    FUZZ_CHECK(optly_processor_run_once(w->processor, timeout_ms) == OPTLY_OK);
    w->sleeps_until_ms = loop_due_ms(w);
}

/* Without limit, if there is something to wait for. */
static void run_without_limit(world *w)
{
    optly_stats stats = optly_stats_default();

    FUZZ_CHECK(optly_processor_stats(w->processor, &stats) == OPTLY_OK);
    if (stats.pending > 0)
        run_once(w, -1);
}

/* A host's loop sleeps until the deadline, or until it is woken. */
static void sleep_as_a_loop(world *w)
{
    int64_t deadline = optly_processor_next_deadline_ms(w->processor);

    if (deadline > 0 && !w->woken)
        world_now_ms += deadline;
    run_once(w, 0);
}

/*
 * Whatever waits, and not for an answer, has the loop come back some day; and
 * one that sleeps is woken when it has to come back sooner than it knows. (With
 * events left behind for want of memory the deadline is a guess, on the early
 * side.)
 */
static void check_awake(world *w)
{
    optly_stats stats = optly_stats_default();

    FUZZ_CHECK(w->woken || w->witness.memory_failed ||
               loop_due_ms(w) >= w->sleeps_until_ms);
    FUZZ_CHECK(optly_processor_stats(w->processor, &stats) == OPTLY_OK);
    if (stats.pending > 0 && w->witness.open_count == 0 && !w->woken)
        FUZZ_CHECK(optly_processor_next_deadline_ms(w->processor) >= 0);
}

static void refuse_nonsense(world *w)
{
    optly_processor *p = w->processor;

    FUZZ_CHECK(optly_process_event(p, NULL) == OPTLY_ERR_INVALID);
    w->refused++;
    w->witness.rejected[OPTLY_REJECT_INVALID]++;
    FUZZ_CHECK(optly_process_event(NULL, NULL) == OPTLY_ERR_INVALID);
    FUZZ_CHECK(optly_processor_stats(p, NULL) == OPTLY_ERR_INVALID);
    FUZZ_CHECK(optly_processor_remove_on_delivery(p, 1 << 20) ==
               OPTLY_ERR_NOT_FOUND);
    FUZZ_CHECK(optly_processor_on_delivery(p, NULL, NULL, NULL) ==
               OPTLY_ERR_INVALID);
}

static void do_something(world *w)
{
    uint32_t choice = world_below(w, 256);

    switch (choice % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
        for (uint32_t n = 1 + choice / 32; n > 0; n--)
            world_add(w);
        break;
    case 4:
    case 5:
        world_answer(w);
        break;
    case 6:
        world_answer_again(w);
        break;
    case 7:
        flush(w);
        break;
    case 8:
        world_fail_allocation(w, choice / 16);
        break;
    case 9:
        run_without_limit(w);
        break;
    case 10:
    case 11:
        run_once(w, (int)(choice / 16) * 100);
        break;
    case 12:
        sleep_as_a_loop(w);
        break;
    case 13:
        world_now_ms += 1 + world_below(w, choice < 128 ? 256 : 20000);
        break;
    case 14:
        world_change_handler(w);
        break;
    default:
        refuse_nonsense(w);
    }
    world_check(w);
    check_awake(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static world w;
    static size_t live;

    if (size > MOST_SIZE)
        return 0;
    if (live > 0)
        FUZZ_CHECK(failing_allocator_live() == live);
    if (world_open(&w, data, size)) {
        while (fuzz_left(&w.input) > 0 && fuzz_left(&w.input) > 4)
            do_something(&w);
        world_end(&w);
    }
    if (live == 0)
        live = failing_allocator_live();
    FUZZ_CHECK(failing_allocator_live() == live);
    return 0;
}
