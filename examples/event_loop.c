/* Runs the processor in the host's own loop, without a thread of its own. This
 * loop is poll() on an eventfd, which is Linux; libuv's uv_async_t and
 * uv_timer_t, or a pipe and select(), do the same elsewhere. */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <optly/event.h>

enum { EVENTS = 200 };

static optly_processor *processor;
static optly_project *project;

/* Any thread may run this, so it only signals the loop. */
static void wake_loop(void *user)
{
    const uint64_t one = 1;

    if (write(*(int *)user, &one, sizeof(one)) != sizeof(one))
        perror("event_loop: write");
}

static optly_outcome deliver(const optly_log_event *batch,
                             optly_dispatch_result *result, void *user)
{
    (void)result;
    *(uint32_t *)user += batch->event_count;
    return OPTLY_DELIVERED;
}

static void *produce(void *unused)
{
    const optly_user user = {"visitor-1", NULL, 0};
    optly_conversion play = optly_conversion_default();
    optly_user_event *event;

    play.event_key = "play";
    for (int i = 0; i < EVENTS; i++) {
        optly_create_conversion(&event, project, &user, &play, NULL);
        optly_process_event(processor, event);
    }
    return unused;
}

static optly_status set_up(int *wake_fd, uint32_t *delivered)
{
    static const optly_event_definition events[] = {{"9001", "play"}};
    optly_project_config project_config = optly_project_config_default();
    optly_processor_config config = optly_processor_config_default();

    project_config.project_id = "project-1";
    project_config.account_id = "account-1";
    project_config.revision = "7";
    project_config.events = events;
    project_config.event_count = 1;
    config.batch_size = 30; /* the last 20 events wait for their deadline */
    config.flush_interval_ms = 50;
    config.on_wake = wake_loop;
    config.wake_user = wake_fd;
    optly_function_dispatcher_create(&config.dispatcher, deliver, delivered,
                                     NULL);
    optly_project_create(&project, &project_config, NULL);
    return optly_processor_create(&processor, &config, NULL);
}

int main(void)
{
    struct pollfd wake = {eventfd(0, EFD_CLOEXEC), POLLIN, 0};
    uint64_t signals, wakes = 0, rounds = 0;
    uint32_t delivered = 0; /* written by the loop's thread alone */
    pthread_t producer;

    if (set_up(&wake.fd, &delivered) != OPTLY_OK ||
        pthread_create(&producer, NULL, produce, NULL) != 0)
        return 1;
    while (delivered < EVENTS) {
        int64_t due_ms = optly_processor_next_deadline_ms(processor);

        if (poll(&wake, 1, (int)due_ms) == 1 && /* -1 waits for a wake */
            read(wake.fd, &signals, sizeof(signals)) == sizeof(signals))
            wakes += signals;
        optly_processor_run_once(processor, 0);
        rounds++;
    }
    pthread_join(producer, NULL);
    optly_processor_close(processor, 1000, NULL); /* drives by itself */
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    close(wake.fd);
    printf("%" PRIu32 " events in %" PRIu64 " rounds and %" PRIu64 " wakes\n",
           delivered, rounds, wakes);
    return 0;
}
