#include "faults/fault_point.h"

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

static bool disarm_memory(void)
{
    bool failed = failing_allocator_has_failed() != 0;

    failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
    return failed;
}

const fault_source fault_memory = {arm_memory, disarm_memory,
                                   failing_allocator_live};

void fault_begin(fault_point *point)
{
    point->source->arm(point->number, point->for_good);
}

void fault_end(fault_point *point)
{
    point->hit = point->source->disarm() || point->hit;
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

static bool run_point(const fault_source *source, const char *name,
                      fault_scenario scenario, size_t number, bool for_good)
{
    fault_point point = {source, number, for_good, false};
    size_t before = source->live != NULL ? source->live() : 0, after;

    (void)snprintf(current, sizeof(current), "%s, call %zu%s\n", name, number,
                   for_good ? " and all after it" : "");
    (void)alarm(HANG_S);
    scenario(&point);
    (void)alarm(0);
    after = source->live != NULL ? source->live() : 0;
    if (after != before)
        fail_msg("%s: %zu left, %zu before", current, after, before);
    return point.hit;
}

size_t fault_run(const fault_source *source, const char *name,
                 fault_scenario scenario)
{
    size_t points[2] = {0, 0};

    (void)signal(SIGALRM, say_what_hangs);
    for (int for_good = 0; for_good < 2; for_good++) {
        /* Some libraries keep what they need only once. */
        (void)run_point(source, name, scenario, MOST_POINTS, for_good != 0);
        while (run_point(source, name, scenario, points[for_good],
                         for_good != 0)) {
            points[for_good]++;
            assert_true(points[for_good] < MOST_POINTS);
        }
    }
    assert_true(points[0] > 0 && points[1] > 0);
    (void)printf("%-28s %5zu once, %5zu for good\n", name, points[0],
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
