/* Four threads make impressions and conversions, which leave in batches. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <optly/event.h>

static const char usage[] =
    "usage: quickstart DATAFILE ENDPOINT [EVENTS] [--uuids FILE]\n";

enum { THREADS = 4, TIMEOUT_MS = 30000 };

static optly_project *project;
static optly_processor *processor;
static int event_count = 10000; /* two for each visitor */
static FILE *uuids; /* NULL, or gets a line for each accepted event */

/* NULL on an error, and when no impression is due. */
static optly_user_event *make_impression(const optly_user *user)
{
    optly_impression saw = optly_impression_default();
    optly_user_event *event;

    saw.experiment = optly_project_experiment(project, "checkout_test");
    saw.variation = optly_project_variation(project, "checkout_test", "short");
    saw.flag_key = "checkout";
    saw.rule_key = "checkout_test";
    saw.rule_type = "feature-test";
    saw.enabled = true;
    optly_create_impression(&event, project, user, &saw, NULL);
    return event;
}

static optly_user_event *make_conversion(const optly_user *user)
{
    const optly_pair tags[] = {optly_int("revenue", 4999), /* in cents */
                               optly_string("category", "shoes")};
    optly_conversion bought = optly_conversion_default();
    optly_user_event *event;

    bought.event_key = "purchase";
    bought.tags = tags;
    bought.tag_count = 2;
    optly_create_conversion(&event, project, user, &bought, NULL);
    return event;
}

static void hand_over(optly_user_event *event)
{
    char uuid[40];

    if (event == NULL)
        return;
    snprintf(uuid, sizeof(uuid), "%s", optly_user_event_uuid(event));
    if (optly_process_event(processor, event) == OPTLY_OK && uuids != NULL)
        fprintf(uuids, "%s\n", uuid); /* `event` is not ours any more */
}

static void *run_visitors(void *first)
{
    char id[32];
    const optly_pair attributes[] = {optly_string("device", "phone"),
                                     optly_int("age", 42)};
    const optly_user user = {id, attributes, 2};

    for (int n = *(int *)first; n < event_count / 2; n += THREADS) {
        snprintf(id, sizeof(id), "visitor-%d", n);
        hand_over(make_impression(&user));
        hand_over(make_conversion(&user));
    }
    return NULL;
}

/* Both callbacks run on the processor's own thread, one at a time. */
static void on_dispatch(const optly_log_event *batch, void *largest)
{
    if (batch->body_len > *(size_t *)largest)
        *(size_t *)largest = batch->body_len;
}

static void on_delivery(const optly_delivery_report *report, void *user)
{
    (void)user;
    if (report->reason != OPTLY_DROP_NONE)
        fprintf(stderr, "%u events were dropped\n", report->event_count);
}

static optly_status start(const char *datafile, const char *endpoint,
                          size_t *largest, optly_error *error)
{
    static char json[1024 * 1024];
    optly_processor_config config = optly_processor_config_default();
    FILE *file = fopen(datafile, "rb");
    size_t len = file != NULL ? fread(json, 1, sizeof(json), file) : 0;

    if (file != NULL)
        fclose(file);
    config.endpoint = endpoint;
    config.batch_size = 100;
    config.overflow = OPTLY_OVERFLOW_BLOCK; /* wait for room in the queue */
    config.overflow_block_ms = TIMEOUT_MS;
    if (optly_project_from_datafile(&project, json, len, error) != OPTLY_OK ||
        optly_processor_create(&processor, &config, error) != OPTLY_OK)
        return error->status;
    optly_processor_on_event_dispatch(processor, on_dispatch, largest, NULL);
    optly_processor_on_delivery(processor, on_delivery, NULL, NULL);
    return optly_processor_start(processor);
}

static double run_threads(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    struct timespec start, end;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, run_visitors, &numbers[i]) != 0)
            abort();
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    optly_processor_flush(processor, TIMEOUT_MS); /* close would do it, too */
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - start.tv_sec) +
           (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

int main(int argc, char **argv)
{
    optly_error error = {OPTLY_OK, "no thread could be started"};
    optly_close_report report = optly_close_report_default();
    optly_stats stats = optly_stats_default();
    size_t largest = 0;
    double seconds;

    if (argc > 4 && strcmp(argv[argc - 2], "--uuids") == 0) {
        uuids = fopen(argv[argc - 1], "w");
        argc -= 2;
    }
    if (argc > 3)
        event_count = (int)strtol(argv[3], NULL, 10);
    if (argc < 3) {
        fputs(usage, stderr);
        return 2;
    }
    if (start(argv[1], argv[2], &largest, &error) != OPTLY_OK) {
        fprintf(stderr, "quickstart: %s\n", error.message);
        return EXIT_FAILURE;
    }

    seconds = run_threads();
    optly_processor_close(processor, TIMEOUT_MS, &report);
    optly_processor_stats(processor, &stats);
    printf("closed: %" PRIu64 " delivered, %" PRIu64 " dropped\n",
           report.delivered, report.dropped);
    printf("accepted %" PRIu64 ", %" PRIu64 " requests, %" PRIu64 " bytes\n",
           stats.accepted, stats.requests, stats.payload_bytes);
    printf("largest batch %zu bytes, %.0f events per second\n", largest,
           (double)report.delivered / seconds);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    if (uuids != NULL)
        fclose(uuids);
    return report.delivered == stats.attempted ? EXIT_SUCCESS : EXIT_FAILURE;
}
