/* Promises to the host around it: threads, memory, callbacks, secrets. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/host.h"

enum { PATIENCE_MS = 10000 };

static bool wait_for(atomic_bool *flag)
{
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;

    while (!atomic_load(flag) && optly__monotonic_ms() < until)
        ;
    return atomic_load(flag);
}

/* --- threads --- */

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    int count = 0;

    assert_non_null(tasks);
    while ((task = readdir(tasks)) != NULL)
        count += task->d_name[0] != '.';
    (void)closedir(tasks);
    return count;
}

/* A joined thread leaves the kernel's list a moment later. */
static bool threads_fall_to(int count)
{
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;

    while (count_threads() > count && optly__monotonic_ms() < until)
        ;
    return count_threads() == count;
}

static void test_one_thread_while_started_and_none_after_destroy(void **state)
{
    int before = count_threads();
    host *h = host_create();

    (void)state;
    host_open(h);
    assert_int_equal(count_threads(), before);
    assert_int_equal(optly_processor_start(h->processor), OPTLY_OK);
    assert_int_equal(count_threads(), before + 1);
    host_add_many(h, 0, 100);
    host_destroy(h);
    assert_true(threads_fall_to(before));
}

static void test_a_loop_of_the_host_starts_no_thread(void **state)
{
    int before = count_threads();
    host *h = host_create();

    (void)state;
    host_open(h);
    host_add_many(h, 0, 100);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    assert_int_equal(optly_processor_flush(h->processor, 1000), OPTLY_OK);
    assert_int_equal(count_threads(), before);
    host_destroy(h);
}

/* --- process_event --- */

typedef struct hold {
    atomic_bool entered, released, left;
} hold;

static void stay(fake_dispatcher *fake)
{
    hold *held = fake->user;

    atomic_store(&held->entered, true);
    (void)wait_for(&held->released);
}

static void
test_handing_over_does_not_wait_for_a_dispatcher_that_hangs(void **state)
{
    host *h = host_create();
    hold held = {false, false, false};
    int64_t before;

    (void)state;
    h->dispatcher.on_dispatch = stay;
    h->dispatcher.user = &held;
    host_start(h);
    host_add_many(h, 0, 10);
    assert_true(wait_for(&held.entered));
    before = optly__monotonic_ms();
    host_add_many(h, 10, 1000);
    assert_true(optly__monotonic_ms() - before < PATIENCE_MS / 2);
    assert_int_equal(host_stats(h).in_flight, 10); /* it still hangs */
    atomic_store(&held.released, true);
    assert_int_equal(optly_processor_flush(h->processor, PATIENCE_MS),
                     OPTLY_OK);
    host_destroy(h);
}

/* --- callbacks --- */

static void look_at_the_books(const optly_delivery_report *report, void *user)
{
    host *h = user;
    optly_stats s = host_stats(h);

    assert_int_equal(report->reason, OPTLY_DROP_NONE);
    assert_int_equal(s.delivered, 0);
    assert_int_equal(s.pending, report->event_count);
    h->wakes = 1000;
}

static void test_a_report_comes_before_its_count(void **state)
{
    host *h = host_create();

    (void)state;
    host_open(h);
    assert_int_equal(
        optly_processor_on_delivery(h->processor, look_at_the_books, h, NULL),
        OPTLY_OK);
    host_add_many(h, 0, 10);
    assert_int_equal(optly_processor_flush(h->processor, 1000), OPTLY_OK);
    assert_int_equal(h->wakes, 1000);
    assert_int_equal(host_stats(h).delivered, 10);
    host_destroy(h);
}

static void hold_here(const optly_log_event *event, void *user)
{
    hold *held = user;

    (void)event;
    atomic_store(&held->entered, true);
    (void)wait_for(&held->released);
    atomic_store(&held->left, true);
}

typedef struct removal {
    host *host;
    hold *held;
    int id;
    atomic_bool done, was_left;
} removal;

static void *remove_it(void *user)
{
    removal *r = user;

    assert_int_equal(
        optly_processor_remove_on_event_dispatch(r->host->processor, r->id),
        OPTLY_OK);
    atomic_store(&r->was_left, atomic_load(&r->held->left));
    atomic_store(&r->done, true);
    return NULL;
}

static void test_removing_a_handler_waits_until_it_has_ended(void **state)
{
    host *h = host_create();
    hold held = {false, false, false};
    removal r = {h, &held, 0, false, false};
    int64_t until;
    pthread_t remover;

    (void)state;
    host_start(h);
    assert_int_equal(optly_processor_on_event_dispatch(h->processor, hold_here,
                                                       &held, &r.id),
                     OPTLY_OK);
    host_add_many(h, 0, 10);
    assert_true(wait_for(&held.entered));
    assert_int_equal(pthread_create(&remover, NULL, remove_it, &r), 0);
    until = optly__monotonic_ms() + 50;
    while (optly__monotonic_ms() < until)
        assert_false(atomic_load(&r.done));
    atomic_store(&held.released, true);
    (void)pthread_join(remover, NULL);
    assert_true(atomic_load(&r.was_left));
    host_destroy(h);
}

static void destroy_it(const optly_log_event *event, void *user)
{
    (void)event;
    optly_processor_destroy(((host *)user)->processor);
}

