/*
 * Every call of the system fails, once and for good, with every error that it
 * may give: what cannot be had is a named error, and nothing accepted is lost.
 * Linked so that the library's calls come to the functions below.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/child.h"
#include "faults/fault_point.h"
#include "faults/stand.h"
#include "platform/platform.h"

/* The call that fails, by the name of its function. */
static const char *failing = "";
static int error;
static clockid_t failing_clock = -1; /* -1: any */
static atomic_bool armed, lasting, has_hit;
static _Atomic size_t calls_left;

static bool fails_now(const char *name)
{
    size_t left;

    if (!atomic_load(&armed) || strcmp(name, failing) != 0)
        return false;
    left = atomic_load(&calls_left);
    while (left > 0 &&
           !atomic_compare_exchange_weak(&calls_left, &left, left - 1))
        ;
    if (left > 0 || (!atomic_load(&lasting) && atomic_load(&has_hit)))
        return false;
    return !atomic_exchange(&has_hit, true) || atomic_load(&lasting);
}

static void arm(size_t count, bool for_good)
{
    atomic_store(&armed, false);
    atomic_store(&calls_left, count);
    atomic_store(&lasting, for_good);
    atomic_store(&has_hit, false);
    atomic_store(&armed, true);
}

static bool has_failed(void)
{
    return atomic_load(&has_hit);
}

static void disarm(void)
{
    atomic_store(&armed, false);
}

static const fault_source calls_of_the_system = {arm, has_failed, disarm, NULL};

/* `name` as the library sees it: gives `error` where it is to fail. */
#define WRAP(name, parameters, arguments)                                      \
    int __real_##name parameters;                                              \
    int __wrap_##name parameters;                                              \
    int __wrap_##name parameters                                               \
    {                                                                          \
        return fails_now(#name) ? error : __real_##name arguments;             \
    }

WRAP(pthread_mutex_init,
     (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes),
     (mutex, attributes))
WRAP(pthread_cond_init,
     (pthread_cond_t * cond, const pthread_condattr_t *attributes),
     (cond, attributes))
WRAP(pthread_condattr_init, (pthread_condattr_t * attributes), (attributes))
WRAP(pthread_condattr_setclock,
     (pthread_condattr_t * attributes, clockid_t clock), (attributes, clock))
WRAP(pthread_attr_init, (pthread_attr_t * attributes), (attributes))
WRAP(pthread_attr_setstacksize, (pthread_attr_t * attributes, size_t size),
     (attributes, size))
WRAP(pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes,
      void *(*run)(void *), void *argument),
     (thread, attributes, run, argument))
WRAP(pthread_sigmask, (int how, const sigset_t *set, sigset_t *before),
     (how, set, before))
WRAP(pthread_setname_np, (pthread_t thread, const char *name), (thread, name))

ssize_t __real_getrandom(void *bytes, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
void *__real_mmap(void *at, size_t len, int protection, int flags, int fd,
                  off_t offset);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd,
                  off_t offset);
int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);

/* Error 0 is an answer of fewer bytes than asked for. */
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags)
{
    if (!fails_now("getrandom"))
        return __real_getrandom(bytes, size, flags);
    if (error == 0)
        return __real_getrandom(bytes, size > 1 ? 1 : size, flags);
    errno = error;
    return -1;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if ((failing_clock != -1 && clock != failing_clock) ||
        !fails_now("clock_gettime"))
        return __real_clock_gettime(clock, now);
    errno = error;
    return -1;
}

static bool fails_mmap; /* whatever else fails */

void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd,
                  off_t offset)
{
    if (!fails_mmap && !fails_now("mmap"))
        return __real_mmap(at, len, protection, flags, fd, offset);
    errno = error;
    return MAP_FAILED;
}

/* What another thread does meanwhile; once. */
static void (*in_madvise)(void);

