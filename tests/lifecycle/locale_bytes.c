/*
 * locale_bytes LOCALE: prints all that the library makes of numbers and text,
 * in a process whose locale is LOCALE; check_locales compares. Exit status 3:
 * there is no such locale.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optly/event.h>

static const char datafile[] =
    "{\"version\":\"4\",\"accountId\":\"1\",\"projectId\":\"2\","
    "\"revision\":\"3\",\"x\":[1.5,-2.25e3,1e-7,0.1],\"region\":\"EU\","
    "\"attributes\":[{\"id\":\"10\",\"key\":\"I\"},"
    "{\"id\":\"11\",\"key\":\"i\"},{\"id\":\"12\",\"key\":\"d\"},"
    "{\"id\":\"13\",\"key\":\"\xc4\xb0\"},{\"id\":\"14\",\"key\":\"n\"}],"
    "\"events\":[{\"id\":\"20\",\"key\":\"purchase\",\"experimentIds\":[]}],"
    "\"experiments\":[]}";

static void require(bool truth, const char *what)
{
    if (truth)
        return;
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

static void print_conversion(const optly_project *project, double number)
{
    const optly_pair attributes[] = {
        optly_string("I", "I"), optly_string("i", "\xc4\xb1"),
        optly_double("d", number), optly_string("\xc4\xb0", "\xff\xfe"),
        optly_int("n", 9007199254740991)};
    const optly_pair tags[] = {optly_int("revenue", -1234567),
                               optly_double("value", number),
                               optly_json("j", "{\"k\":[1.50,1E5,-0.25]}")};
    const optly_user user = {"v\xc3\xbc", attributes, 5};
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event = NULL;

    conversion.event_key = "purchase";
    conversion.tags = tags;
    conversion.tag_count = 3;
    conversion.uuid = "01234567-89AB-CDEF-0123-456789abcdef";
    conversion.timestamp_ms = 1234567890123;
    require(optly_create_conversion(&event, project, &user, &conversion,
                                    NULL) == OPTLY_OK,
            "no conversion");
    (void)printf("%s\n", optly_user_event_json(event));
    optly_user_event_destroy(event);
}

static optly_outcome print_body(const optly_log_event *event,
                                optly_dispatch_result *result, void *user)
{
    (void)result;
    (void)user;
    (void)printf("%s %s\n", event->endpoint,
                 strstr(event->body, "\"account_id\"") != NULL ? event->body
                                                               : "");
    return OPTLY_DELIVERED;
}

/* The envelope; with impressions, as their text is the library's own. */
static void print_batch(const optly_project *project)
{
    optly_processor_config config = optly_processor_config_default();
    optly_impression impression = optly_impression_default();
    const optly_user user = {"v", NULL, 0};
    optly_processor *processor = NULL;
    optly_user_event *event = NULL;

    impression.uuid = "01234567-89AB-CDEF-0123-456789abcdef";
    impression.timestamp_ms = 1234567890123;
    require(optly_function_dispatcher_create(&config.dispatcher, print_body,
                                             NULL, NULL) == OPTLY_OK &&
                optly_processor_create(&processor, &config, NULL) == OPTLY_OK,
            "no processor");
    if (optly_create_impression(&event, project, &user, &impression, NULL) ==
        OPTLY_OK)
        require(optly_process_event(processor, event) == OPTLY_OK,
                "not accepted");
    (void)optly_processor_close(processor, 10000, NULL);
    optly_processor_destroy(processor);
}

/* Letters that a Turkish locale maps otherwise. */
static void print_names(void)
{
    static const char *const regions[] = {"us", "US", "eu", "EU", "Eu", "fi"};
    static const char *const endpoints[] = {"HTTPS://LOGX.EXAMPLE/I",
                                            "https://logx.example/\xc4\xb1",
                                            "HtTp://LOCALHOST:1/i"};

    for (size_t i = 0; i < sizeof(regions) / sizeof(*regions); i++) {
        const char *endpoint = optly_region_endpoint(regions[i]);

        (void)printf("%s\n", endpoint != NULL ? endpoint : "none");
    }
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
        optly_processor_config config = optly_processor_config_default();
        optly_error err = {OPTLY_OK, ""};
        optly_processor *processor = NULL;

        config.endpoint = endpoints[i];
        (void)printf("%d ",
                     (int)optly_processor_create(&processor, &config, &err));
        (void)printf("%s\n", err.message);
        optly_processor_destroy(processor);
    }
}

/* Header names that are refused in any spelling. */
static void print_headers(void)
{
    static const char *const headers[] = {"CONTENT-LENGTH: 1",
                                          "content-encoding: x",
                                          "HOST: i",
                                          "X-I: i",
                                          "Proxy-AuthorIzatIon: x",
                                          "TrAiLeR: I",
                                          "transfer-encodIng: chunked"};

    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        optly_http_config config = optly_http_config_default();
        optly_dispatcher dispatcher = {NULL, NULL};
        optly_error err = {OPTLY_OK, ""};

        config.headers = &headers[i];
        config.header_count = 1;
        (void)printf("%d ", (int)optly_http_dispatcher_create(&dispatcher,
                                                              &config, &err));
        (void)printf("%s\n", err.message);
        optly_dispatcher_destroy(&dispatcher);
    }
}

int main(int argc, char **argv)
{
    static const double numbers[] = {0.1,     1.5,          -2.25, 1e21,
                                     1e-7,    1234.5,       1e300, 5e-324,
                                     1.0 / 3, 123456789.125};
    optly_project *project = NULL;
    optly_error err;

    if (argc != 2 || setlocale(LC_ALL, argv[1]) == NULL)
        return 3;
    require(optly_project_from_datafile(&project, datafile, strlen(datafile),
                                        &err) == OPTLY_OK,
            "no project");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        print_conversion(project, numbers[i]);
    print_batch(project);
    print_names();
    print_headers();
    optly_project_destroy(project);
    return 0;
}