static void test_destroy_from_a_callback_asserts_or_leaks(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        host *h = host_create();
        bool good;

        (void)signal(SIGABRT, SIG_DFL);
        (void)close(2); /* what assert says */
        host_open(h);
        (void)optly_processor_on_event_dispatch(h->processor, destroy_it, h,
                                                NULL);
        host_add_many(h, 0, 10);
        good = optly_processor_flush(h->processor, 1000) == OPTLY_OK;
        host_destroy(h);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(status == 0 ||
                (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
}

/* --- memory --- */

static _Atomic size_t used, most_used;

/* Keeps each block's size in front of it. */
static void *allocate(size_t size, void *user)
{
    size_t *block = malloc(size + 16);
    size_t now;

    (void)user;
    if (block == NULL)
        return NULL;
    *block = size;
    now = atomic_fetch_add(&used, size) + size;
    if (now > atomic_load(&most_used))
        atomic_store(&most_used, now);
    return (char *)block + 16;
}

static void release(void *memory, void *user)
{
    size_t *block = (size_t *)((char *)memory - 16);

    (void)user;
    (void)atomic_fetch_sub(&used, *block);
    free(block);
}

static size_t most_used_with(optly_overflow overflow)
{
    const optly_allocator allocator = {allocate, release, NULL};
    host *h;

    atomic_store(&used, 0);
    atomic_store(&most_used, 0);
    assert_int_equal(optly_set_allocator(&allocator), OPTLY_OK);
    h = host_create();
    h->config.queue_bytes = 1 << 20;
    h->config.queue_size = 100000;
    h->config.overflow = overflow;
    h->config.max_in_flight = 2;
    h->dispatcher.hold = true;
    host_open(h);
    for (int i = 0; i < 20000; i++) {
        (void)host_add(h, i);
        if (i % 1000 == 0)
            assert_int_equal(optly_processor_run_once(h->processor, 0),
                             OPTLY_OK);
    }
    host_destroy(h);
    assert_int_equal(atomic_load(&used), 0);
    assert_int_equal(optly_set_allocator(NULL), OPTLY_OK);
    return atomic_load(&most_used);
}

static void test_memory_stays_within_the_bound(void **state)
{
    /* The ring's slots, the project, chunks begun and not full, two bodies. */
    const size_t rest = 100000 * sizeof(void *) + (512 << 10);

    (void)state;
    assert_in_range(most_used_with(OPTLY_OVERFLOW_REJECT_NEW), 1 << 20,
                    (1 << 20) + rest);
    assert_in_range(most_used_with(OPTLY_OVERFLOW_DROP_OLDEST), 1 << 20,
                    (2 << 20) + rest);
}

/* --- secrets --- */

static bool was_told;

static void look_for_the_key(optly_log_level level, const char *message,
                             void *user)
{
    (void)level;
    (void)user;
    was_told = true;
    assert_null(strstr(message, "CANARY"));
}

static optly_outcome fail_and_look(const optly_log_event *event,
                                   optly_dispatch_result *result, void *user)
{
    int *attempts = user;

    (void)result;
    assert_null(strstr(event->body, "CANARY"));
    assert_null(strstr(event->endpoint, "CANARY"));
    return ++*attempts == 1 ? OPTLY_MISCONFIGURED : OPTLY_REFUSED;
}

static void test_the_sdk_key_is_neither_sent_nor_logged(void **state)
{
    host *h = host_create();
    int attempts = 0;

    (void)state;
    assert_int_equal(optly_function_dispatcher_create(
                         &h->config.dispatcher, fail_and_look, &attempts, NULL),
                     OPTLY_OK);
    h->config.sdk_key = "CANARY";
    h->config.log = look_for_the_key;
    was_told = false;
    host_open(h);
    host_add_many(h, 0, 3);
    assert_int_equal(optly_processor_flush(h->processor, 0), OPTLY_ERR_TIMEOUT);
    assert_int_equal(optly_processor_flush(h->processor, 1000),
                     OPTLY_ERR_DROPPED);
    assert_true(was_told);
    optly_processor_destroy(h->processor);
    h->processor = NULL;
    host_destroy(h);
}

static void *do_nothing(void *user)
{
    return user;
}

/* A sanitizer starts a thread of its own beside the first one. */
static int warm_up(void **state)
{
    pthread_t first;

    (void)state;
    if (pthread_create(&first, NULL, do_nothing, NULL) != 0)
        return -1;
    return pthread_join(first, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread_while_started_and_none_after_destroy),
        cmocka_unit_test(test_a_loop_of_the_host_starts_no_thread),
        cmocka_unit_test(
            test_handing_over_does_not_wait_for_a_dispatcher_that_hangs),
        cmocka_unit_test(test_a_report_comes_before_its_count),
        cmocka_unit_test(test_removing_a_handler_waits_until_it_has_ended),
        cmocka_unit_test(test_destroy_from_a_callback_asserts_or_leaks),
        cmocka_unit_test(test_memory_stays_within_the_bound),
        cmocka_unit_test(test_the_sdk_key_is_neither_sent_nor_logged),
    };

    return cmocka_run_group_tests_name("guest", tests, warm_up, NULL);
}
