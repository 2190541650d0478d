/*
 * What a processor costs that has nothing to do.
 *
 *   idle none SECONDS          the same program without a processor
 *   idle null SECONDS          with one that is started, null dispatcher
 *   idle http SECONDS URL      with one that is started, HTTP
 *
 * Before it is idle it has had work: 10,000 events are made, and sent or
 * destroyed. A second later the resident memory is read (the whole of it, and
 * the part that is no mapped file), then for SECONDS how often any thread but
 * the main one is switched in. glibc keeps much of what was freed; what is left
 * once it has been asked to give that back is what the library keeps.
 */
#include "bench.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

enum { EVENTS = 10000, FLUSH_MS = 60000 };

/* The value of a line of a file in /proc, such as "RssAnon:\t 123 kB". */
static double proc_value(const char *path, const char *key)
{
    char line[256];
    double value = 0;
    FILE *file = fopen(path, "r");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtod(line + strlen(key), NULL);
    }
    if (file != NULL)
        (void)fclose(file);
    return value;
}

/* Context switches, voluntary or not, of all threads but this one. */
static double switches(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    double sum = 0;

    if (tasks == NULL)
        bench_die("cannot read /proc/self/task");
    while ((task = readdir(tasks)) != NULL) {
        char path[300];

        if (task->d_name[0] == '.' ||
            strtol(task->d_name, NULL, 10) == getpid())
            continue;
        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/status",
                       task->d_name);
        sum += proc_value(path, "voluntary_ctxt_switches:") +
               proc_value(path, "nonvoluntary_ctxt_switches:");
    }
    (void)closedir(tasks);
    return sum;
}

static optly_processor *make_processor(const char *kind, const char *url)
{
    optly_processor_config config = optly_processor_config_default();

    config.overflow = OPTLY_OVERFLOW_BLOCK;
    config.overflow_block_ms = FLUSH_MS;
    if (strcmp(kind, "none") == 0)
        return NULL;
    if (strcmp(kind, "null") == 0)
        config.dispatcher = bench_null_dispatcher();
    else if (strcmp(kind, "http") == 0 && url != NULL)
        config.endpoint = url;
    else
        bench_die("none, null, or http with a URL");
    return bench_processor(&config);
}

static void work(const optly_project *project, optly_processor *processor)
{
    for (long i = 0; i < EVENTS; i++) {
        optly_user_event *event = bench_event(project, i);

        if (processor == NULL)
            optly_user_event_destroy(event);
        else if (optly_process_event(processor, event) != OPTLY_OK)
            bench_die("an event was refused");
    }
    if (processor != NULL &&
        optly_processor_flush(processor, FLUSH_MS) != OPTLY_OK)
        bench_die("flush failed");
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "none";
    unsigned seconds = argc > 2 ? (unsigned)bench_number(argv[2]) : 10;
    optly_project *project = bench_project();
    optly_processor *processor =
        make_processor(kind, argc > 3 ? argv[3] : NULL);
    double before;

    work(project, processor);
    (void)sleep(1);
    bench_print("resident_kib", bench_resident() / 1024);
    bench_print("anonymous_kib", proc_value("/proc/self/status", "RssAnon:"));
    before = switches();
    (void)sleep(seconds);
    bench_print("wakeups", switches() - before);
#if defined(__GLIBC__)
    (void)malloc_trim(0);
#endif
    bench_print("kept_kib", proc_value("/proc/self/status", "RssAnon:"));
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return 0;
}
