/*
 * fork while threads hand events over and the worker sends: the child neither
 * hangs nor crashes, whatever it calls, and the parent's events are delivered
 * and reported once, by the parent. OPTLY_FORK_ROUNDS makes it longer.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/events.h"
#include "fakes/process.h"
#include "fakes/raw_server.h"
#include "platform/platform.h"

enum { ROUNDS = 40, PRODUCERS = 2, CHILD_S = 10 };

/* Events for one round: enough to be busy, and not without end. */
enum { SHARE = 2000, MOST_ROUNDS = 1500, MOST = SHARE * MOST_ROUNDS + 100 };

typedef struct family {
    optly_project *project;
    optly_processor *processor;
    atomic_bool over;
    atomic_uint next;    /* the number of the next event */
    atomic_uint allowed; /* where the producers have to wait */
    atomic_uint accepted;
    /* How often each event was sent and reported; the driver's. */
    unsigned char *sent, *reported;
    uint32_t sent_count, reported_count, twice;
} family;

/* Of all processes of the test: deliveries that a child made for its parent. */
static atomic_uint *trespasses;
static pid_t parent;

static void count_once(family *f, unsigned char *seen, uint32_t *count,
                       const optly_user_event *event)
{
    long number = strtol(optly_user_event_visitor_id(event), NULL, 10);

    if (number < 0 || number >= MOST || seen[number]++ != 0)
        f->twice++;
    ++*count;
}

static optly_outcome send_some(const optly_log_event *event,
                               optly_dispatch_result *result, void *user)
{
    family *f = user;

    (void)result;
    if (getpid() != parent)
        (void)atomic_fetch_add(trespasses, 1);
    for (uint32_t i = 0; i < event->event_count; i++)
        count_once(f, f->sent, &f->sent_count, event->events[i]);
    return OPTLY_DELIVERED;
}

static void report_some(const optly_delivery_report *report, void *user)
{
    family *f = user;

    if (getpid() != parent)
        (void)atomic_fetch_add(trespasses, 1);
    for (uint32_t i = 0; i < report->event_count; i++)
        count_once(f, f->reported, &f->reported_count, report->events[i]);
}

static void *produce(void *user)
{
    family *f = user;

    while (!atomic_load(&f->over)) {
        char visitor[16];
        uint32_t number;

        if (atomic_load(&f->next) >= atomic_load(&f->allowed)) {
            (void)sched_yield();
            continue;
        }
        number = atomic_fetch_add(&f->next, 1);
        (void)snprintf(visitor, sizeof(visitor), "%u", number);
        /* A full queue lets it in later. */
        while (optly_process_event(f->processor,
                                   fake_conversion(f->project, visitor)) !=
               OPTLY_OK)
            (void)sched_yield();
        (void)atomic_fetch_add(&f->accepted, 1);
    }
    return NULL;
}

/* --- the child --- */

static bool is_told(family *f)
{
    optly_stats stats = optly_stats_default();

    return optly_process_event(f->processor,
                               fake_conversion(f->project, "0")) ==
               OPTLY_ERR_FORKED &&
           optly_processor_flush(f->processor, 1000) == OPTLY_ERR_FORKED &&
           optly_processor_close(f->processor, 1000, NULL) ==
               OPTLY_ERR_FORKED &&
           optly_processor_stats(f->processor, &stats) == OPTLY_ERR_FORKED &&
           optly_processor_remove_on_delivery(f->processor, 1) ==
               OPTLY_ERR_FORKED;
}

static optly_outcome deliver(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    (void)result;
    *(uint32_t *)user += event->event_count;
    return OPTLY_DELIVERED;
}

static bool has_own(family *f)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *own = NULL;
    uint32_t delivered = 0;
    bool good;

    good = optly_function_dispatcher_create(&config.dispatcher, deliver,
                                            &delivered, NULL) == OPTLY_OK &&
           optly_processor_create(&own, &config, NULL) == OPTLY_OK &&
           (!process_threads_survive_fork() ||
            optly_processor_start(own) == OPTLY_OK) && /* else close drives */
           optly_process_event(own, fake_conversion(f->project, "c")) ==
               OPTLY_OK &&
           optly_processor_close(own, CHILD_S * 1000, NULL) == OPTLY_OK;
    optly_processor_destroy(own);
    return good && delivered == 1;
}

/* Does a part of what can be done, another one each time; returns its exit
 * status. A hang ends with SIGALRM, which the parent sees. */
static int be_child(family *f, uint32_t round)
{
    bool good = true;

    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(CHILD_S);
    if (round % 2 == 0)
        good = is_told(f);
    if (round % 4 < 2)
        optly_processor_destroy(f->processor);
    if (round % 3 == 0)
        good = has_own(f) && good;
    if (round % 5 == 0)
        optly_project_destroy(f->project);
    return good ? 0 : 1;
}

/* --- the parent --- */

