#include "bench.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

static struct {
    const optly_experiment *experiment;
    const optly_variation *variation;
    char visitors[BENCH_VISITORS][40];
} shared;

_Noreturn void bench_die(const char *what)
{
    (void)fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

double bench_seconds(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double bench_cpu(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

long bench_number(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text)
        bench_die("a number is missing");
    return number;
}

void bench_print(const char *name, double value)
{
    (void)printf("%s %.10g\n", name, value);
}

static void *park(void *arg)
{
    for (;;)
        (void)pause();
    return arg;
}

void bench_park_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, park, NULL) != 0)
        bench_die("cannot start a thread");
}

double bench_resident(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%ld %ld", &pages, &resident) != 2)
        bench_die("cannot read /proc/self/statm");
    (void)fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

void bench_make_visitors(void)
{
    for (int i = 0; i < BENCH_VISITORS; i++)
        (void)snprintf(shared.visitors[i], sizeof(shared.visitors[i]),
                       "5f0c3a8e-77aa-4a52-9c1d-%012d", i);
}

const char *bench_visitor(long i)
{
    return shared.visitors[(i / 2) % BENCH_VISITORS];
}

static char *read_datafile(size_t *len)
{
    static char text[65536];
    FILE *file = fopen(BENCH_DATAFILE, "r");

    if (file == NULL)
        bench_die("cannot open " BENCH_DATAFILE);
    *len = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    return text;
}

optly_project *bench_project(void)
{
    optly_project *project;
    optly_error err = {0};
    size_t len;
    char *text = read_datafile(&len);

    bench_make_visitors();
    if (optly_project_from_datafile(&project, text, len, &err) != OPTLY_OK)
        bench_die(err.message);
    shared.experiment =
        optly_project_experiment(project, "checkout_button_colour");
    shared.variation =
        optly_project_variation(project, "checkout_button_colour", "control");
    return project;
}

static const optly_pair attributes[] = {
    {"device", {OPTLY_STRING, {.text = "iphone"}}},
    {"plan", {OPTLY_STRING, {.text = "premium-annual"}}},
    {"age", {OPTLY_INT64, {.integer = 42}}},
    {"score", {OPTLY_DOUBLE, {.number = 3.25}}},
    {"beta", {OPTLY_BOOL, {.boolean = true}}},
};
static const optly_pair tags[] = {
    {"revenue", {OPTLY_INT64, {.integer = 4200}}},
    {"value", {OPTLY_DOUBLE, {.number = 13.37}}},
    {"category", {OPTLY_STRING, {.text = "shoes"}}},
    {"sku", {OPTLY_STRING, {.text = "A-1234"}}},
    {"qty", {OPTLY_INT64, {.integer = 2}}},
};

optly_user_event *bench_impression(const optly_project *project, long i)
{
    const optly_user user = {bench_visitor(i), attributes, 5};
    optly_impression seen = optly_impression_default();
    optly_user_event *event;

    seen.experiment = shared.experiment;
    seen.variation = shared.variation;
    seen.flag_key = "checkout_button";
    seen.rule_key = "checkout_button_colour";
    seen.rule_type = "feature-test";
    seen.enabled = true;
    if (optly_create_impression(&event, project, &user, &seen, NULL) !=
        OPTLY_OK)
        bench_die("cannot make an impression");
    return event;
}

optly_user_event *bench_conversion(const optly_project *project, long i)
{
    const optly_user user = {bench_visitor(i), attributes, 5};
    optly_conversion done = optly_conversion_default();
    optly_user_event *event;

    done.event_key = "purchase";
    done.tags = tags;
    done.tag_count = 5;
    if (optly_create_conversion(&event, project, &user, &done, NULL) !=
        OPTLY_OK)
        bench_die("cannot make a conversion");
    return event;
}

optly_user_event *bench_event(const optly_project *project, long i)
{
    return i % 2 == 0 ? bench_impression(project, i)
                      : bench_conversion(project, i);
}

static optly_outcome take(const optly_log_event *event,
                          optly_dispatch_result *result, void *user)
{
    (void)event;
    (void)result;
    (void)user;
    return OPTLY_DELIVERED;
}

optly_dispatcher bench_null_dispatcher(void)
{
    optly_dispatcher dispatcher;

    if (optly_function_dispatcher_create(&dispatcher, take, NULL, NULL) !=
        OPTLY_OK)
        bench_die("cannot make a dispatcher");
    return dispatcher;
}

optly_processor *bench_processor(const optly_processor_config *config)
{
    optly_processor *processor;
    optly_error err = {0};

    if (optly_processor_create(&processor, config, &err) != OPTLY_OK)
        bench_die(err.message);
    if (optly_processor_start(processor) != OPTLY_OK)
        bench_die("cannot start the processor");
    return processor;
}
