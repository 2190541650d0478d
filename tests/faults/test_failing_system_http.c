/*
 * Every call of the system that HTTP needs fails, once and for good: files,
 * sockets, pipes and waiting; and a process that has no descriptors left.
 * Linked so that the library's calls come to the functions below.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "faults/http_stand.h"
#include "faults/http_way.h"
#include "processor/processor.h"

/* The call that fails, by the name of its function. */
static const char *failing = "";
static int error;
static pthread_t tester;
static atomic_bool armed, lasting, has_hit;
static _Atomic size_t calls_left;

/* The servers of this process are not to be hurt. */
static bool fails_now(const char *name)
{
    if (!atomic_load(&armed) || strcmp(name, failing) != 0 ||
        (strcmp(name, "write") != 0 && !pthread_equal(pthread_self(), tester)))
        return false;
    if (atomic_load(&calls_left) > 0) {
        (void)atomic_fetch_sub(&calls_left, 1);
        return false;
    }
    if (atomic_exchange(&has_hit, true) && !atomic_load(&lasting))
        return false;
    errno = error;
    return true;
}

static void arm(size_t count, bool for_good)
{
    tester = pthread_self();
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

/* `name` as the library sees it: gives `failed` where it is to fail. */
#define WRAP(type, name, parameters, arguments, failed)                        \
    type __real_##name parameters;                                             \
    type __wrap_##name parameters;                                             \
    type __wrap_##name parameters                                              \
    {                                                                          \
        return fails_now(#name) ? (failed) : __real_##name arguments;          \
    }

WRAP(int, stat, (const char *path, struct stat *about), (path, about), -1)
WRAP(int, access, (const char *path, int how), (path, how), -1)
WRAP(FILE *, fopen, (const char *path, const char *how), (path, how), NULL)
WRAP(size_t, fread, (void *to, size_t size, size_t count, FILE *file),
     (to, size, count, file), 0)
WRAP(int, pthread_mutex_init,
     (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes),
     (mutex, attributes), error)
WRAP(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *before),
     (how, set, before), error)
WRAP(int, sigtimedwait,
     (const sigset_t *set, siginfo_t *about, const struct timespec *limit),
     (set, about, limit), -1)
WRAP(int, pipe2, (int fds[2], int flags), (fds, flags), -1)
WRAP(int, socket, (int domain, int type, int protocol),
     (domain, type, protocol), -1)
WRAP(int, poll, (struct pollfd * fds, nfds_t count, int timeout_ms),
     (fds, count, timeout_ms), -1)
WRAP(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size), -1)
WRAP(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size),
     -1)

static char pem_file[] = "/tmp/optly-system-XXXXXX";

static optly_http_config config_with_files(void)
{
    optly_http_config config = http_stand_config();

    config.ca_file = pem_file;
    config.ca_path = "/tmp";
    config.client_cert_file = pem_file;
    return config;
}

static void create(fault_point *point)
{
    optly_http_config config = config_with_files();
    optly_dispatcher dispatcher = {NULL, NULL};
    optly_error err = {OPTLY_OK, ""};
    optly_status status;

    fault_begin(point);
    status = optly_http_dispatcher_create(&dispatcher, &config, &err);
    fault_end(point);

    assert_int_equal(status == OPTLY_OK, !point->hit);
    assert_int_equal(dispatcher.ops == NULL, status != OPTLY_OK);
    if (status == OPTLY_ERR_INVALID)
        assert_memory_equal(err.message, "http.c", 6); /* the field */
    else if (status != OPTLY_OK)
        assert_true(status == OPTLY_ERR_IO || status == OPTLY_ERR_NO_MEMORY);
    optly_dispatcher_destroy(&dispatcher);
}

static void send_all(fault_point *point)
{
    optly_http_config config = http_stand_config();
    http_plan plan = {.failures = 1, .hangs_up = true};
    raw_server *server;
    stand s;

    http_stand_init(&s);
    server = http_stand_open(&s, &plan, &config);
    stand_add_many(&s, 0, 15);
    http_stand_send(&s, point);
    stand_finish(&s, 0);
    raw_server_stop(server);
}

/* Until nothing but a wake would bring the worker back. */
static void await_sleep(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;
    bool asleep = false;

    while (!asleep) {
        optly__mutex_lock(&engine->lock);
        asleep = engine->sleep == OPTLY__ASLEEP &&
                 engine->place == OPTLY__IN_DISPATCHER;
        optly__mutex_unlock(&engine->lock);
        (void)__real_poll(NULL, 0, 1);
    }
}

