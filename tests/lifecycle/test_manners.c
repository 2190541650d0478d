/*
 * What a host must not notice: output, signals, descriptors, the environment,
 * and wake-ups while there is nothing to do. OPTLY_IDLE_S makes the last one
 * longer.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/events.h"
#include "fakes/process.h"
#include "fakes/raw_server.h"
#include "platform/platform.h"

extern char **environ;

enum { EVENTS = 60, IDLE_S = 2, MOST_FDS = 256, MOST_THREADS = 64 };

/* Where the events of a life go, and what a test looks at meanwhile. */
typedef struct life {
    optly_project *project;
    raw_server *server; /* NULL in a build without HTTP */
    optly_processor *processor;
    atomic_uint requests;
    bool goes_well;               /* no faults */
    void (*look)(struct life *l); /* after start, and when all is settled */
    bool settled;
    void *user;
} life;

/* --- a life with all kinds of faults --- */

#if defined(OPTLY_TEST_HTTP)
static void misbehave(raw_connection *connection)
{
    static const char *const answers[] = {
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 302 Go\r\nLocation: file:///x\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 429 Slow\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    };
    life *l = connection->user;

    while (raw_read_request(connection)) {
        uint32_t number = atomic_fetch_add(&l->requests, 1) % 9;

        if (l->goes_well)
            number = 0;
        if (number == 8) {
            raw_reset(connection);
            return;
        }
        if (!raw_send(connection, answers[number]) || number == 5)
            return;
    }
}
#endif

static optly_outcome misbehave_too(const optly_log_event *event,
                                   optly_dispatch_result *result, void *user)
{
    static const optly_outcome outcomes[] = {
        OPTLY_DELIVERED,     OPTLY_RETRY,     OPTLY_REFUSED,
        OPTLY_MISCONFIGURED, OPTLY_CANCELLED, (optly_outcome)77};
    life *l = user;

    (void)event;
    (void)snprintf(result->detail, sizeof(result->detail), "it went wrong");
    return l->goes_well ? OPTLY_DELIVERED
                        : outcomes[atomic_fetch_add(&l->requests, 1) % 6];
}

static void look(life *l)
{
    if (l->look != NULL)
        l->look(l);
}

static optly_processor_config config_of(life *l, int kind)
{
    optly_processor_config config = optly_processor_config_default();

    config.batch_size = 4;
    config.retry_initial_ms = 1;
    config.retry_max_ms = 4;
    config.max_attempts = 4;
    if (kind == 0 && l->server != NULL) {
        config.endpoint = raw_server_url(l->server);
        return config;
    }
    assert_int_equal(optly_function_dispatcher_create(&config.dispatcher,
                                                      misbehave_too, l, NULL),
                     OPTLY_OK);
    if (kind == 1)
        assert_int_equal(optly_queue_dispatcher_create(
                             &config.dispatcher, config.dispatcher, NULL, NULL),
                         OPTLY_OK);
    return config;
}

/* From create to destroy, with a dispatcher of each kind in turn. */
static void live(life *l, int kind)
{
    optly_processor_config config = config_of(l, kind);

    assert_int_equal(optly_processor_create(&l->processor, &config, NULL),
                     OPTLY_OK);
    assert_int_equal(optly_processor_start(l->processor), OPTLY_OK);
    l->settled = false;
    look(l);
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(
            optly_process_event(l->processor, fake_conversion(l->project, "v")),
            OPTLY_OK);
    (void)optly_processor_flush(l->processor, 20000);
    l->settled = true;
    look(l);
    (void)optly_processor_close(l->processor, 5000, NULL);
    optly_processor_destroy(l->processor);
}

enum { KINDS = 3 };

static void begin(life *l)
{
    memset(l, 0, sizeof(*l));
    l->project = fake_project();
#if defined(OPTLY_TEST_HTTP)
    l->server = raw_server_start(misbehave, l);
#endif
}

static void end(life *l)
{
    if (l->server != NULL)
        raw_server_stop(l->server);
    optly_project_destroy(l->project);
}

/* --- output --- */

static void test_nothing_is_written_to_stdout_or_stderr(void **state)
{
    int caught = memfd_create("output", MFD_CLOEXEC);
    int out, err;
    struct stat size;
    life l;

    (void)state;
    (void)fflush(stdout);
    (void)fflush(stderr);
    out = dup(1);
    err = dup(2);
    assert_true(caught >= 0 && dup2(caught, 1) == 1 && dup2(caught, 2) == 2);
    begin(&l);
    for (int kind = 0; kind < KINDS; kind++)
        live(&l, kind);
    end(&l);
    (void)fflush(stdout);
    (void)fflush(stderr);
    (void)dup2(out, 1);
    (void)dup2(err, 2);
    (void)close(out);
    (void)close(err);
    assert_int_equal(fstat(caught, &size), 0);
    (void)close(caught);
    assert_int_equal(size.st_size, 0);
}

/* --- signals --- */

typedef struct signals {
    struct sigaction actions[NSIG];
    sigset_t mask, pending;
} signals;

static void dump(signals *s)
{
    memset(s, 0, sizeof(*s));
    for (int i = 1; i < NSIG; i++)
        (void)sigaction(i, NULL, &s->actions[i]);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    (void)sigpending(&s->pending);
}

static void expect_same(const signals *a, const signals *b)
{
    for (int i = 1; i < NSIG; i++) {
        assert_true(a->actions[i].sa_handler == b->actions[i].sa_handler);
        assert_int_equal(a->actions[i].sa_flags, b->actions[i].sa_flags);
        for (int j = 1; j < NSIG; j++)
            assert_int_equal(sigismember(&a->actions[i].sa_mask, j),
                             sigismember(&b->actions[i].sa_mask, j));
        assert_int_equal(sigismember(&a->mask, i), sigismember(&b->mask, i));
        assert_int_equal(sigismember(&a->pending, i),
                         sigismember(&b->pending, i));
    }
}

static void on_signal(int number)
{
    (void)number;
}

/* The signals that a thread of the library lets in: none but those that
 * nobody can block, and the C library's own two. */
static void check_masks(void)
{
    const uint64_t never = (UINT64_C(1) << (SIGKILL - 1)) |
                           (UINT64_C(1) << (SIGSTOP - 1)) | (UINT64_C(3) << 31);
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    int checked = 0;

    assert_non_null(tasks);
    while ((task = readdir(tasks)) != NULL) {
        char path[320], line[128], name[64] = "";
        uint64_t blocked = 0;
        FILE *file;

        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/status",
                       task->d_name);
        file = task->d_name[0] != '.' ? fopen(path, "re") : NULL;
        if (file == NULL)
            continue;
        while (fgets(line, sizeof(line), file) != NULL) {
            (void)sscanf(line, "Name: %63s", name);
            (void)sscanf(line, "SigBlk: %" SCNx64, &blocked);
        }
        (void)fclose(file);
        if (strncmp(name, "optly", 5) != 0)
            continue;
        checked++;
        assert_int_equal(blocked | never, UINT64_MAX);
    }
    (void)closedir(tasks);
    assert_true(checked >= 1);
}

