/*
 * What the library takes of memory, in bytes, as check_footprint asks:
 *
 *   memory none    anonymous memory of a process that makes no processor,
 *   memory idle    of one with a processor that was started,
 *   memory http    the same with the HTTP dispatcher;
 *   memory spare   what an idle processor has allocated more, once 10,000
 *                  events have gone through it;
 *   memory counts  what an event counts for in a queue, its JSON and the four
 *                  strings that name it taken off,
 *   memory event   what a queue of 10,000 has allocated for each, less these.
 */
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <optly/event.h>

enum { EVENTS = 10000, QUIET_MS = 200, LONGEST_MS = 10000, KIB = 1024 };

static void fail(const char *what)
{
    fprintf(stderr, "memory: %s\n", what);
    exit(1);
}

/* The number after `name` in a file of /proc; ends the program without it. */
static long read_number(const char *path, const char *name)
{
    char line[256];
    long number = -1;
    FILE *file = fopen(path, "r");

    while (file != NULL && number < 0 && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            number = strtol(line + strlen(name), NULL, 10);
    }
    if (number < 0)
        fail(path);
    fclose(file);
    return number;
}

/* Private dirty memory, but for pages of files that were just written. */
static long anonymous_memory(void)
{
    return read_number("/proc/self/smaps_rollup", "Anonymous:") * KIB;
}

/* How often the threads other than this one have gone to sleep. */
static long count_sleeps(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    long sleeps = 0;

    if (tasks == NULL)
        fail("/proc/self/task");
    while ((task = readdir(tasks)) != NULL) {
        char path[300];

        if (task->d_name[0] == '.' || atoi(task->d_name) == getpid())
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
        sleeps += read_number(path, "voluntary_ctxt_switches:");
    }
    closedir(tasks);
    return sleeps;
}

/* Waits until the worker sleeps without waking up by itself. */
static void await_idle(void)
{
    long sleeps = 0;
    int quiet_ms = 0;

    for (int ms = 0; quiet_ms < QUIET_MS; ms++) {
        long now = count_sleeps();

        quiet_ms = now == sleeps && now > 0 ? quiet_ms + 1 : 0;
        sleeps = now;
        if (ms == LONGEST_MS)
            fail("the worker does not become idle");
        usleep(1000);
    }
}

static optly_project *make_project(void)
{
    static const optly_attribute_definition attributes[] = {
        {"1001", "device"}, {"1002", "plan"}, {"1003", "age"},
        {"1004", "score"},  {"1005", "beta"},
    };
    static const optly_event_definition purchase = {"2001", "purchase"};
    optly_project_config config = optly_project_config_default();
    optly_project *project;

    config.project_id = config.account_id = config.revision = "1";
    config.attributes = attributes;
    config.attribute_count = sizeof(attributes) / sizeof(*attributes);
    config.events = &purchase;
    config.event_count = 1;
    if (optly_project_create(&project, &config, NULL) != OPTLY_OK)
        fail("no project");
    return project;
}

/* Five attributes and five tags. */
static optly_user_event *make_event(const optly_project *project, int number)
{
    const optly_pair attributes[] = {
        optly_string("device", "phone"),
        optly_string("plan", "gold"),
        optly_int("age", 42),
        optly_double("score", 0.5),
        optly_bool("beta", true),
    };
    const optly_pair tags[] = {
        optly_int("revenue", 4999),    optly_double("value", 49.5),
        optly_string("category", "a"), optly_string("sku", "b-1"),
        optly_int("qty", 2),
    };
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event;
    char id[32];
    const optly_user user = {id, attributes, 5};

    snprintf(id, sizeof(id), "visitor-%06d", number);
    conversion.event_key = "purchase";
    conversion.tags = tags;
    conversion.tag_count = 5;
    if (optly_create_conversion(&event, project, &user, &conversion, NULL) !=
        OPTLY_OK)
        fail("no event");
    return event;
}