/* Error 0 is an emulator that takes any advice and heeds none. */
int __wrap_madvise(void *at, size_t len, int advice)
{
    void (*meanwhile)(void) = in_madvise;

    in_madvise = NULL;
    if (meanwhile != NULL)
        meanwhile();
    if ((advice != MADV_WIPEONFORK && error != 0) || !fails_now("madvise"))
        return __real_madvise(at, len, advice);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

static bool is_lack_of(optly_status status)
{
    return status == OPTLY_ERR_NO_MEMORY || status == OPTLY_ERR_IO ||
           status == OPTLY_ERR_NO_ENTROPY;
}

/* A queue dispatcher of two threads in front of the stand's own. */
static optly_status add_threads(stand *s)
{
    optly_queue_dispatcher_config config =
        optly_queue_dispatcher_config_default();
    optly_dispatcher inner = s->config.dispatcher;

    config.threads = 2;
    return optly_queue_dispatcher_create(&s->config.dispatcher, inner, &config,
                                         NULL);
}

/* From the making to the end, as far as it gets. Returns what stopped it. */
static optly_status live(stand *s)
{
    optly_status status = add_threads(s);

    if (status == OPTLY_OK) {
        s->config.worker_stack_bytes = 262144;
        status = optly_processor_create(&s->processor, &s->config, NULL);
    }
    if (status != OPTLY_OK)
        return status;
    for (int i = 0; i < 15; i++) {
        status = stand_add(s, s->project, i);
        assert_true(status == OPTLY_OK || is_lack_of(status));
    }
    status = optly_processor_start(s->processor);
    assert_true(status == OPTLY_OK || status == OPTLY_ERR_IO);
    /* With or without a worker. */
    assert_int_equal(optly_processor_flush(s->processor, 20000), OPTLY_OK);
    stand_check_books(s);
    return status;
}

static void check_life(stand *s)
{
    optly_stats stats = optly_stats_default();

    if (s->processor == NULL)
        return;
    assert_int_equal(optly_processor_stats(s->processor, &stats), OPTLY_OK);
    assert_int_equal(stats.delivered, s->accepted);
}

static void live_twice(fault_point *point)
{
    stand s;

    stand_init(&s);
    fault_begin(point);
    (void)live(&s);
    check_life(&s);
    /* The first is for the backoff, which has other means; then no uuid is
     * made up. */
    if (strcmp(failing, "getrandom") == 0 && fault_has_hit(point))
        assert_int_equal(s.refused, point->number == 0 && !point->for_good ? 0
                                    : point->for_good                      ? 15
                                                                           : 1);
    stand_cleanup(&s);
    fault_end(point);

    stand_init(&s);
    assert_int_equal(live(&s), OPTLY_OK);
    assert_int_equal(s.accepted, 15);
    check_life(&s);
    stand_cleanup(&s);
}

static void test_what_the_system_denies_is_a_named_error(void **state)
{
    static const struct {
        const char *name;
        int errors[4];
    } cases[] = {
        {"pthread_mutex_init", {ENOMEM, EAGAIN, EPERM}},
        {"pthread_cond_init", {ENOMEM, EAGAIN}},
        {"pthread_condattr_init", {ENOMEM}},
        {"pthread_condattr_setclock", {EINVAL}},
        {"pthread_attr_init", {ENOMEM}},
        {"pthread_attr_setstacksize", {EINVAL}},
        {"pthread_create", {EAGAIN, EPERM, EINVAL}},
        {"pthread_sigmask", {EINVAL}},
        {"pthread_setname_np", {ERANGE}},
        {"getrandom", {EINTR, EAGAIN, ENOSYS, EFAULT}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        failing = cases[i].name;
        for (int e = 0; e < 4 && cases[i].errors[e] != 0; e++) {
            char title[96];

            error = cases[i].errors[e];
            /* One that is interrupted for ever never answers. */
            if (error == EINTR)
                continue;
            (void)snprintf(title, sizeof(title), "%s %s", failing,
                           strerror(error));
            (void)fault_run(&calls_of_the_system, title, live_twice);
        }
    }
}

/* Interrupted, or with fewer bytes than asked for, it goes on. */
static void test_interrupted_randomness_is_asked_for_again(void **state)
{
    static const int errors[] = {EINTR, 0};

    (void)state;
    failing = "getrandom";
    for (int e = 0; e < 2; e++) {
        for (size_t number = 0; number < 3; number++) {
            stand s;

            error = errors[e];
            stand_init(&s);
            arm(number, false);
            assert_int_equal(live(&s), OPTLY_OK);
            disarm();
            assert_int_equal(s.accepted, 15);
            check_life(&s);
            stand_cleanup(&s);
        }
    }
}

/* A clock that fails has a twin. */
static void live_with_all_clocks(fault_point *point)
{
    stand s;

    stand_init(&s);
    s.config.max_age_ms = 60000; /* an event of the year 1970 would expire */
    fault_begin(point);
    assert_int_equal(live(&s), OPTLY_OK);
    fault_end(point);
    assert_int_equal(s.accepted, 15);
    check_life(&s);
    stand_cleanup(&s);
}

static void test_a_clock_that_fails_is_replaced(void **state)
{
    static const struct {
        clockid_t clock;
        const char *name;
    } clocks[] = {{CLOCK_MONOTONIC, "clock_gettime monotonic"},
                  {CLOCK_MONOTONIC_COARSE, "clock_gettime coarse"},
                  {CLOCK_REALTIME, "clock_gettime realtime"}};

    (void)state;
    failing = "clock_gettime";
    error = EINVAL;
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        int64_t monotonic = optly__monotonic_ms(), wall = optly__wall_ms();

        failing_clock = clocks[i].clock;
        arm(0, true);
        assert_in_range(optly__monotonic_ms() - monotonic + 100, 0, 10000);
        assert_in_range(optly__monotonic_coarse_ms() - monotonic + 100, 0,
                        10000);
        assert_in_range(optly__wall_ms() - wall + 100, 0, 10000);
        disarm();
        (void)fault_run(&calls_of_the_system, clocks[i].name,
                        live_with_all_clocks);
    }
    failing_clock = -1;
}

/* In a child, since a process asks for the page only once. The library has room
 * of its own for it, and maps a page only where that cannot be wiped; so both
 * have to be refused, or not to be wiped though `denial` is 0. */
static int try_without_page(int denial)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        stand s;

        failing = "madvise";
        error = denial;
        arm(0, true);
        stand_init(&s);
        if (live(&s) != OPTLY_OK || !has_failed())
            fake_leave_child(1);
        check_life(&s);
        child = fork(); /* the guard still knows a child */
        if (child == 0) {
            optly_stats stats = optly_stats_default();

            fake_leave_child(optly_processor_stats(s.processor, &stats) ==
                                     OPTLY_ERR_FORKED
                                 ? 0
                                 : 2);
        }
        if (waitpid(child, &status, 0) != child || status != 0)
            fake_leave_child(3);
        stand_cleanup(&s);
        fake_leave_child(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* What was made before and after it failed is of one process. */
static void test_one_failure_does_not_change_the_generation(void **state)
{
    static const char *const names[] = {"mmap", "madvise"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        int status = -1;

        if (child == 0) {
            uint64_t first;

            failing = names[i];
            error = ENOMEM;
            arm(0, false);
            first = optly__fork_generation();
            disarm();
            fake_leave_child(
                first != 0 && first == optly__fork_generation() ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

static uint64_t of_the_other;

static void ask_too(void)
{
    of_the_other = optly__fork_generation();
}

/* The room is no use to the first that comes, but to the second. */
static void ask_and_fail_then(void)
{
    ask_too();
    arm(0, false);
}

/* Two threads ask first at the same time. */
static void test_of_two_that_come_first_one_sets_the_generation(void **state)
{
    void (*const meanwhile[])(void) = {ask_too, ask_and_fail_then};

    (void)state;
    failing = "madvise";
    error = ENOMEM;
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        int status = -1;

        if (child == 0) {
            uint64_t mine;

            in_madvise = meanwhile[i];
            mine = optly__fork_generation();
            fake_leave_child(mine != 0 && mine == of_the_other &&
                                     mine == optly__fork_generation()
                                 ? 0
                                 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

/* The room cannot be wiped, and there is no other page. */
static void fail_mmap_then(void)
{
    failing = "madvise";
    arm(0, false);
    fails_mmap = true;
}

static void test_without_memory_for_the_page_the_process_id_does(void **state)
{
    pid_t child = fork();
    int status = -1;

    (void)state;
    error = ENOMEM;
    if (child == 0) {
        in_madvise = fail_mmap_then;
        fake_leave_child(optly__fork_generation() == (uint64_t)getpid() ? 0
                                                                        : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_without_a_wiped_page_the_process_id_tells_forks(void **state)
{
    (void)state;
    assert_int_equal(try_without_page(ENOMEM), 0);
    assert_int_equal(try_without_page(0), 0);
    (void)printf("%-46s %5d for good\n", "madvise", 2);
}

/* Lets the process grow by `bytes` at most. */
static struct rlimit limit_address_space(size_t bytes)
{
    FILE *file = fopen("/proc/self/statm", "re");
    struct rlimit before, limit;
    unsigned long pages;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    (void)fclose(file);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    return before;
}

/* The system's own answer: what is refused is told, what was accepted waits,
 * and is delivered when there is memory again. */
static void test_without_address_space_events_are_refused(void **state)
{
    enum { ROOM = 8 << 20, ENOUGH = 1000000 };
    struct rlimit before;
    int number = 0;
    stand s;

    (void)state;
    if (FAULT_IS_SANITIZED)
        skip();
    stand_init(&s);
    s.config.queue_size = 2 * ENOUGH;
    s.config.queue_bytes = UINT64_C(1) << 30;
    s.config.worker_stack_bytes = 65536;
    atomic_store(&s.retries, INT_MAX);
    stand_open(&s);
    assert_int_equal(optly_processor_start(s.processor), OPTLY_OK);
    before = limit_address_space(ROOM);
    while (s.refused < 100 && number < ENOUGH) {
        optly_status status = stand_add(&s, s.project, number++);

        assert_true(status == OPTLY_OK || status == OPTLY_ERR_NO_MEMORY);
    }
    stand_check_books(&s);
    assert_int_equal(optly_processor_flush(s.processor, 20), OPTLY_ERR_TIMEOUT);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(s.refused, 100);
    assert_int_equal(atomic_load(&s.delivered), 0);
    (void)printf("8 MiB of address space: %u events accepted, %u refused\n",
                 s.accepted, s.refused);

    atomic_store(&s.retries, 0);
    stand_finish(&s, 0);
}

static int print_total(void **state)
{
    (void)state;
    fault_print_total("calls of the system");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First, before anything has asked for the page. */
        cmocka_unit_test(test_one_failure_does_not_change_the_generation),
        cmocka_unit_test(test_of_two_that_come_first_one_sets_the_generation),
        cmocka_unit_test(test_without_memory_for_the_page_the_process_id_does),
        cmocka_unit_test(test_without_a_wiped_page_the_process_id_tells_forks),
        cmocka_unit_test(test_what_the_system_denies_is_a_named_error),
        cmocka_unit_test(test_interrupted_randomness_is_asked_for_again),
        cmocka_unit_test(test_a_clock_that_fails_is_replaced),
        cmocka_unit_test(test_without_address_space_events_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, print_total);
}
