/*
 * Runs conformance cases through the public interface.
 *
 * Reads JSON lines: {"client": [name, version]} first, {"datafile": name,
 * "text": ...} before its use, then {"case": ...} and {"lookup": name, ...}.
 * Answers each of the last two with one line. README.md beside this file
 * describes them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/case.h"

enum { CLOSE_MS = 10000, RETRY_MS = 1 };

struct datafile {
    char *name, *text;
    optly_project *project; /* NULL until it is used, or refused */
    optly_status status;
    optly_error err;
    struct datafile *next;
};

struct runner {
    char *client_name, *client_version;
    struct datafile *datafiles;
};

/* What the processor does with one case, as it goes into the answer. */
struct record {
    const cJSON *answers;
    int answered;
    cJSON *attempts, *callbacks, *reports;
};

static char *copy_text(const char *text)
{
    size_t size;
    char *copy;

    if (text == NULL)
        case_broken("a text is missing", NULL);
    size = strlen(text) + 1;
    copy = malloc(size);
    if (copy == NULL)
        case_broken("no memory", NULL);
    memcpy(copy, text, size);
    return copy;
}

static void add_datafile(struct runner *runner, const cJSON *line)
{
    struct datafile *added = calloc(1, sizeof(*added));

    if (added == NULL)
        case_broken("no memory", NULL);
    added->name = copy_text(case_text(line, "datafile"));
    added->text = copy_text(case_text(line, "text"));
    added->next = runner->datafiles;
    runner->datafiles = added;
}

static struct datafile *find_datafile(const struct runner *runner,
                                      const char *name)
{
    struct datafile *found = runner->datafiles;

    while (found != NULL && (name == NULL || strcmp(found->name, name) != 0))
        found = found->next;
    if (found == NULL)
        case_broken(name != NULL ? name : "in", NULL);
    if (found->project == NULL && found->status == OPTLY_OK) {
        found->status = optly_project_from_datafile(
            &found->project, found->text, strlen(found->text), &found->err);
        if (found->status == OPTLY_OK)
            (void)optly_project_set_client(found->project, runner->client_name,
                                           runner->client_version);
    }
    return found;
}

static cJSON *uuids_of(const optly_user_event *const *events, uint32_t count)
{
    cJSON *uuids = cJSON_CreateArray();

    for (uint32_t i = 0; i < count; i++)
        cJSON_AddItemToArray(
            uuids, cJSON_CreateString(optly_user_event_uuid(events[i])));
    return uuids;
}

static void on_dispatch(const optly_log_event *event, void *user)
{
    struct record *record = user;

    cJSON_AddItemToArray(record->callbacks,
                         uuids_of(event->events, event->event_count));
}

static void on_delivery(const optly_delivery_report *report, void *user)
{
    struct record *record = user;
    cJSON *item = cJSON_CreateObject();

    cJSON_AddNumberToObject(item, "reason", report->reason);
    cJSON_AddNumberToObject(item, "attempts", report->attempts);
    cJSON_AddItemToObject(item, "uuids",
                          uuids_of(report->events, report->event_count));
    cJSON_AddItemToArray(record->reports, item);
}

static optly_outcome dispatch(const optly_log_event *event,
                              optly_dispatch_result *result, void *user)
{
    struct record *record = user;
    const char *answer = cJSON_GetStringValue(
        cJSON_GetArrayItem(record->answers, record->answered++));
    cJSON *attempt = cJSON_CreateObject();

    cJSON_AddStringToObject(attempt, "endpoint", event->endpoint);
    cJSON_AddStringToObject(attempt, "body", event->body);
    cJSON_AddNumberToObject(attempt, "attempt", event->attempt);
    cJSON_AddItemToArray(record->attempts, attempt);
    if (strlen(event->body) != event->body_len)
        case_broken("body_len is wrong", attempt);
    if (answer == NULL || strcmp(answer, "ok") == 0)
        return OPTLY_DELIVERED;
    if (strcmp(answer, "refuse") == 0) {
        result->http_status = 400;
        return OPTLY_REFUSED;
    }
    return OPTLY_RETRY;
}

