#include "lifecycle/states.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakes/child.h"
#include "fakes/events.h"
#include "processor/processor.h"

/* How long is waited for what happens, and for what does not. */
enum { PATIENCE_MS = 10000, IN_VAIN_MS = 5 };

const char *const state_names[STATES] = {
    "null",       "new",          "running",     "closing",   "closed",
    "forked",     "on_dispatch",  "delivered",   "dropped",   "log",
    "counter",    "gauge",        "dispatch op", "poll op",   "cancel op",
    "settle op",  "worker_start", "worker_stop", "on_wake",   "run_once",
    "destroy op", "pool",         "builder log", "result fn",
};

typedef struct world {
    life state;
    const call *call;
    subject subject;
    pthread_t main;
    optly_queue ring; /* behind the queue of the state SETTLE */
    optly_outcome outcome;

    optly__mutex lock;
    optly__cond changed;
    /* Guarded by `lock`. */
    bool dispatched, hold, woken, acted, destroyed;
    atomic_bool acting;
    atomic_long caller; /* the kernel's number of the thread that calls */
    int answer;
    optly_delivery held;
} world;

static void set(world *w, bool *flag)
{
    optly__mutex_lock(&w->lock);
    *flag = true;
    optly__cond_broadcast(&w->changed);
    optly__mutex_unlock(&w->lock);
}

static bool await(world *w, const bool *flag)
{
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;
    bool reached;

    optly__mutex_lock(&w->lock);
    while (!*flag && optly__monotonic_ms() < until)
        optly__cond_wait_until(&w->changed, &w->lock, until);
    reached = *flag;
    optly__mutex_unlock(&w->lock);
    return reached;
}

/* Makes the call, once, if this is the place for it. */
static void act(world *w, life here)
{
    subject s = w->subject;

    if (w->state != here || atomic_exchange(&w->acting, true))
        return;
    optly__mutex_lock(&w->lock);
    s.delivery = w->held;
    optly__mutex_unlock(&w->lock);
    atomic_store(&w->caller, syscall(SYS_gettid));
    w->answer = w->call->make(&s);
    set(w, &w->acted);
}

/* --- the places --- */

static void complete(world *w, optly_outcome outcome)
{
    optly_dispatch_result result = optly_dispatch_result_default();
    optly_delivery delivery;

    optly__mutex_lock(&w->lock);
    delivery = w->held;
    optly__mutex_unlock(&w->lock);
    result.outcome = outcome;
    optly_delivery_complete(delivery, &result);
}

static void dispatch(void *self, const optly_log_event *event,
                     optly_delivery delivery)
{
    world *w = self;
    bool hold;

    (void)event;
    optly__mutex_lock(&w->lock);
    w->held = delivery;
    hold = w->hold;
    optly__mutex_unlock(&w->lock);
    act(w, DISPATCH);
    act(w, POOL);
    /* Once the call is made, all goes well, so that close is quick. */
    if (!hold)
        complete(w, atomic_load(&w->acting) ? OPTLY_DELIVERED : w->outcome);
    set(w, &w->dispatched);
}

static void poll(void *self, int timeout_ms)
{
    world *w = self;
    int64_t until =
        timeout_ms < 0 ? OPTLY__NEVER : optly__monotonic_ms() + timeout_ms;

    act(w, POLL);
    optly__mutex_lock(&w->lock);
    while (!w->woken && optly__monotonic_ms() < until)
        optly__cond_wait_until(&w->changed, &w->lock, until);
    w->woken = false;
    optly__mutex_unlock(&w->lock);
}

static void wake(void *self)
{
    world *w = self;

    set(w, &w->woken);
}

static void cancel(void *self)
{
    world *w = self;

    if (pthread_equal(w->main, pthread_self()))
        act(w, CANCEL);
    complete(w, OPTLY_CANCELLED);
}

static void destroy(void *self)
{
    world *w = self;

    act(w, RELEASE);
    set(w, &w->destroyed);
}

static const optly_dispatcher_ops plain_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = dispatch,
    .cancel = cancel,
    .destroy = destroy,
};

static const optly_dispatcher_ops polled_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = dispatch,
    .poll = poll,
    .wake = wake,
    .cancel = cancel,
    .destroy = destroy,
};

static optly_status queue_add(void *self, optly_user_event *event)
{
    return optly_queue_add(&((world *)self)->ring, event);
}

