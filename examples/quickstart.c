/* Four threads tell what visitors saw and bought; it leaves in batches. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <optly/event.h>

enum { THREADS = 4, TIMEOUT_MS = 30000 };

static optly_project *project;
static optly_processor *processor;
static long event_count; /* two for each visitor */

static void *run_visitors(void *first)
{
    char id[32];
    const optly_pair attributes[] = {optly_string("device", "phone")};
    const optly_pair tags[] = {optly_int("revenue", 4999)}; /* in cents */
    const optly_user user = {id, attributes, 1};
    optly_impression saw = optly_impression_default();
    optly_conversion bought = optly_conversion_default();
    optly_user_event *event;

    saw.experiment = optly_project_experiment(project, "checkout_test");
    saw.variation = optly_project_variation(project, "checkout_test", "short");
    saw.rule_key = "checkout_test";
    saw.rule_type = "experiment";
    bought.event_key = "purchase";
    bought.tags = tags;
    bought.tag_count = 1;
    for (long n = (intptr_t)first; n < event_count / 2; n += THREADS) {
        snprintf(id, sizeof(id), "visitor-%ld", n);
        optly_create_impression(&event, project, &user, &saw, NULL);
        optly_process_event(processor, event); /* NULL is refused, counted */
        optly_create_conversion(&event, project, &user, &bought, NULL);
        optly_process_event(processor, event);
    }
    return NULL;
}

/* Callbacks run on the processor's own thread, one at a time. */
static void on_dispatch(const optly_log_event *batch, void *bytes)
{
    *(size_t *)bytes += batch->body_len;
}

static void on_delivery(const optly_delivery_report *report, void *uuids)
{
    for (uint32_t i = 0; i < report->event_count; i++)
        fprintf(uuids, "%s\n", optly_user_event_uuid(report->events[i]));
}

int main(int argc, char **argv)
{
    static char json[1024 * 1024];
    optly_processor_config config = optly_processor_config_default();
    optly_close_report report = optly_close_report_default();
    optly_stats stats = optly_stats_default();
    optly_error error = {0, "use: quickstart URL EVENTS [--uuids FILE] <JSON"};
    size_t bytes = 0, len = fread(json, 1, sizeof(json), stdin);
    FILE *uuids = fopen(argc > 4 ? argv[4] : "/dev/null", "w");
    pthread_t threads[THREADS];
    struct timespec start, end;

    config.endpoint = argv[1];
    config.batch_size = 100;
    config.overflow = OPTLY_OVERFLOW_BLOCK; /* wait for room in the queue */
    config.overflow_block_ms = TIMEOUT_MS;
    if (argc < 3 || optly_project_from_datafile(&project, json, len, &error) ||
        !uuids || optly_processor_create(&processor, &config, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 2;
    }
    event_count = strtol(argv[2], NULL, 10);
    optly_processor_on_event_dispatch(processor, on_dispatch, &bytes, NULL);
    optly_processor_on_delivery(processor, on_delivery, uuids, NULL);
    optly_processor_start(processor);

    timespec_get(&start, TIME_UTC);
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run_visitors, (void *)i) != 0)
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    optly_processor_flush(processor, TIMEOUT_MS); /* close would do it, too */
    timespec_get(&end, TIME_UTC);
    double seconds = difftime(end.tv_sec, start.tv_sec) +
                     (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    optly_processor_close(processor, TIMEOUT_MS, &report);
    optly_processor_stats(processor, &stats);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    printf("accepted %" PRIu64 ", delivered %" PRIu64 ", dropped %" PRIu64 "\n",
           stats.accepted, report.delivered, report.dropped);
    printf("%" PRIu64 " requests, %zu bytes, %.0f events per second\n",
           stats.requests, bytes, (double)report.delivered / seconds);
    return fclose(uuids) || report.delivered != (uint64_t)event_count;
}