static void fork_rounds(family *f, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++) {
        uint32_t before = atomic_load(&f->accepted);
        pid_t child;
        int status = -1;

        atomic_store(&f->allowed, atomic_load(&f->next) + SHARE);
        while (atomic_load(&f->accepted) < before + 20) /* all are busy */
            (void)sched_yield();
        child = fork();
        if (child == 0)
            _exit(be_child(f, i));
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0)
            fail_msg("child %u ended with %#x", i, (unsigned)status);
    }
}

static void run_family(const optly_processor_config *settings, bool is_counted)
{
    uint32_t rounds = fake_rounds("OPTLY_FORK_ROUNDS", ROUNDS);
    optly_processor_config config = *settings;
    pthread_t threads[PRODUCERS];
    family f = {0};

    assert_in_range(rounds, 1, MOST_ROUNDS);
    f.project = fake_project();
    f.sent = calloc(MOST, 1);
    f.reported = calloc(MOST, 1);
    assert_non_null(f.sent);
    assert_non_null(f.reported);
    if (is_counted)
        assert_int_equal(optly_function_dispatcher_create(&config.dispatcher,
                                                          send_some, &f, NULL),
                         OPTLY_OK);
    assert_int_equal(optly_processor_create(&f.processor, &config, NULL),
                     OPTLY_OK);
    assert_int_equal(
        optly_processor_on_delivery(f.processor, report_some, &f, NULL),
        OPTLY_OK);
    assert_int_equal(optly_processor_start(f.processor), OPTLY_OK);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &f), 0);

    fork_rounds(&f, rounds);

    atomic_store(&f.over, true);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(optly_processor_close(f.processor, 60000, NULL), OPTLY_OK);
    optly_processor_destroy(f.processor);
    assert_int_equal(f.twice, 0);
    assert_int_equal(f.reported_count, atomic_load(&f.accepted));
    if (is_counted)
        assert_int_equal(f.sent_count, atomic_load(&f.accepted));
    assert_int_equal(atomic_load(trespasses), 0);
    print_message("%u children; %u events, each once\n", rounds,
                  atomic_load(&f.accepted));
    free(f.sent);
    free(f.reported);
    optly_project_destroy(f.project);
}

static void test_children_of_a_busy_parent_neither_hang_nor_send(void **state)
{
    optly_processor_config config = optly_processor_config_default();

    (void)state;
    if (!process_malloc_survives_fork())
        skip();
    run_family(&config, true);
}

#if defined(OPTLY_TEST_HTTP)
/* Reads one request; false when the peer is gone or what came is none: what a
 * child closes or writes would spoil its parent's requests. */
static bool read_request(raw_connection *connection)
{
    atomic_uint *spoilt = connection->user;
    char text[4096];
    size_t len = 0, some;
    const char *length;
    long left;

    do {
        if (!raw_receive(connection, text + len, 1))
            return false;
        len++;
    } while (len < sizeof(text) - 1 &&
             (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0));
    text[len] = '\0';
    length = strstr(text, "\r\nContent-Length: ");
    if (strncmp(text, "POST /v1/events ", 16) != 0 || length == NULL) {
        (void)atomic_fetch_add(spoilt, 1);
        return false;
    }
    left = strtol(length + 18, NULL, 10);
    for (bool first = true; left > 0; left -= (long)some, first = false) {
        some = (size_t)left < sizeof(text) ? (size_t)left : sizeof(text);
        if (!raw_receive(connection, text, some))
            return false;
        if (first && text[0] != '{')
            (void)atomic_fetch_add(spoilt, 1);
    }
    return true;
}

static void answer_and_check(raw_connection *connection)
{
    while (read_request(connection) &&
           raw_send(connection, "HTTP/1.1 204 No Content\r\n\r\n"))
        ;
}

static void test_children_leave_connections_alone(void **state)
{
    optly_processor_config config = optly_processor_config_default();
    atomic_uint spoilt = 0;
    raw_server *server;

    (void)state;
    if (!process_malloc_survives_fork())
        skip();
    server = raw_server_start(answer_and_check, &spoilt);
    config.endpoint = raw_server_url(server);
    config.batch_size = 100;
    run_family(&config, false);
    assert_int_equal(atomic_load(&spoilt), 0);
    /* A connection that a child had closed would have been opened anew. */
    assert_in_range(raw_server_connections(server), 1, 8);
    raw_server_stop(server);
}
#endif

static int map_trespasses(void **state)
{
    (void)state;
    parent = getpid();
    trespasses = mmap(NULL, sizeof(*trespasses), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return trespasses == MAP_FAILED ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children_of_a_busy_parent_neither_hang_nor_send),
#if defined(OPTLY_TEST_HTTP)
        cmocka_unit_test(test_children_leave_connections_alone),
#endif
    };

    return cmocka_run_group_tests(tests, map_trespasses, NULL);
}