static void look_at_signals(life *l)
{
    signals now;

    dump(&now);
    expect_same(l->user, &now);
    if (l->settled) /* the worker has its name */
        check_masks();
}

static void test_signals_stay_as_the_host_has_them(void **state)
{
    struct sigaction mine, was;
    sigset_t one, mask;
    signals before, after;
    life l;

    (void)state;
    memset(&mine, 0, sizeof(mine));
    mine.sa_handler = on_signal;
    mine.sa_flags = SA_RESTART | SA_ONSTACK;
    (void)sigaddset(&mine.sa_mask, SIGHUP);
    (void)sigaction(SIGUSR2, &mine, &was);
    (void)sigemptyset(&one);
    (void)sigaddset(&one, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &one, &mask);

    begin(&l);
    dump(&before);
    l.look = look_at_signals;
    l.user = &before;
    for (int kind = 0; kind < KINDS; kind++)
        live(&l, kind);
    dump(&after);
    expect_same(&before, &after);
    end(&l);

    (void)sigaction(SIGUSR2, &was, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* --- the environment --- */

typedef struct trap {
    char **page, **real;
} trap;

/* From here on whoever reads the environment ends the process. */
static void spring(life *l)
{
    const trap *t = l->user;

    environ = t->page;
}

static void test_the_environment_is_not_read_after_create(void **state)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    trap t;
    life l;

    (void)state;
    t.real = environ;
    t.page = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true((void *)t.page != MAP_FAILED);
    begin(&l);
    l.look = spring;
    l.user = &t;
    for (int kind = 0; kind < KINDS; kind++) {
        live(&l, kind);
        environ = t.real; /* create may read it once */
    }
    end(&l);
    (void)munmap(t.page, size);
}

/* --- descriptors --- */

typedef struct descriptors {
    bool was_there[MOST_FDS];
    uint32_t seen, of_libcurl;
} descriptors;

/* libcurl wakes itself by a pair of sockets that are not close-on-exec. */
static bool is_libcurl_s_pair(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    memset(&address, 0, sizeof(address));
    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
           address.ss_family == AF_UNIX;
}

static void look_at_descriptors(life *l)
{
    descriptors *d = l->user;

    for (int fd = 0; fd < MOST_FDS; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (flags < 0 || d->was_there[fd])
            continue;
        d->seen++;
        if ((flags & FD_CLOEXEC) != 0)
            continue;
        assert_true(is_libcurl_s_pair(fd));
        d->of_libcurl++;
    }
}

static void test_descriptors_are_close_on_exec_and_come_back(void **state)
{
    descriptors d = {{false}, 0, 0};
    int before;
    life l;

    (void)state;
    begin(&l);
    for (int fd = 0; fd < MOST_FDS; fd++)
        d.was_there[fd] = fcntl(fd, F_GETFD) >= 0;
    before = process_descriptors();
    l.look = look_at_descriptors;
    l.user = &d;
    for (int kind = 0; kind < KINDS; kind++)
        live(&l, kind);
    if (l.server != NULL) { /* its own end of each connection */
        assert_true(raw_server_wait_closed(
            l.server, raw_server_connections(l.server), 10000));
        assert_true(d.seen > d.of_libcurl);
    }
    assert_int_equal(process_descriptors(), before);
    end(&l);
    print_message("%u descriptors seen; not close-on-exec: %u, libcurl's\n",
                  d.seen, d.of_libcurl);
}

/* --- wake-ups --- */

typedef struct switches {
    long thread;
    uint64_t count;
} switches;

/* How often each thread of the library has run; returns how many there are. */
static size_t read_switches(switches *all)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    size_t count = 0;

    assert_non_null(tasks);
    while ((task = readdir(tasks)) != NULL && count < MOST_THREADS) {
        long thread = strtol(task->d_name, NULL, 10);
        char path[320], line[128], name[64] = "";
        uint64_t some;
        FILE *file;

        (void)snprintf(path, sizeof(path), "/proc/self/task/%ld/status",
                       thread);
        file = thread > 0 ? fopen(path, "re") : NULL;
        if (file == NULL)
            continue;
        all[count] = (switches){thread, 0};
        while (fgets(line, sizeof(line), file) != NULL) {
            (void)sscanf(line, "Name: %63s", name);
            if (sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &some) == 1 ||
                sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64, &some) ==
                    1)
                all[count].count += some;
        }
        (void)fclose(file);
        count += strncmp(name, "optly", 5) == 0;
    }
    (void)closedir(tasks);
    return count;
}