static optly_processor *create_processor(struct record *record,
                                         const cJSON *line)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor = NULL;
    optly_error err;

    config.batch_size = (uint32_t)case_number(line, "batch", 0);
    config.queue_size = (uint32_t)case_number(line, "queue", 0);
    config.endpoint = case_text(line, "endpoint");
    config.max_in_flight = 1;
    config.retry_initial_ms = RETRY_MS;
    config.retry_max_ms = RETRY_MS;
    if (optly_function_dispatcher_create(&config.dispatcher, dispatch, record,
                                         NULL) != OPTLY_OK ||
        optly_processor_create(&processor, &config, &err) != OPTLY_OK)
        case_broken("no processor", line);
    (void)optly_processor_on_event_dispatch(processor, on_dispatch, record,
                                            NULL);
    (void)optly_processor_on_delivery(processor, on_delivery, record, NULL);
    return processor;
}

static optly_status run_step(const struct runner *runner,
                             optly_processor *processor, const cJSON *step)
{
    struct datafile *datafile;
    optly_user_event *event = NULL;
    optly_status status;

    if (case_field(step, "flush") != NULL)
        return optly_processor_flush(processor, CLOSE_MS);
    datafile = find_datafile(runner, case_text(step, "in"));
    if (datafile->status != OPTLY_OK)
        case_broken(datafile->err.message, step);
    status = case_build(&event, datafile->project, step);
    return status == OPTLY_OK ? optly_process_event(processor, event) : status;
}

/* No worker: every callback runs below, on this thread. */
static cJSON *run_case(const struct runner *runner, const cJSON *line)
{
    struct record record = {case_field(line, "answers"), 0, cJSON_CreateArray(),
                            cJSON_CreateArray(), cJSON_CreateArray()};
    optly_processor *processor = create_processor(&record, line);
    cJSON *answer = cJSON_CreateObject(), *statuses = cJSON_CreateArray();
    const cJSON *step;

    cJSON_ArrayForEach(step, case_field(line, "steps")) cJSON_AddItemToArray(
        statuses, cJSON_CreateNumber(run_step(runner, processor, step)));
    cJSON_AddNumberToObject(answer, "closed",
                            optly_processor_close(processor, CLOSE_MS, NULL));
    optly_processor_destroy(processor);
    cJSON_AddItemToObject(answer, "steps", statuses);
    cJSON_AddItemToObject(answer, "attempts", record.attempts);
    cJSON_AddItemToObject(answer, "callbacks", record.callbacks);
    cJSON_AddItemToObject(answer, "reports", record.reports);
    return answer;
}

static void add_text(cJSON *list, const char *text)
{
    cJSON_AddItemToArray(list, text != NULL ? cJSON_CreateString(text)
                                            : cJSON_CreateNull());
}

static void add_flags(cJSON *answer, const optly_project *project)
{
    cJSON_AddBoolToObject(answer, "anonymizeIP",
                          optly_project_anonymize_ip(project));
    cJSON_AddBoolToObject(answer, "botFiltering",
                          optly_project_bot_filtering(project));
    cJSON_AddBoolToObject(answer, "sendFlagDecisions",
                          optly_project_send_flag_decisions(project));
}