/* A signal may come between the call and its first byte. */
static void test_an_interrupted_wake_is_made_up_for(void **state)
{
    optly_http_config config = http_stand_config();
    http_plan plan = {0};
    raw_server *server;
    stand s;

    (void)state;
    http_stand_init(&s);
    s.config.flush_interval_ms = 60000;
    server = http_stand_open(&s, &plan, &config);
    assert_int_equal(optly_processor_start(s.processor), OPTLY_OK);
    stand_add_many(&s, 0, 1);
    await_sleep(s.processor);
    failing = "write";
    error = EINTR;
    arm(0, false);
    assert_int_equal(optly_processor_flush(s.processor, 10000), OPTLY_OK);
    disarm();
    assert_true(has_failed());
    stand_finish(&s, 0);
    raw_server_stop(server);
}

static void run(const char *name, const int *errors, size_t count,
                fault_scenario scenario)
{
    for (size_t e = 0; e < count; e++) {
        char title[96];

        failing = name;
        error = errors[e];
        (void)snprintf(title, sizeof(title), "%s: %s", name, strerror(error));
        (void)fault_run(&calls_of_the_system, title, scenario);
    }
    failing = "";
}

#define RUN(name, scenario, ...)                                               \
    run(name, (const int[]){__VA_ARGS__},                                      \
        sizeof((const int[]){__VA_ARGS__}) / sizeof(int), scenario)

static void test_what_create_needs_is_named(void **state)
{
    (void)state;
    RUN("stat", create, EACCES, ENOENT, EIO);
    RUN("access", create, EACCES);
    RUN("fopen", create, EMFILE, ENFILE, EACCES);
    RUN("fread", create, EIO);
    RUN("pipe2", create, EMFILE, ENFILE);
    RUN("pthread_mutex_init", create, ENOMEM, EAGAIN);
}

static void test_no_call_on_the_way_loses_events(void **state)
{
    (void)state;
    RUN("socket", send_all, EMFILE, ENFILE, ENOBUFS, EACCES);
    RUN("poll", send_all, EINTR, ENOMEM, EINVAL);
    RUN("read", send_all, EAGAIN, EINTR, EIO);
    RUN("sigtimedwait", send_all, EAGAIN, EINTR);
    /* The last, since a mask that cannot be put back stays. */
    RUN("pthread_sigmask", send_all, EINVAL);
}

static void serve(raw_connection *connection)
{
    raw_request request;

    while (http_way_take(connection, &request) &&
           http_way_deliver(connection, &request))
        ;
}

/* From the lowest free descriptor on there is none to be had. */
static struct rlimit leave_no_descriptors(void)
{
    int lowest = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    struct rlimit before, none;

    assert_true(lowest >= 0);
    assert_int_equal(close(lowest), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

static void test_without_descriptors_events_wait(void **state)
{
    enum { EVENTS = 200 };
    optly_dispatcher dispatcher;
    struct rlimit before;
    optly_error err;
    uuid_sums sums;
    http_way way;

    (void)state;
    http_way_init(&way, serve, 2 * EVENTS);
    http_way_open(&way);
    before = leave_no_descriptors();
    http_way_add(&way, 0, EVENTS);
    while (http_way_stats(&way).retries < 10)
        assert_int_equal(optly_processor_flush(way.processor, 5),
                         OPTLY_ERR_TIMEOUT);
    assert_int_equal(http_way_stats(&way).delivered, 0);
    assert_int_equal(optly_http_dispatcher_create(&dispatcher, NULL, &err),
                     OPTLY_ERR_IO);
    assert_non_null(strstr(err.message, "descriptors"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

    http_way_add(&way, EVENTS, EVENTS);
    sums = http_way_close(&way);
    assert_int_equal(sums.delivered, 2 * EVENTS);
}

static int set_up(void **state)
{
    static const char pem[] =
        "-----BEGIN CERTIFICATE-----\nMAUCAwEAAQ==\n-----END CERTIFICATE-----\n"
        "-----BEGIN PRIVATE KEY-----\nMAUCAwEAAQ==\n-----END PRIVATE "
        "KEY-----\n";
    int fd = mkstemp(pem_file);

    (void)state;
    if (fd < 0 || write(fd, pem, strlen(pem)) != (ssize_t)strlen(pem) ||
        close(fd) != 0)
        return -1;
    return (int)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int clean_up(void **state)
{
    (void)state;
    fault_print_total("calls of the system for HTTP");
    return unlink(pem_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_create_needs_is_named),
        cmocka_unit_test(test_no_call_on_the_way_loses_events),
        cmocka_unit_test(test_an_interrupted_wake_is_made_up_for),
        cmocka_unit_test(test_without_descriptors_events_wait),
    };

    return cmocka_run_group_tests(tests, set_up, clean_up);
}
