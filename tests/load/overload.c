/*
 * overload [seconds] [events per second]: an endpoint that never answers, under
 * a steady stream of events, once for each overflow policy that does not wait.
 * Memory stays within its bound, and handing over stays fast. Default: 60
 * seconds each, 100,000 events per second.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakes/events.h"
#include "load.h"

enum {
    SECONDS = 60,
    RATE = 100000,
    QUEUE_BYTES = 16 << 20, /* what bounds the queue here, not the number */
    QUEUE_SIZE = 50000,
    BATCH_SIZE = 100,
    BODY_PART = 600, /* bytes of a body for one event, at most */
    IN_FLIGHT = 8,
    SPARE_KIB = 1024,
    SLOTS_NS = 1 << 20 /* longer ones count as this long */
};

/* How often handing over took that many ns; and how often nothing did, which
 * is what the clock and the rest of the machine take. */
static uint32_t times[SLOTS_NS], empty[SLOTS_NS];

/* Listens and never accepts: the system takes connections and bytes in, and
 * nobody answers. */
static int open_black_hole(char *url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    LOAD_CHECK(fd >= 0);
    LOAD_CHECK(bind(fd, (struct sockaddr *)&address, len) == 0);
    LOAD_CHECK(listen(fd, 1024) == 0);
    LOAD_CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    (void)snprintf(url, size, "http://127.0.0.1:%u/v1/events",
                   (unsigned)ntohs(address.sin_port));
    return fd;
}

static uint32_t percentile(const uint32_t *slots, double part)
{
    uint64_t all = 0, below = 0;
    uint32_t at = 0;

    for (int i = 0; i < SLOTS_NS; i++)
        all += slots[i];
    while (at < SLOTS_NS - 1 &&
           (double)(below += slots[at]) < part * (double)all)
        at++;
    return at;
}

static void count(uint32_t *slots, int64_t took_ns)
{
    slots[took_ns < SLOTS_NS ? took_ns : SLOTS_NS - 1]++;
}

static void hand_over(optly_processor *processor, optly_user_event *event)
{
    int64_t start = load_now_ns(), before = load_now_ns();

    count(empty, before - start);
    before = load_now_ns();
    (void)optly_process_event(processor, event);
    count(times, load_now_ns() - before);
}

/* Hands over at the rate; returns the largest private memory seen. */
static long stream(optly_processor *processor, const optly_project *project,
                   uint64_t seconds, uint64_t rate)
{
    int64_t start = load_now_ns(), gap_ns = 1000000000 / (int64_t)rate;
    long most = 0;

    for (uint64_t i = 0; i < seconds * rate; i++) {
        /* The event is made beforehand, and counts for memory only. */
        optly_user_event *event = load_event(project, i);

        while (load_now_ns() < start + (int64_t)i * gap_ns)
            ;
        hand_over(processor, event);
        if (i % (rate / 10) == 0) {
            long now = load_private_kib();

            most = now > most ? now : most;
        }
    }
    return most;
}

static optly_processor *open_processor(const char *url, optly_overflow overflow)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor = NULL;

    config.endpoint = url;
    config.batch_size = BATCH_SIZE;
    config.max_in_flight = IN_FLIGHT;
    config.queue_size = QUEUE_SIZE;
    config.queue_bytes = QUEUE_BYTES;
    config.overflow = overflow;
    LOAD_CHECK(optly_processor_create(&processor, &config, NULL) == OPTLY_OK);
    LOAD_CHECK(optly_processor_start(processor) == OPTLY_OK);
    return processor;
}

/* The byte bound, for DROP_OLDEST twice that; the ring of the queue; and the
 * bodies under way. */
static long bound_kib(optly_overflow overflow)
{
    long queue = QUEUE_BYTES / 1024;
    long ring = QUEUE_SIZE * (long)sizeof(void *) / 1024;
    long bodies = (long)IN_FLIGHT * BATCH_SIZE * BODY_PART / 1024;

    return (overflow == OPTLY_OVERFLOW_DROP_OLDEST ? 2 : 1) * queue + ring +
           bodies;
}

static void run(const char *name, optly_overflow overflow, uint64_t seconds,
                uint64_t rate)
{
    optly_project *project = fake_project();
    optly_stats stats = optly_stats_default();
    char url[64];
    int hole = open_black_hole(url, sizeof(url));
    long before, most, bound = bound_kib(overflow);
    optly_processor *processor;
    int64_t start;

    memset(times, 0, sizeof(times));
    memset(empty, 0, sizeof(empty));
    before = load_private_kib();
    processor = open_processor(url, overflow);
    start = load_now_ns();
    most = stream(processor, project, seconds, rate) - before;
    start = load_now_ns() - start;
    LOAD_CHECK(optly_processor_stats(processor, &stats) == OPTLY_OK);
    optly_processor_destroy(processor);
    (void)printf(
        "overload %s: %.0f events/s for %.1f s, %llu accepted, %llu pending; "
        "memory %ld KiB of %ld + %d; process_event median %u ns, p99 %u ns, "
        "p99.9 %u ns (nothing at all: median %u ns, p99 %u ns, p99.9 %u ns)\n",
        name, (double)stats.attempted * 1e9 / (double)start,
        (double)start / 1e9, (unsigned long long)stats.accepted,
        (unsigned long long)stats.pending, most, bound, SPARE_KIB,
        percentile(times, 0.5), percentile(times, 0.99),
        percentile(times, 0.999), percentile(empty, 0.5),
        percentile(empty, 0.99), percentile(empty, 0.999));
    LOAD_CHECK(stats.attempted == seconds * rate);
    LOAD_CHECK(stats.delivered == 0);
    LOAD_CHECK(most <= bound + SPARE_KIB);
    optly_project_destroy(project);
    (void)close(hole);
}

int main(int argc, char **argv)
{
    uint64_t seconds = load_argument(argc, argv, 1, SECONDS);
    uint64_t rate = load_argument(argc, argv, 2, RATE);

    run("reject", OPTLY_OVERFLOW_REJECT_NEW, seconds, rate);
    run("drop-oldest", OPTLY_OVERFLOW_DROP_OLDEST, seconds, rate);
    return 0;
}
