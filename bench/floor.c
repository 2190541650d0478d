/*
 * The least that the job can cost, as a yardstick: a deep copy of the event
 * into a slot, a ring of slots, JSON written by hand, libcurl with one request
 * under way. It knows its one event by heart. No checks of anything, no
 * configuration, no retries, no callbacks, no accounts: not a product.
 *
 *   floor create EVENTS            copies alone
 *   floor pipeline EVENTS BATCH PRODUCERS [URL]
 *
 * The output means what that of caller and pipeline means.
 */
#include "bench.h"
#include "floor_event.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

enum { SLOTS = 2048, MOST_PRODUCERS = 64 };

static struct {
    long events, producers;
    size_t batch;
    CURL *curl; /* NULL: bodies go nowhere */

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t filled, freed;
    uint32_t free[SLOTS], ready[SLOTS];
    size_t free_count, ready_first, ready_count;
    bool sleeps, closing;
} ring = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .filled = PTHREAD_COND_INITIALIZER,
          .freed = PTHREAD_COND_INITIALIZER};

static slot slots[SLOTS];

static size_t write_body(char *body, const uint32_t *indices, size_t count)
{
    char *to = stpcpy(body, "{\"revision\":\"613\","
                            "\"account_id\":\"12001234567\","
                            "\"client_version\":\"1.0.0\",\"visitors\":[");

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *to++ = ',';
        to = floor_write_visitor(to, &slots[indices[i]].event);
    }
    to = stpcpy(to, "],\"project_id\":\"20481130042\","
                    "\"client_name\":\"floor\",\"anonymize_ip\":true,"
                    "\"enrich_decisions\":true,\"region\":\"US\"}");
    return (size_t)(to - body);
}

static uint32_t take_free(void)
{
    uint32_t index;

    (void)pthread_mutex_lock(&ring.lock);
    while (ring.free_count == 0)
        (void)pthread_cond_wait(&ring.freed, &ring.lock);
    index = ring.free[--ring.free_count];
    (void)pthread_mutex_unlock(&ring.lock);
    return index;
}

static void put_ready(uint32_t index)
{
    (void)pthread_mutex_lock(&ring.lock);
    ring.ready[(ring.ready_first + ring.ready_count++) % SLOTS] = index;
    if (ring.sleeps && ring.ready_count >= ring.batch) {
        ring.sleeps = false;
        (void)pthread_cond_signal(&ring.filled);
    }
    (void)pthread_mutex_unlock(&ring.lock);
}

static void *produce(void *arg)
{
    long count = ring.events / ring.producers;

    for (long i = 0; i < count; i++) {
        uint32_t index = take_free();

        floor_create(&slots[index], i);
        put_ready(index);
    }
    *(double *)arg = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

/* Waits for a batch; 0: closing, and nothing is left. */
static size_t take_batch(uint32_t *indices)
{
    size_t count;

    (void)pthread_mutex_lock(&ring.lock);
    while (ring.ready_count < ring.batch && !ring.closing) {
        ring.sleeps = true;
        (void)pthread_cond_wait(&ring.filled, &ring.lock);
    }
    ring.sleeps = false;
    count = ring.ready_count < ring.batch ? ring.ready_count : ring.batch;
    for (size_t i = 0; i < count; i++)
        indices[i] = ring.ready[(ring.ready_first + i) % SLOTS];
    ring.ready_first = (ring.ready_first + count) % SLOTS;
    ring.ready_count -= count;
    (void)pthread_mutex_unlock(&ring.lock);
    return count;
}

static void give_back(const uint32_t *indices, size_t count)
{
    (void)pthread_mutex_lock(&ring.lock);
    memcpy(ring.free + ring.free_count, indices, count * sizeof(*indices));
    ring.free_count += count;
    (void)pthread_cond_broadcast(&ring.freed);
    (void)pthread_mutex_unlock(&ring.lock);
}

static void send_body(const char *body, size_t len)
{
    if (ring.curl == NULL)
        return;
    (void)curl_easy_setopt(ring.curl, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_setopt(ring.curl, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)len);
    if (curl_easy_perform(ring.curl) != CURLE_OK)
        bench_die("the sink does not answer");
}

static void *consume(void *arg)
{
    uint32_t indices[SLOTS];
    char *body = malloc((ring.batch + 1) * EVENT_ROOM);
    size_t count;

    if (body == NULL)
        bench_die("out of memory");
    while ((count = take_batch(indices)) > 0) {
        size_t len = write_body(body, indices, count);

        give_back(indices, count);
        send_body(body, len);
    }
    free(body);
    return arg;
}

static void close_ring(pthread_t consumer)
{
    (void)pthread_mutex_lock(&ring.lock);
    ring.closing = true;
    (void)pthread_cond_signal(&ring.filled);
    (void)pthread_mutex_unlock(&ring.lock);
    (void)pthread_join(consumer, NULL);
}

static void measure_pipeline(void)
{
    double wall = bench_seconds(CLOCK_MONOTONIC), cpu = bench_cpu();
    double caller[MOST_PRODUCERS], sum = 0, calls, count;
    pthread_t producers[MOST_PRODUCERS], consumer;

    if (pthread_create(&consumer, NULL, consume, NULL) != 0)
        bench_die("cannot start a thread");
    for (long i = 0; i < ring.producers; i++) {
        if (pthread_create(&producers[i], NULL, produce, &caller[i]) != 0)
            bench_die("cannot start a thread");
    }
    for (long i = 0; i < ring.producers; i++) {
        (void)pthread_join(producers[i], NULL);
        sum += caller[i];
    }
    calls = bench_seconds(CLOCK_MONOTONIC) - wall;
    close_ring(consumer);
    wall = bench_seconds(CLOCK_MONOTONIC) - wall;
    cpu = bench_cpu() - cpu;
    count = (double)(ring.events / ring.producers * ring.producers);
    bench_print("delivered", count);
    bench_print("wall_s", wall);
    bench_print("cpu_ns", cpu * 1e9 / count);
    bench_print("caller_ns", sum * 1e9 / count);
    bench_print("calls_per_s", count / calls);
}

static void measure_create(long count)
{
    double start;

    bench_park_thread();
    start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (long i = 0; i < count; i++)
        floor_create(&slots[i % 64], i);
    start = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    bench_print("create_mixed_ns", start * 1e9 / (double)count);
}

static size_t drop_answer(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes;
    (void)user;
    return size * count;
}

static CURL *open_curl(const char *url)
{
    static struct curl_slist *headers;
    CURL *curl;

    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Accept: application/json");
    headers = curl_slist_append(headers, "Expect:");
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_answer);
    return curl;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        bench_die("see the top of floor.c");
    bench_make_visitors();
    ring.events = bench_number(argv[2]);
    if (strcmp(argv[1], "create") == 0) {
        measure_create(ring.events);
        return 0;
    }
    if (argc < 5)
        bench_die("see the top of floor.c");
    ring.batch = (size_t)bench_number(argv[3]);
    ring.producers = bench_number(argv[4]);
    if (ring.batch > SLOTS / 2 || ring.producers > MOST_PRODUCERS)
        bench_die("at most 1,024 events a batch, and 64 producers");
    if (argc > 5)
        ring.curl = open_curl(argv[5]);
    for (uint32_t i = 0; i < SLOTS; i++)
        ring.free[ring.free_count++] = i;
    measure_pipeline();
    return 0;
}
