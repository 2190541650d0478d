/*
 * How the cost of an event grows.
 *
 *   growth SUBJECT    events, queue, attributes, batch, contexts, blocked or
 *                     waiting; see growth.h
 */
#include "growth.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    void (*measure)(void);
} subjects[] = {
    {"events", grow_events},         {"queue", grow_queue},
    {"attributes", grow_attributes}, {"batch", grow_batch},
    {"contexts", grow_contexts},     {"blocked", grow_blocked},
    {"waiting", grow_waiting},
};

double cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

void print_cost(const char *subject, size_t size, double ns, size_t bytes)
{
    (void)printf("%s %zu %.1f %zu\n", subject, size, ns, bytes);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
        if (argc == 2 && strcmp(argv[1], subjects[i].name) == 0) {
            subjects[i].measure();
            return 0;
        }
    }
    (void)fprintf(stderr, "usage: growth SUBJECT, one of");
    for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++)
        (void)fprintf(stderr, " %s", subjects[i].name);
    (void)fprintf(stderr, "\n");
    return 2;
}
