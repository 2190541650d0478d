/*
 * Two hundred processors of one process, opened and closed at the same time,
 * over and over: threads, descriptors and memory come back. Each kind of
 * dispatcher takes part, and libcurl is started by whoever is first.
 * OPTLY_CROWD_ROUNDS makes it longer; 25 are 5,000 processors.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fakes/events.h"
#include "fakes/process.h"
#include "fakes/raw_server.h"

enum { ROUNDS = 2, CROWD = 200, EVENTS = 3, FLUSH_MS = 30000 };

typedef struct crowd {
    optly_project *project;
    raw_server *server; /* NULL in a build without HTTP */
    pthread_barrier_t open;
    atomic_uint delivered, failed;
} crowd;

typedef struct member {
    crowd *crowd;
    int number;
} member;

static _Atomic size_t blocks; /* of the library's that are alive */

static void *allocate(size_t size, void *user)
{
    void *memory = malloc(size);

    (void)user;
    if (memory != NULL)
        (void)atomic_fetch_add(&blocks, 1);
    return memory;
}

static void release(void *memory, void *user)
{
    (void)user;
    (void)atomic_fetch_sub(&blocks, 1);
    free(memory);
}

static optly_outcome deliver(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    (void)event;
    (void)result;
    (void)user;
    return OPTLY_DELIVERED;
}

/* One of: a function, a function on a thread of its own, HTTP. */
static optly_status choose_dispatcher(const member *m,
                                      optly_processor_config *config)
{
    optly_status status;

    if (m->crowd->server != NULL && m->number % 2 == 0) {
        config->endpoint = raw_server_url(m->crowd->server);
        return OPTLY_OK;
    }
    status = optly_function_dispatcher_create(&config->dispatcher, deliver,
                                              NULL, NULL);
    if (status == OPTLY_OK && m->number % 4 == 1)
        status = optly_queue_dispatcher_create(&config->dispatcher,
                                               config->dispatcher, NULL, NULL);
    return status;
}

static bool live(const member *m)
{
    optly_processor_config config = optly_processor_config_default();
    optly_close_report report = optly_close_report_default();
    optly_processor *processor = NULL;
    bool good;

    good = choose_dispatcher(m, &config) == OPTLY_OK &&
           optly_processor_create(&processor, &config, NULL) == OPTLY_OK &&
           optly_processor_start(processor) == OPTLY_OK;
    for (int i = 0; good && i < EVENTS; i++)
        good = optly_process_event(processor, fake_conversion(m->crowd->project,
                                                              "v")) == OPTLY_OK;
    (void)pthread_barrier_wait(&m->crowd->open); /* all of them are open */
    good = optly_processor_close(processor, FLUSH_MS, &report) == OPTLY_OK &&
           good && report.delivered == EVENTS;
    optly_processor_destroy(processor);
    return good;
}

static void *run_member(void *user)
{
    member *m = user;

    if (live(m))
        (void)atomic_fetch_add(&m->crowd->delivered, EVENTS);
    else
        (void)atomic_fetch_add(&m->crowd->failed, 1);
    return NULL;
}

static void run_round(void)
{
    pthread_t threads[CROWD];
    member members[CROWD];
    crowd c = {0};

    c.project = fake_project();
#if defined(OPTLY_TEST_HTTP)
    c.server = raw_server_start(raw_answer_204, NULL);
#endif
    (void)pthread_barrier_init(&c.open, NULL, CROWD);
    for (int i = 0; i < CROWD; i++) {
        members[i] = (member){&c, i};
        assert_int_equal(
            pthread_create(&threads[i], NULL, run_member, &members[i]), 0);
    }
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&c.open);
    if (c.server != NULL)
        raw_server_stop(c.server);
    optly_project_destroy(c.project);
    assert_int_equal(c.failed, 0);
    assert_int_equal(c.delivered, CROWD * EVENTS);
}

static void test_two_hundred_at_once_leave_nothing_behind(void **state)
{
    const optly_allocator counting = {allocate, release, NULL};
    uint32_t rounds = fake_rounds("OPTLY_CROWD_ROUNDS", ROUNDS);
    int threads, descriptors;
    size_t resident;

    (void)state;
    assert_int_equal(optly_set_allocator(&counting), OPTLY_OK);
    run_round(); /* libcurl, TLS and malloc's arenas are there after it */
    threads = process_threads();
    descriptors = process_descriptors();
    resident = process_resident_bytes();

    for (uint32_t i = 0; i < rounds; i++) {
        run_round();
        assert_int_equal(atomic_load(&blocks), 0);
    }

    assert_true(process_threads_fall_to(threads));
    assert_int_equal(process_descriptors(), descriptors);
    print_message("%u processors; %d threads, %d descriptors, %zu KiB before, "
                  "%zu KiB after\n",
                  rounds * CROWD, threads, descriptors, resident >> 10,
                  process_resident_bytes() >> 10);
    /* malloc's arenas differ by a little from round to round. */
    if (!process_memory_is_watched())
        assert_true(process_resident_bytes() < resident + (8 << 20));
    assert_int_equal(optly_set_allocator(NULL), OPTLY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_hundred_at_once_leave_nothing_behind),
    };

    return cmocka_run_group_tests(tests, process_warm_up, NULL);
}
