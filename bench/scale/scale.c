/*
 * A fleet of 10,000 hosts and one endpoint that is out for a while.
 *
 *   scale [NAME=NUMBER...]    prints a line for each second: second, requests,
 *                             failed, delivered, lost, pending, most pending
 *
 * The names are those of fleet_plan; the numbers that are not given are below.
 */
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks/sample.h"

static fleet_plan plan = {
    .hosts = FLEET_HOSTS,
    .unit = 1000,
    .rate = 1000,
    .batch = 1000,
    .queue = 10000,
    .in_flight = 8,
    .retry_max_ms = 60000,
    .latency_ms = 50,
    .outage_from_s = 60,
    .outage_to_s = 660,
    .end_s = 900,
};

static const struct {
    const char *name;
    uint32_t *value;
} settings[] = {
    {"hosts", &plan.hosts},
    {"unit", &plan.unit},
    {"rate", &plan.rate},
    {"batch", &plan.batch},
    {"queue", &plan.queue},
    {"in_flight", &plan.in_flight},
    {"retry_max_ms", &plan.retry_max_ms},
    {"drop_oldest", &plan.drop_oldest},
    {"latency_ms", &plan.latency_ms},
    {"capacity", &plan.capacity},
    {"retry_after_s", &plan.retry_after_s},
    {"outage_from_s", &plan.outage_from_s},
    {"outage_to_s", &plan.outage_to_s},
    {"end_s", &plan.end_s},
};

static bool set(const char *argument)
{
    const char *equals = strchr(argument, '=');

    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
        size_t len = strlen(settings[i].name);

        if (equals == argument + len &&
            strncmp(argument, settings[i].name, len) == 0) {
            *settings[i].value = (uint32_t)strtoul(equals + 1, NULL, 10);
            return true;
        }
    }
    return false;
}

static void check_plan(void)
{
    sample_check(plan.hosts > 0 && plan.unit > 0 && plan.rate > 0 &&
                     plan.end_s > 0,
                 "hosts, unit, rate and end_s are above 0");
    sample_check(plan.batch % plan.unit == 0 && plan.queue % plan.unit == 0 &&
                     plan.batch >= plan.unit && plan.queue >= plan.batch,
                 "batch and queue are made of whole units");
    sample_check((uint64_t)plan.unit * 1000 % plan.rate == 0,
                 "a unit is made in whole ms");
}

/* Every event must be somewhere; the last one of each host may be missing. */
static void check_books(const fleet_second *seconds)
{
    double made = (double)FLEET_HOSTS * plan.rate * plan.end_s;
    double found = seconds[plan.end_s - 1].pending;

    for (uint32_t s = 0; s < plan.end_s; s++)
        found += seconds[s].delivered + seconds[s].lost;
    sample_check(found <= made &&
                     found >= made - (double)FLEET_HOSTS * plan.unit,
                 "all events are accounted for");
}

int main(int argc, char **argv)
{
    fleet_second *seconds;

    for (int i = 1; i < argc; i++) {
        if (!set(argv[i])) {
            (void)fprintf(stderr, "usage: scale [NAME=NUMBER...]: %s?\n",
                          argv[i]);
            return 2;
        }
    }
    check_plan();
    seconds = calloc(plan.end_s, sizeof(*seconds));
    sample_check(seconds != NULL, "calloc");
    fleet_run(&plan, seconds);
    check_books(seconds);
    for (uint32_t s = 0; s < plan.end_s; s++)
        (void)printf("%u %.0f %.0f %.0f %.0f %.0f %.0f\n", (unsigned)s,
                     seconds[s].requests, seconds[s].failed,
                     seconds[s].delivered, seconds[s].lost, seconds[s].pending,
                     seconds[s].most_pending);
    free(seconds);
    return 0;
}
