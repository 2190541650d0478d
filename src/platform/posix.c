#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "platform/platform.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

bool optly__mutex_init(optly__mutex *mutex)
{
    return pthread_mutex_init(&mutex->handle, NULL) == 0;
}

void optly__mutex_cleanup(optly__mutex *mutex)
{
    (void)pthread_mutex_destroy(&mutex->handle);
}

void optly__mutex_lock(optly__mutex *mutex)
{
    (void)pthread_mutex_lock(&mutex->handle);
}

void optly__mutex_unlock(optly__mutex *mutex)
{
    (void)pthread_mutex_unlock(&mutex->handle);
}

bool optly__cond_init(optly__cond *cond)
{
    pthread_condattr_t attributes;
    bool made;

    if (pthread_condattr_init(&attributes) != 0)
        return false;
    made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
           pthread_cond_init(&cond->handle, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return made;
}

void optly__cond_cleanup(optly__cond *cond)
{
    (void)pthread_cond_destroy(&cond->handle);
}

void optly__cond_broadcast(optly__cond *cond)
{
    (void)pthread_cond_broadcast(&cond->handle);
}

void optly__cond_wait_until(optly__cond *cond, optly__mutex *mutex,
                            int64_t deadline_ms)
{
    struct timespec deadline;

    if (deadline_ms == OPTLY__NEVER) {
        (void)pthread_cond_wait(&cond->handle, &mutex->handle);
        return;
    }
    if (deadline_ms < 0)
        deadline_ms = 0;
    /* A 32-bit time_t ends at 2^31 seconds; that is never, too. A larger one
     * is not cut: a clock that shows more would have the wait return at once.
     */
    if (sizeof(time_t) < sizeof(int64_t) && deadline_ms / 1000 > INT32_MAX)
        deadline_ms = (int64_t)INT32_MAX * 1000;
    deadline.tv_sec = (time_t)(deadline_ms / 1000);
    deadline.tv_nsec = (long)(deadline_ms % 1000) * 1000000L;
    (void)pthread_cond_timedwait(&cond->handle, &mutex->handle, &deadline);
}

struct thread_start {
    void (*run)(void *argument);
    void *argument;
    char name[16];
};

static void *run_thread(void *argument)
{
    struct thread_start start = *(struct thread_start *)argument;

    optly__free(argument);
#if defined(__linux__)
    (void)pthread_setname_np(pthread_self(), start.name);
#endif
    start.run(start.argument);
    return NULL;
}

bool optly__thread_start(optly__thread *thread, void (*run)(void *argument),
                         void *argument, size_t stack_bytes, const char *name)
{
    struct thread_start *start = optly__alloc_zero(sizeof(*start));
    pthread_attr_t attributes;
    sigset_t all, before;
    bool started = false;

    if (start == NULL)
        return false;
    start->run = run;
    start->argument = argument;
    strncpy(start->name, name, sizeof(start->name) - 1);
    if (pthread_attr_init(&attributes) != 0)
        goto fail_start;
    if (stack_bytes != 0 &&
        pthread_attr_setstacksize(&attributes, stack_bytes) != 0)
        goto fail_attributes;

    /* A new thread inherits the mask, so it never runs with signals open. */
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        goto fail_attributes;
    started =
        pthread_create(&thread->handle, &attributes, run_thread, start) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);

fail_attributes:
    (void)pthread_attr_destroy(&attributes);
fail_start:
    if (!started)
        optly__free(start);
    return started;
}

void optly__thread_join(optly__thread *thread)
{
    (void)pthread_join(thread->handle, NULL);
}

void optly__thread_yield(void)
{
    (void)sched_yield();
}

void optly__thread_detach(optly__thread *thread)
{
    (void)pthread_detach(thread->handle);
}

optly__thread optly__thread_self(void)
{
    optly__thread self = {pthread_self()};

    return self;
}

bool optly__thread_is_self(optly__thread thread)
{
    return pthread_equal(thread.handle, pthread_self()) != 0;
}

