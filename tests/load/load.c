#include "load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void load_check(bool truth, const char *what, const char *file, int line)
{
    if (truth)
        return;
    (void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    exit(1);
}

optly_user_event *load_event(const optly_project *project, uint64_t number)
{
    const optly_pair attributes[] = {optly_string("device", "ios")};
    const optly_pair tags[] = {optly_int("revenue", 1299)};
    optly_conversion purchase = optly_conversion_default();
    optly_user_event *event = NULL;
    char visitor[32], uuid[SINK_UUID_SIZE];
    optly_user user = {visitor, attributes, 1};

    (void)snprintf(visitor, sizeof(visitor), "visitor-%llu",
                   (unsigned long long)number);
    sink_uuid(number, uuid);
    purchase.event_key = "purchase";
    purchase.tags = tags;
    purchase.tag_count = 1;
    purchase.uuid = uuid;
    LOAD_CHECK(optly_create_conversion(&event, project, &user, &purchase,
                                       NULL) == OPTLY_OK);
    return event;
}

void load_report(const optly_delivery_report *report, void *user)
{
    unsigned char mark =
        report->reason == OPTLY_DROP_NONE ? LOAD_DELIVERED : LOAD_DROPPED;

    for (uint32_t i = 0; i < report->event_count; i++) {
        sink_event *event =
            sink_event_of(user, optly_user_event_uuid(report->events[i]));

        LOAD_CHECK(event != NULL);
        LOAD_CHECK((atomic_fetch_or(&event->marks, mark) &
                    (LOAD_DELIVERED | LOAD_DROPPED)) == 0);
    }
}

load_sums load_sum_up(sink *s, uint64_t first, uint64_t count)
{
    load_sums sums = {0};

    for (uint64_t i = first; i < first + count; i++) {
        unsigned marks = atomic_load(&s->list[i].marks);
        unsigned seen = atomic_load(&s->list[i].seen);
        bool accepted = marks & LOAD_ACCEPTED;
        bool delivered = marks & LOAD_DELIVERED, dropped = marks & LOAD_DROPPED;

        sums.accepted += accepted;
        sums.delivered += delivered;
        sums.dropped += dropped;
        sums.seen += seen > 0;
        sums.twice += seen > 1;
        sums.lost += accepted && !delivered && !dropped;
        sums.invented += !accepted && (delivered || dropped || seen > 0);
        sums.unproven += delivered && seen == 0;
    }
    return sums;
}

/* A number of /proc/self/status. */
static long read_status(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long value = -1;

    LOAD_CHECK(file != NULL);
    while (value < 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name), NULL, 10);
    }
    (void)fclose(file);
    LOAD_CHECK(value >= 0);
    return value;
}

long load_private_kib(void)
{
    return read_status("RssAnon:");
}

long load_threads(void)
{
    return read_status("Threads:");
}

long load_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    long count = -3; /* ".", ".." and the directory itself */

    LOAD_CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

int64_t load_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t load_argument(int argc, char **argv, int i, uint64_t fallback)
{
    return i < argc ? strtoull(argv[i], NULL, 10) : fallback;
}