static void pass_time(int64_t ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

/* Waits until nothing has run for 200 ms, the naps of a worker that had work
 * being 32 ms long at most. */
static size_t await_rest(switches *all)
{
    switches before[MOST_THREADS];
    size_t count;
    int tries = 0;

    do {
        assert_true(++tries < 50);
        count = read_switches(before);
        pass_time(200);
    } while (read_switches(all) != count ||
             memcmp(before, all, count * sizeof(*all)) != 0);
    return count;
}

static void count_wake_ups(life *l)
{
    int64_t idle_ms = 1000 * (int64_t)fake_rounds("OPTLY_IDLE_S", IDLE_S);
    switches before[MOST_THREADS], after[MOST_THREADS];
    optly_stats stats = optly_stats_default();
    size_t count;

    memset(before, 0, sizeof(before));
    memset(after, 0, sizeof(after));
    assert_int_equal(optly_processor_stats(l->processor, &stats), OPTLY_OK);
    if (!l->settled)
        return;
    assert_int_equal(stats.pending, 0);
    count = await_rest(before);
    assert_true(count >= 1);
    pass_time(idle_ms);
    assert_int_equal(read_switches(after), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(before[i].thread, after[i].thread);
        assert_int_equal(after[i].count - before[i].count, 0);
    }
    print_message("%zu threads, %" PRId64 " ms idle, 0 wake-ups\n", count,
                  idle_ms);
}

static void test_an_idle_processor_does_not_wake_up(void **state)
{
    life l;

    (void)state;
    begin(&l);
    l.goes_well = true;
    l.look = count_wake_ups;
    for (int kind = 0; kind < KINDS; kind++)
        live(&l, kind);
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_written_to_stdout_or_stderr),
        cmocka_unit_test(test_signals_stay_as_the_host_has_them),
        cmocka_unit_test(test_the_environment_is_not_read_after_create),
        cmocka_unit_test(test_descriptors_are_close_on_exec_and_come_back),
        cmocka_unit_test(test_an_idle_processor_does_not_wake_up),
    };

    return cmocka_run_group_tests(tests, process_warm_up, NULL);
}