static void add_fields(cJSON *answer, const optly_project *project)
{
    static const struct {
        const char *name;
        const char *(*get)(const optly_project *project);
    } fields[] = {
        {"projectId", optly_project_id},
        {"accountId", optly_project_account_id},
        {"revision", optly_project_revision},
        {"region", optly_project_region},
        {"sdkKey", optly_project_sdk_key},
        {"environmentKey", optly_project_environment_key},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        cJSON_AddStringToObject(answer, fields[i].name, fields[i].get(project));
    add_flags(answer, project);
}

/* Three lists, in the order of the keys asked for. */
static void add_definitions(cJSON *answer, const optly_project *project,
                            const cJSON *line)
{
    cJSON *attributes = cJSON_AddArrayToObject(answer, "attributes");
    cJSON *events = cJSON_AddArrayToObject(answer, "events");
    cJSON *experiments = cJSON_AddArrayToObject(answer, "experiments");
    const cJSON *key;

    cJSON_ArrayForEach(key, case_field(line, "attributes")) add_text(
        attributes, optly_project_attribute_id(project, key->valuestring));
    cJSON_ArrayForEach(key, case_field(line, "events"))
    {
        const optly_event_definition *event =
            optly_project_event(project, key->valuestring);

        add_text(events, event != NULL ? event->id : NULL);
    }
    cJSON_ArrayForEach(key, case_field(line, "experiments"))
    {
        const optly_experiment *experiment =
            optly_project_experiment(project, key->valuestring);
        cJSON *item = cJSON_CreateArray();

        add_text(item, experiment != NULL ? experiment->id : NULL);
        add_text(item, experiment != NULL ? experiment->layer_id : NULL);
        cJSON_AddItemToArray(experiments, item);
    }
}

/* Pairs of an experiment's key and a variation's. */
static void add_variations(cJSON *answer, const optly_project *project,
                           const cJSON *line)
{
    cJSON *variations = cJSON_AddArrayToObject(answer, "variations");
    const cJSON *pair;

    cJSON_ArrayForEach(pair, case_field(line, "variations"))
    {
        const optly_variation *variation = optly_project_variation(
            project, cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0)),
            cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1)));

        add_text(variations, variation != NULL ? variation->id : NULL);
    }
}

static cJSON *look_up(const struct runner *runner, const cJSON *line)
{
    const struct datafile *datafile =
        find_datafile(runner, case_text(line, "lookup"));
    cJSON *answer = cJSON_CreateObject();

    cJSON_AddNumberToObject(answer, "status", datafile->status);
    if (datafile->status != OPTLY_OK) {
        cJSON_AddStringToObject(answer, "message", datafile->err.message);
        return answer;
    }
    add_fields(answer, datafile->project);
    add_definitions(answer, datafile->project, line);
    add_variations(answer, datafile->project, line);
    return answer;
}

static void print_and_delete(cJSON *answer)
{
    char *text = cJSON_PrintUnformatted(answer);

    if (text == NULL || puts(text) == EOF)
        case_broken("cannot answer", answer);
    cJSON_free(text);
    cJSON_Delete(answer);
}

static void run_line(struct runner *runner, const char *text)
{
    cJSON *line = cJSON_Parse(text);
    const cJSON *client;

    if (line == NULL)
        case_broken(text, NULL);
    client = case_field(line, "client");
    if (client != NULL) {
        runner->client_name =
            copy_text(cJSON_GetStringValue(cJSON_GetArrayItem(client, 0)));
        runner->client_version =
            copy_text(cJSON_GetStringValue(cJSON_GetArrayItem(client, 1)));
    } else if (case_field(line, "datafile") != NULL) {
        add_datafile(runner, line);
    } else if (case_field(line, "lookup") != NULL) {
        print_and_delete(look_up(runner, line));
    } else {
        print_and_delete(run_case(runner, line));
    }
    cJSON_Delete(line);
}

static void cleanup(struct runner *runner)
{
    while (runner->datafiles != NULL) {
        struct datafile *next = runner->datafiles->next;

        optly_project_destroy(runner->datafiles->project);
        free(runner->datafiles->name);
        free(runner->datafiles->text);
        free(runner->datafiles);
        runner->datafiles = next;
    }
    free(runner->client_name);
    free(runner->client_version);
}

int main(void)
{
    struct runner runner = {NULL, NULL, NULL};
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0)
        run_line(&runner, line);
    free(line);
    cleanup(&runner);
    return ferror(stdin) != 0 || fflush(stdout) != 0;
}