static size_t queue_get(void *self, size_t from, optly_user_event **events,
                        size_t max)
{
    return optly_queue_get(&((world *)self)->ring, from, events, max);
}

static size_t queue_remove(void *self, optly_user_event **events, size_t max)
{
    return optly_queue_remove(&((world *)self)->ring, events, max);
}

static size_t queue_size(void *self)
{
    return optly_queue_size(&((world *)self)->ring);
}

static void queue_settle(void *self, const optly_user_event *const *events,
                         size_t count, optly_drop_reason reason)
{
    (void)events;
    (void)count;
    (void)reason;
    act(self, SETTLE);
}

static void queue_destroy(void *self)
{
    optly_queue_destroy(&((world *)self)->ring);
}

static const optly_queue_ops queue_ops = {
    .struct_size = sizeof(optly_queue_ops),
    .add = queue_add,
    .get = queue_get,
    .remove = queue_remove,
    .size = queue_size,
    .settle = queue_settle,
    .destroy = queue_destroy,
};

static void handle_dispatch(const optly_log_event *event, void *user)
{
    (void)event;
    act(user, DISPATCHED);
    act(user, LOOP);
}

static void handle_delivery(const optly_delivery_report *report, void *user)
{
    act(user, report->reason == OPTLY_DROP_NONE ? DELIVERED : DROPPED);
}

static void handle_log(optly_log_level level, const char *message, void *user)
{
    (void)level;
    (void)message;
    act(user, LOG);
}

static void handle_builder_log(optly_log_level level, const char *message,
                               void *user)
{
    (void)level;
    (void)message;
    act(user, BUILDER_LOG);
}

static void handle_counter(const char *name, double delta, void *user)
{
    (void)name;
    (void)delta;
    act(user, COUNTER);
}

static void handle_gauge(const char *name, double value, void *user)
{
    (void)name;
    (void)value;
    act(user, GAUGE);
}

static void handle_start(void *user)
{
    act(user, WORKER_START);
}

static void handle_stop(void *user)
{
    act(user, WORKER_STOP);
}

static void handle_wake(void *user)
{
    act(user, WAKE);
}

static void handle_result(const optly_dispatch_result *result, void *user)
{
    (void)result;
    act(user, RESULT);
}

/* --- the world --- */

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void ignore_dispatch(const optly_log_event *event, void *user)
{
    (void)event;
    (void)user;
}

static void ignore_delivery(const optly_delivery_report *report, void *user)
{
    (void)report;
    (void)user;
}

static void open_processor(world *w)
{
    const optly_metrics metrics = {sizeof(metrics), handle_counter,
                                   handle_gauge, w};
    optly_processor_config config = optly_processor_config_default();
    subject *s = &w->subject;

    config.batch_size = w->state < CLOSING ? 10 : 1;
    config.dispatcher.ops = w->state == POLL ? &polled_ops : &plain_ops;
    config.dispatcher.self = w;
    if (w->state == POOL)
        require(optly_queue_dispatcher_create(&config.dispatcher,
                                              config.dispatcher, NULL,
                                              NULL) == OPTLY_OK);
    if (w->state == SETTLE) {
        require(optly_ring_queue_create(&w->ring, 16) == OPTLY_OK);
        config.queue_size = 16;
        config.queue = (optly_queue){&queue_ops, w};
    }
    config.log = handle_log;
    config.log_user = w;
    config.metrics = &metrics;
    config.on_worker_start = handle_start;
    config.on_worker_stop = handle_stop;
    config.worker_user = w;
    config.on_wake = handle_wake;
    config.wake_user = w;
    require(optly_processor_create(&s->processor, &config, NULL) == OPTLY_OK);
    require(optly_processor_on_event_dispatch(s->processor, handle_dispatch, w,
                                              NULL) == OPTLY_OK);
    require(optly_processor_on_delivery(s->processor, handle_delivery, w,
                                        NULL) == OPTLY_OK);
    require(optly_processor_on_event_dispatch(s->processor, ignore_dispatch,
                                              NULL,
                                              &s->dispatch_id) == OPTLY_OK);
    require(optly_processor_on_delivery(s->processor, ignore_delivery, NULL,
                                        &s->delivery_id) == OPTLY_OK);
}

