#include "faults/fault_point.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/failing_allocator.h"
#include "platform/platform.h"

enum { HANG_S = 60, MOST_POINTS = 20000 };

static size_t total_points, total_scenarios;
static char current[128]; /* what runs, for the watchdog */

static void arm_memory(size_t count, bool for_good)
{
    if (for_good)
        failing_allocator_fail_for_good_after(count);
    else
        failing_allocator_fail_after(count);
}

static bool has_memory_failed(void)
{
    return failing_allocator_has_failed() != 0;
}

static void disarm_memory(void)
{
    failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
}

const fault_source fault_memory = {arm_memory, has_memory_failed, disarm_memory,
                                   failing_allocator_live};

void fault_begin(fault_point *point)
{
    point->source->arm(point->number, point->for_good);
}

void fault_end(fault_point *point)
{
    point->hit = point->source->has_failed() || point->hit;
    point->source->disarm();
}

bool fault_has_hit(const fault_point *point)
{
    return point->source->has_failed();
}

void fault_expect(const fault_point *point, optly_status status,
                  optly_status otherwise)
{
    assert_int_equal(status, point->hit ? otherwise : OPTLY_OK);
}

static void say_what_hangs(int number)
{
    static const char text[] = "hangs: ";

    (void)number;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ||
        write(STDERR_FILENO, current, strlen(current)) < 0)
        _exit(3);
    abort();
}

/* What is left. A look-up that libcurl did not need to wait for frees its
 * memory on a thread of its own, and says nothing when it has. */
static size_t left_behind(const fault_source *source, size_t before)
{
    int64_t until = optly__monotonic_ms() + 10000;
    size_t now = source->live();

    while (now != before && optly__monotonic_ms() < until) {
        (void)poll(NULL, 0, 1);
        now = source->live();
    }
    return now;
}

static bool run_point(const fault_source *source, const char *name,
                      fault_scenario scenario, size_t number, bool for_good)
{
    fault_point point = {source, number, for_good, false};
    size_t before = source->live != NULL ? source->live() : 0, after = 0;

    (void)snprintf(current, sizeof(current), "%s, call %zu%s\n", name, number,
                   for_good ? " and all after it" : "");
    (void)alarm(HANG_S);
    scenario(&point);
    (void)alarm(0);
    if (source->live != NULL)
        after = left_behind(source, before);
    if (after != before)
        fail_msg("%s: %zu left, %zu before", current, after, before);
    return point.hit;
}

/* OPTLY_FAULT_STRIDE=n tries every n-th point only, where that suffices. */
static size_t stride(void)
{
    const char *text = getenv("OPTLY_FAULT_STRIDE");
    int value = text != NULL ? atoi(text) : 1;

    return value > 0 ? (size_t)value : 1;
}

size_t fault_run(const fault_source *source, const char *name,
                 fault_scenario scenario)
{
    size_t points[2] = {0, 0};

    (void)signal(SIGALRM, say_what_hangs);
    for (int for_good = 0; for_good < 2; for_good++) {
        /* Some libraries keep what they need only once. */
        (void)run_point(source, name, scenario, MOST_POINTS, for_good != 0);
        for (size_t number = 0;
             run_point(source, name, scenario, number, for_good != 0);
             number += stride()) {
            points[for_good]++;
            assert_true(number < MOST_POINTS);
        }
    }
    assert_true(points[0] > 0 && points[1] > 0);
    (void)printf("%-46s %5zu once, %5zu for good\n", name, points[0],
                 points[1]);
    total_points += points[0] + points[1];
    total_scenarios++;
    return points[0] + points[1];
}

void fault_print_total(const char *what)
{
    (void)printf("%s: %zu points in %zu scenarios\n", what, total_points,
                 total_scenarios);
}
