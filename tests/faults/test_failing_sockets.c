/*
 * The calls of the system that libcurl makes fail, once and for good: what is
 * defined here stands before the C library's, also for libcurl.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "faults/http_stand.h"

/* The call that fails, by the name of its function; on the test's own thread,
 * which drives, as the servers of this process are not to be hurt. */
static const char *failing = "";
static int error;
static pthread_t tester;
static atomic_bool armed;
static bool lasting, has_hit;
static size_t calls_left;

static bool fails_now(const char *name)
{
    if (!atomic_load(&armed) || !pthread_equal(pthread_self(), tester) ||
        strcmp(name, failing) != 0)
        return false;
    if (calls_left > 0) {
        calls_left--;
        return false;
    }
    if (has_hit && !lasting)
        return false;
    has_hit = true;
    errno = error;
    return true;
}

static void arm(size_t count, bool for_good)
{
    tester = pthread_self();
    calls_left = count;
    lasting = for_good;
    has_hit = false;
    atomic_store(&armed, true);
}

static bool has_failed(void)
{
    return has_hit;
}

static void disarm(void)
{
    atomic_store(&armed, false);
}

static const fault_source calls_of_libcurl = {arm, has_failed, disarm, NULL};

/* glibc declares addresses as unions of pointers. */
#if defined(__GLIBC__)
#define ADDRESS __SOCKADDR_ARG
#define CONST_ADDRESS __CONST_SOCKADDR_ARG
#else
#define ADDRESS struct sockaddr *
#define CONST_ADDRESS const struct sockaddr *
#endif

/* `name`, before the C library's own. */
#define STAND_BEFORE(type, name, parameters, arguments)                        \
    type name parameters                                                       \
    {                                                                          \
        union {                                                                \
            void *object;                                                      \
            type(*function) parameters;                                        \
        } real;                                                                \
                                                                               \
        if (fails_now(#name))                                                  \
            return -1;                                                         \
        real.object = dlsym(RTLD_NEXT, #name);                                 \
        if (real.object == NULL)                                               \
            abort();                                                           \
        return real.function arguments;                                        \
    }

STAND_BEFORE(int, connect, (int fd, CONST_ADDRESS address, socklen_t len),
             (fd, address, len))
STAND_BEFORE(ssize_t, send, (int fd, const void *from, size_t size, int flags),
             (fd, from, size, flags))
STAND_BEFORE(ssize_t, recv, (int fd, void *to, size_t size, int flags),
             (fd, to, size, flags))
STAND_BEFORE(int, getsockopt,
             (int fd, int level, int name, void *value, socklen_t *len),
             (fd, level, name, value, len))
STAND_BEFORE(int, setsockopt,
             (int fd, int level, int name, const void *value, socklen_t len),
             (fd, level, name, value, len))
STAND_BEFORE(int, getsockname, (int fd, ADDRESS address, socklen_t *len),
             (fd, address, len))
STAND_BEFORE(int, getpeername, (int fd, ADDRESS address, socklen_t *len),
             (fd, address, len))

/* What libcurl sets has one argument more, or none. */
int fcntl(int fd, int command, ...)
{
    union {
        void *object;
        int (*function)(int fd, int command, ...);
    } real;
    va_list arguments;
    long argument;

    va_start(arguments, command);
    argument = va_arg(arguments, long);
    va_end(arguments);
    if (fails_now("fcntl"))
        return -1;
    real.object = dlsym(RTLD_NEXT, "fcntl");
    if (real.object == NULL)
        abort();
    return real.function(fd, command, argument);
}

static void send_all(fault_point *point)
{
    optly_stats stats = optly_stats_default();
    optly_http_config config = http_stand_config();
    http_plan plan = {.failures = 1, .hangs_up = true};
    raw_server *server;
    stand s;

    http_stand_init(&s);
    /* Where a call is never ready, time is up. */
    config.timeout_ms = 500;
    server = http_stand_open(&s, &plan, &config);
    stand_add_many(&s, 0, 15);
    http_stand_send(&s, point);
    /* Nobody has judged the events, so none is to blame. */
    assert_int_equal(optly_processor_stats(s.processor, &stats), OPTLY_OK);
    assert_int_equal(stats.bisections, 0);
    stand_finish(&s, 0);
    raw_server_stop(server);
}

static void test_no_failing_socket_loses_events(void **state)
{
    static const struct {
        const char *name;
        int errors[6];
    } cases[] = {
        {"connect",
         {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, ETIMEDOUT, EACCES, ENOMEM}},
        {"send", {EPIPE, ECONNRESET, EAGAIN, EINTR, ENOBUFS, ENOMEM}},
        {"recv", {ECONNRESET, EAGAIN, EINTR, ENOMEM, EIO}},
        {"getsockopt", {ENOPROTOOPT, ENOBUFS}},
        {"setsockopt", {ENOPROTOOPT, ENOBUFS}},
        {"getsockname", {ENOBUFS}},
        {"getpeername", {ENOTCONN}},
        {"fcntl", {EINVAL, ENOLCK}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int e = 0; e < 6 && cases[i].errors[e] != 0; e++) {
            char title[96];

            failing = cases[i].name;
            error = cases[i].errors[e];
            (void)snprintf(title, sizeof(title), "%s: %s", failing,
                           strerror(error));
            (void)fault_run(&calls_of_libcurl, title, send_all);
        }
    }
    fault_print_total("calls of the system by libcurl");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_failing_socket_loses_events),
    };

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