static optly_user_event *make_event(world *w, const optly_pair *attribute)
{
    const optly_user user = {"visitor", attribute, attribute != NULL};
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event = NULL;

    conversion.event_key = "event_1";
    require(optly_create_conversion(&event, w->subject.project, &user,
                                    &conversion, NULL) == OPTLY_OK);
    return event;
}

static world *world_create(life at, const call *what)
{
    world *w = calloc(1, sizeof(*w));

    require(w != NULL);
    w->state = at;
    w->call = what;
    w->main = pthread_self();
    w->outcome = at == DROPPED ? OPTLY_REFUSED
                 : at == LOG   ? OPTLY_MISCONFIGURED
                               : OPTLY_DELIVERED;
    w->hold = at == CLOSING || at == FORKED || at == CANCEL;
    w->subject.wait_ms =
        at == CLOSING || at == POOL || at == CANCEL ? IN_VAIN_MS : PATIENCE_MS;
    (void)optly__mutex_init(&w->lock);
    (void)optly__cond_init(&w->changed);
    if (at == WITH_NULL)
        return w;
    require(optly_project_from_datafile(&w->subject.project, fake_datafile,
                                        strlen(fake_datafile),
                                        NULL) == OPTLY_OK);
    if (at == BUILDER_LOG)
        require(optly_project_set_log(w->subject.project, handle_builder_log,
                                      w) == OPTLY_OK);
    w->subject.event = make_event(w, NULL);
    open_processor(w);
    return w;
}

static bool is_destroy(const call *what)
{
    return strcmp(what->name, "optly_processor_destroy") == 0;
}

/* Takes down what the call has left. */
static int world_end(world *w)
{
    int answer;

    /* destroy from a callback, where it does not assert, leaves all of it to
     * a worker that goes on; the process ends soon. */
    if (is_destroy(w->call) && w->state >= DISPATCHED && w->state < BUILDER_LOG)
        return w->answer;
    if (w->subject.processor != NULL && !(is_destroy(w->call) && w->acted)) {
        (void)optly_processor_close(w->subject.processor, PATIENCE_MS, NULL);
        optly_processor_destroy(w->subject.processor);
    }
    /* A worker that was slow, in a hook say, is left behind, and its host's
     * objects have to live until it destroys the dispatcher. */
    if (w->state != WITH_NULL)
        require(await(w, &w->destroyed));
    optly__mutex_lock(&w->lock);
    optly__mutex_unlock(&w->lock);
    optly_user_event_destroy(w->subject.event);
    optly_project_destroy(w->subject.project);
    answer = w->acted ? w->answer : STATE_NOT_REACHED;
    optly__cond_cleanup(&w->changed);
    optly__mutex_cleanup(&w->lock);
    free(w);
    return answer;
}

static void add_event(world *w)
{
    require(optly_process_event(w->subject.processor, make_event(w, NULL)) ==
            OPTLY_OK);
}

static void start(world *w)
{
    require(optly_processor_start(w->subject.processor) == OPTLY_OK);
}

/* --- close under way --- */

static void *run_close(void *user)
{
    world *w = user;

    (void)optly_processor_close(w->subject.processor, PATIENCE_MS, NULL);
    return NULL;
}

static void *run_call(void *user)
{
    world *w = user;

    act(w, w->state);
    return NULL;
}

/* Waits until the thread that calls waits in the kernel, or has its answer. */
static void await_sleep(world *w)
{
    char path[64], line[256], status = 'R';
    bool acted = false;

    while (status != 'S' && !acted) {
        long thread = atomic_load(&w->caller);
        FILE *file;

        (void)sched_yield();
        optly__mutex_lock(&w->lock);
        acted = w->acted;
        optly__mutex_unlock(&w->lock);
        (void)snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", thread);
        file = thread != 0 ? fopen(path, "re") : NULL;
        if (file == NULL)
            continue;
        if (fgets(line, sizeof(line), file) != NULL)
            status = strrchr(line, ')')[2];
        (void)fclose(file);
    }
}

static void await_closing(world *w)
{
    optly__engine *engine = &w->subject.processor->engine;
    bool closing = false;

    while (!closing) {
        optly__mutex_lock(&engine->lock);
        closing = engine->closing;
        optly__mutex_unlock(&engine->lock);
        (void)sched_yield();
    }
}