static optly_outcome deliver(const optly_log_event *batch,
                             optly_dispatch_result *result, void *user)
{
    (void)batch;
    (void)result;
    (void)user;
    return OPTLY_DELIVERED;
}

static optly_processor *make_processor(bool http)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor;

    config.queue_size = EVENTS;
    if (!http)
        optly_function_dispatcher_create(&config.dispatcher, deliver, NULL,
                                         NULL);
    if (optly_processor_create(&processor, &config, NULL) != OPTLY_OK)
        fail("no processor");
    return processor;
}

static long measure_process(const char *what)
{
    optly_processor *processor;

    if (strcmp(what, "none") == 0)
        return anonymous_memory();
    processor = make_processor(strcmp(what, "http") == 0);
    if (optly_processor_start(processor) != OPTLY_OK)
        fail("no worker");
    await_idle();
    return anonymous_memory(); /* with everything still there */
}

static atomic_long allocated;

/* Counts what the library has; in front of each piece stands its size. */
static void *allocate(size_t size, void *user)
{
    max_align_t *memory = malloc(sizeof(*memory) + size);

    (void)user;
    if (memory == NULL)
        return NULL;
    memcpy(memory, &size, sizeof(size));
    atomic_fetch_add(&allocated, (long)size);
    return memory + 1;
}

static void release(void *memory, void *user)
{
    max_align_t *start = (max_align_t *)memory - 1;
    size_t size;

    (void)user;
    memcpy(&size, start, sizeof(size));
    atomic_fetch_sub(&allocated, (long)size);
    free(start);
}

static long measure_spare(void)
{
    optly_project *project = make_project();
    optly_processor *processor = make_processor(false);
    long before = atomic_load(&allocated);

    if (optly_processor_start(processor) != OPTLY_OK)
        fail("no worker");
    for (int i = 0; i < EVENTS; i++)
        (void)optly_process_event(processor, make_event(project, i));
    if (optly_processor_flush(processor, LONGEST_MS) != OPTLY_OK)
        fail("not delivered");
    await_idle();
    return atomic_load(&allocated) - before;
}

/* The bytes of the event's texts. */
static size_t text_size(const optly_user_event *event)
{
    return optly_user_event_json_len(event) +
           strlen(optly_user_event_uuid(event)) +
           strlen(optly_user_event_visitor_id(event)) +
           strlen(optly_user_event_key(event)) +
           strlen(optly_user_event_entity_id(event));
}

/* From the empty queue to the full one, or as the events say themselves. */
static long measure_events(bool as_counted)
{
    optly_project *project = make_project();
    long before = atomic_load(&allocated), texts = 0, counted = 0;
    optly_queue queue;

    if (optly_ring_queue_create(&queue, EVENTS) != OPTLY_OK)
        fail("no queue");
    for (int i = 0; i < EVENTS; i++) {
        optly_user_event *event = make_event(project, i);

        texts += (long)text_size(event);
        counted += (long)optly_user_event_size(event);
        if (optly_queue_add(&queue, event) != OPTLY_OK)
            fail("the queue is full");
    }
    if (!as_counted)
        counted = atomic_load(&allocated) - before;
    return (counted - texts + EVENTS - 1) / EVENTS;
}

int main(int argc, char **argv)
{
    const optly_allocator counting = {allocate, release, NULL};
    const char *what = argc > 1 ? argv[1] : "nothing";
    long bytes;

    if (strcmp(what, "spare") == 0 || strcmp(what, "event") == 0)
        optly_set_allocator(&counting);
    if (strcmp(what, "spare") == 0)
        bytes = measure_spare();
    else if (strcmp(what, "event") == 0 || strcmp(what, "counts") == 0)
        bytes = measure_events(strcmp(what, "counts") == 0);
    else
        bytes = measure_process(what);
    printf("%ld\n", bytes);
    return 0;
}
