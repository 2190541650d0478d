/*
 * A host that links librdkafka's static library, which brings a cJSON of its
 * own under the same global names: both read their JSON all the same.
 *
 *   rdkafka DATAFILE
 */
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <optly/event.h>

static char text[1 << 16];

static size_t read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    size_t size = file != NULL ? fread(text, 1, sizeof(text), file) : 0;

    if (file != NULL)
        (void)fclose(file);
    return size;
}

int main(int argc, char **argv)
{
    optly_user user = {"visitor", NULL, 0};
    optly_conversion conversion = optly_conversion_default();
    optly_project *project;
    optly_user_event *event;
    optly_error err = {OPTLY_OK, ""};
    char why[256] = "";
    rd_kafka_t *kafka;

    if (argc != 2)
        return 2;
    kafka =
        rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
    conversion.event_key = "purchase";
    if (kafka == NULL ||
        optly_project_from_datafile(&project, text, read_file(argv[1]), &err) !=
            OPTLY_OK ||
        optly_create_conversion(&event, project, &user, &conversion, &err) !=
            OPTLY_OK) {
        (void)fprintf(stderr, "rdkafka: %s%s\n", why, err.message);
        return 1;
    }
    (void)printf("project %s, with librdkafka %s\n", optly_project_id(project),
                 rd_kafka_version_str());
    optly_user_event_destroy(event);
    optly_project_destroy(project);
    rd_kafka_destroy(kafka);
    return 0;
}