static void call_beside_close(world *w)
{
    pthread_t closer, caller;

    start(w);
    add_event(w);
    require(await(w, &w->dispatched));
    require(pthread_create(&closer, NULL, run_close, w) == 0);
    await_closing(w);
    require(pthread_create(&caller, NULL, run_call, w) == 0);
    await_sleep(w);
    /* A second close only returns when the first does. */
    if (strcmp(w->call->name, "optly_processor_close") != 0)
        require(await(w, &w->acted));
    optly__mutex_lock(&w->lock);
    w->hold = false;
    optly__mutex_unlock(&w->lock);
    complete(w, OPTLY_DELIVERED);
    require(pthread_join(caller, NULL) == 0);
    require(pthread_join(closer, NULL) == 0);
}

/* --- fork --- */

/* Waits until the worker sleeps: not every sanitizer's malloc survives a fork
 * beside a thread that uses it. test_fork_busy.c does without. */
static void await_worker_s_sleep(world *w)
{
    optly__engine *engine = &w->subject.processor->engine;
    bool asleep = false;

    while (!asleep) {
        optly__mutex_lock(&engine->lock);
        asleep = engine->place == OPTLY__WAITING && engine->in_flight > 0;
        optly__mutex_unlock(&engine->lock);
        (void)sched_yield();
    }
}

static void call_in_child(world *w)
{
    int status = -1;
    pid_t child;

    start(w);
    add_event(w);
    require(await(w, &w->dispatched));
    await_worker_s_sleep(w);
    child = fork();
    if (child == 0) {
        (void)alarm(PATIENCE_MS / 1000);
        act(w, FORKED);
        /* Exit statuses are small and not negative. */
        fake_leave_child(w->answer == OPTLY_ERR_FORKED ? 0 : 100 + w->answer);
    }
    require(child > 0 && waitpid(child, &status, 0) == child);
    w->answer = !WIFEXITED(status)         ? CALL_WRONG
                : WEXITSTATUS(status) == 0 ? (int)OPTLY_ERR_FORKED
                                           : WEXITSTATUS(status) - 100;
    w->acted = true;
    complete(w, OPTLY_DELIVERED);
    if (is_destroy(w->call)) { /* that was the child's */
        (void)optly_processor_close(w->subject.processor, 0, NULL);
        optly_processor_destroy(w->subject.processor);
    }
}

/* --- all of them --- */

static void call_result(world *w)
{
    optly_delivery delivery;

    require(optly_delivery_create(&delivery, handle_result, w) == OPTLY_OK);
    optly_delivery_complete(delivery, NULL);
}

static void call_builder_log(world *w)
{
    const optly_pair broken = {"attribute_1", {(optly_value_type)99, {false}}};

    optly_user_event_destroy(make_event(w, &broken));
}

/* Lets the worker come to where the call is made. */
static void call_on_worker(world *w)
{
    start(w);
    add_event(w);
    if (w->state == CANCEL)
        require(await(w, &w->dispatched));
    if (w->state == CANCEL || w->state == WORKER_STOP)
        (void)optly_processor_close(w->subject.processor,
                                    w->state == CANCEL ? 0 : PATIENCE_MS, NULL);
    (void)await(w, &w->acted);
}

int state_call(life at, const call *what)
{
    world *w = world_create(at, what);

    switch (at) {
    case WITH_NULL:
        act(w, at);
        break;
    case NEW:
    case RUNNING:
        if (at == RUNNING)
            start(w);
        add_event(w);
        act(w, at);
        break;
    case CLOSED:
        start(w);
        add_event(w);
        require(optly_processor_close(w->subject.processor, PATIENCE_MS,
                                      NULL) == OPTLY_OK);
        act(w, at);
        break;
    case CLOSING:
        call_beside_close(w);
        break;
    case FORKED:
        call_in_child(w);
        break;
    case WAKE:
        add_event(w);
        break;
    case LOOP:
        add_event(w);
        (void)optly_processor_run_once(w->subject.processor, 0);
        break;
    case RELEASE:
        optly_processor_destroy(w->subject.processor);
        w->subject.processor = NULL;
        break;
    case BUILDER_LOG:
        add_event(w);
        call_builder_log(w);
        break;
    case RESULT:
        add_event(w);
        call_result(w);
        break;
    default:
        call_on_worker(w);
        break;
    }
    return world_end(w);
}