/* Linux has two clocks of each kind; some sandboxes know only one of them. */
#if !defined(CLOCK_MONOTONIC_COARSE)
#define CLOCK_MONOTONIC_COARSE CLOCK_MONOTONIC
#endif
#if !defined(CLOCK_REALTIME_COARSE)
#define CLOCK_REALTIME_COARSE CLOCK_REALTIME
#endif

/* Reads `clock`, or its twin where that fails: a time of 0 would be 1970, and
 * all events too old. */
static int64_t read_clock(clockid_t clock, clockid_t twin)
{
    struct timespec now = {0, 0};

    if (clock_gettime(clock, &now) != 0)
        (void)clock_gettime(twin, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t optly__monotonic_ms(void)
{
    return read_clock(CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE);
}

int64_t optly__monotonic_coarse_ms(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC);
}

int64_t optly__wall_ms(void)
{
    return read_clock(CLOCK_REALTIME, CLOCK_REALTIME_COARSE);
}

bool optly__random_bytes(void *bytes, size_t size)
{
    unsigned char *at = bytes;

    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

/*
 * A page that the kernel wipes in a forked child, however it was forked. It
 * holds the generation, or 0 just after the fork. The counter beside it is
 * inherited, so that a child's number is new. Where there is no such page, the
 * process id is the number, from then on: what was made under one kind of
 * number would not be known under another.
 */
static _Atomic(_Atomic uint64_t *) wiped_page;
static _Atomic uint64_t no_page; /* what wiped_page is where there is none */
static _Atomic uint64_t last_generation;

#if defined(MADV_WIPEONFORK)
/* Room for it in memory that goes when the library is unloaded; the kernel
 * takes it if it is memory and no file's. */
enum { MOST_PAGE_BYTES = 65536 };
static unsigned char page_room[2 * MOST_PAGE_BYTES];

/* Whether the kernel will wipe a page. Emulators take any advice and heed none
 * (QEMU 7.2 in user mode does), so advice that makes no sense goes first. */
static bool is_wiped(void *page, size_t size)
{
    return madvise(page, size, -1) != 0 &&
           madvise(page, size, MADV_WIPEONFORK) == 0;
}

/* The page of the room, a mapped one, or NULL. */
static void *make_wiped_page(size_t size)
{
    size_t skip = (size - (uintptr_t)page_room % size) % size;
    void *mapped;

    if (size <= MOST_PAGE_BYTES && is_wiped(page_room + skip, size))
        return page_room + skip;
    mapped = mmap(NULL, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    if (is_wiped(mapped, size))
        return mapped;
    (void)munmap(mapped, size);
    return NULL;
}

static void free_wiped_page(void *page, size_t size)
{
    unsigned char *at = page;

    if (at < page_room || at >= page_room + sizeof(page_room))
        (void)munmap(page, size);
}
#else
static void *make_wiped_page(size_t size)
{
    (void)size;
    return NULL;
}

static void free_wiped_page(void *page, size_t size)
{
    (void)page;
    (void)size;
}
#endif

/* Settles once, whatever threads ask, whether there is a page. Of two that
 * come first, one maps in vain if the room is no use. */
static _Atomic uint64_t *find_wiped_page(void)
{
    _Atomic uint64_t *found = atomic_load(&wiped_page), *made;
    size_t size = (size_t)sysconf(_SC_PAGESIZE);

    if (found != NULL)
        return found;
    made = make_wiped_page(size);
    if (made == NULL)
        made = &no_page;
    if (atomic_compare_exchange_strong(&wiped_page, &found, made))
        return made;
    if (made != &no_page)
        free_wiped_page((void *)made, size);
    return found;
}

uint64_t optly__fork_generation(void)
{
    _Atomic uint64_t *page =
        atomic_load_explicit(&wiped_page, memory_order_acquire);
    uint64_t generation =
        page != NULL ? atomic_load_explicit(page, memory_order_relaxed) : 0;
    uint64_t unset = 0;

    if (generation != 0)
        return generation;
    page = find_wiped_page();
    if (page == &no_page)
        return (uint64_t)getpid();
    generation = atomic_fetch_add(&last_generation, 1) + 1;
    if (atomic_compare_exchange_strong(page, &unset, generation))
        return generation;
    return unset;
}
