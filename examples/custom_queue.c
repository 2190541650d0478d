/* Brings its own queue: the ring, and a note of what became of each event. A
 * queue on disk would keep optly_user_event_save's bytes instead. */
#include <stdio.h>

#include <optly/event.h>

struct queue {
    optly_queue ring;
    size_t settled[OPTLY_REASON_SLOTS]; /* events by reason */
};

/* The processor calls the next four under its lock, so they need none. */
static optly_status add(void *self, optly_user_event *event)
{
    return optly_queue_add(self, event); /* `ring` is the first member */
}

static size_t get(void *self, size_t from, optly_user_event **events,
                  size_t max)
{
    return optly_queue_get(self, from, events, max);
}

static size_t take(void *self, optly_user_event **events, size_t max)
{
    return optly_queue_remove(self, events, max);
}

static size_t size(void *self)
{
    return optly_queue_size(self);
}

/* Runs without the lock. One on disk would forget these events now, or keep
 * them for the next start if the reason is CLOSED or ABANDONED. */
static void settle(void *self, const optly_user_event *const *events,
                   size_t count, optly_drop_reason reason)
{
    for (size_t i = 0; i < count; i++)
        printf("%s: %s\n", optly_user_event_visitor_id(events[i]),
               reason == OPTLY_DROP_NONE ? "delivered" : "dropped");
    ((struct queue *)self)->settled[reason] += count;
}

static void destroy(void *self)
{
    optly_queue_destroy(self);
}

/* Refuses each batch with eve in it, until she is alone. */
static optly_outcome deliver(const optly_log_event *batch,
                             optly_dispatch_result *result, void *user)
{
    (void)result;
    (void)user;
    return strstr(batch->body, "\"eve\"") ? OPTLY_REFUSED : OPTLY_DELIVERED;
}

int main(void)
{
    static const optly_queue_ops ops = {sizeof(ops), add,    get,    take,
                                        size,        settle, destroy};
    static const char *const visitors[] = {"ann", "bob", "eve", "tom"};
    static const optly_event_definition signup = {"9001", "signup"};
    optly_processor_config config = optly_processor_config_default();
    optly_project_config settings = optly_project_config_default();
    optly_conversion conversion = optly_conversion_default();
    static struct queue queue;
    optly_processor *processor;
    optly_project *project;

    settings.project_id = "project-1";
    settings.account_id = "account-1";
    settings.revision = "7";
    settings.events = &signup;
    settings.event_count = 1;
    conversion.event_key = signup.key;
    optly_ring_queue_create(&queue.ring, 100);
    config.queue.ops = &ops;
    config.queue.self = &queue;
    optly_function_dispatcher_create(&config.dispatcher, deliver, NULL, NULL);
    if (optly_project_create(&project, &settings, NULL) != OPTLY_OK ||
        optly_processor_create(&processor, &config, NULL) != OPTLY_OK)
        return 1;
    for (int i = 0; i < 4; i++) {
        const optly_user user = {visitors[i], NULL, 0};
        optly_user_event *event;

        optly_create_conversion(&event, project, &user, &conversion, NULL);
        optly_process_event(processor, event);
    }
    optly_processor_close(processor, 10000, NULL); /* needs no worker */
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return queue.settled[OPTLY_DROP_NONE] != 3 ||
           queue.settled[OPTLY_DROP_REFUSED] != 1;
}
