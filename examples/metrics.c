/* Counters for Prometheus over the host's own HTTP: serves /metrics on a free
 * port of the loopback interface until its standard input ends. */
#include <arpa/inet.h>
#include <stdio.h>
#include <microhttpd.h>
#include <optly/event.h>

static optly_processor *processor;

static struct MHD_Response *render(void)
{
    static const optly_label labels[] = {{"processor", "checkout"},
                                         {NULL, NULL}};
    optly_stats stats = optly_stats_default();
    char text[8192];

    optly_processor_stats(processor, &stats);
    if (optly_stats_prometheus(text, sizeof(text), &stats, labels) < 0)
        fputs(text, stderr); /* says which label; harmless as a page */
    return MHD_create_response_from_buffer(strlen(text), text,
                                           MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result answer(void *user, struct MHD_Connection *connection,
                              const char *url, const char *method,
                              const char *version, const char *body,
                              size_t *body_size, void **request)
{
    struct MHD_Response *page = strcmp(url, "/metrics") ? NULL : render();
    enum MHD_Result queued;

    (void)user, (void)method, (void)version;
    (void)body, (void)body_size, (void)request;
    if (page == NULL)
        return MHD_NO;
    MHD_add_response_header(page, "Content-Type", "text/plain; version=0.0.4");
    queued = MHD_queue_response(connection, MHD_HTTP_OK, page);
    MHD_destroy_response(page);
    return queued;
}

/* In the place of a service: refuses the visitors called "robot". */
static optly_outcome deliver(const optly_log_event *batch,
                             optly_dispatch_result *result, void *user)
{
    (void)result;
    (void)user;
    return strstr(batch->body, "robot") ? OPTLY_REFUSED : OPTLY_DELIVERED;
}

static void send_some(const optly_project *project)
{
    static const optly_user users[] = {{.id = "ann"}, {.id = "robot"}};
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event;

    conversion.event_key = "play";
    for (int i = 0; i < 10; i++) {
        optly_create_conversion(&event, project, &users[i == 0], &conversion,
                                NULL);
        optly_process_event(processor, event);
    }
    optly_processor_flush(processor, 10000);
}

int main(void)
{
    static const optly_event_definition play = {"9001", "play"};
    optly_processor_config config = optly_processor_config_default();
    optly_project_config settings = optly_project_config_default();
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct MHD_Daemon *server;
    optly_project *project;

    settings.project_id = settings.account_id = settings.revision = "1";
    settings.events = &play;
    settings.event_count = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    optly_function_dispatcher_create(&config.dispatcher, deliver, NULL, NULL);
    server =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer,
                         NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    if (!server || optly_project_create(&project, &settings, NULL) ||
        optly_processor_create(&processor, &config, NULL))
        return 1;
    optly_processor_start(processor);
    send_some(project);
    printf("http://127.0.0.1:%d/metrics\n",
           MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    MHD_stop_daemon(server);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return 0;
}
