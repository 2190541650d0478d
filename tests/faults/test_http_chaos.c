/*
 * Chaos: nearly a third of all requests meets a trouble drawn at random, while
 * events come in, threads flush, and one looks at the books all the time.
 * OPTLY_CHAOS_SECONDS makes it longer, OPTLY_CHAOS_SEED repeats a run.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "faults/http_trouble.h"
#include "platform/platform.h"

enum {
    SECONDS = 3,
    PER_SECOND = 4000, /* events at most, so that the ledger has room */
    TROUBLED = 30,     /* of 100 requests */
    SLOW_TROUBLED = 1, /* of 100 requests, time is up */
    WAVE = 50,         /* events that come at once */
    MOST_PENDING = 1000
};

typedef struct chaos {
    http_way way;
    _Atomic uint64_t random;
    atomic_uint requests, troubles;
    atomic_bool ended;
    uint64_t samples; /* the onlooker's */
} chaos;

static uint64_t draw(chaos *c, uint64_t below)
{
    uint64_t x = atomic_fetch_add(&c->random, 0x9E3779B97F4A7C15U);

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return (x ^ (x >> 31)) % below;
}

/* NULL: no trouble. */
static const http_trouble *draw_trouble(chaos *c)
{
    uint64_t chance = draw(c, 100);
    const http_trouble *trouble;

    if (chance >= TROUBLED)
        return NULL;
    do
        trouble = &http_troubles[draw(c, http_trouble_count)];
    while (trouble->slow != (chance < SLOW_TROUBLED));
    (void)atomic_fetch_add(&c->troubles, 1);
    return trouble;
}

static void serve(raw_connection *connection)
{
    chaos *c = ((http_way *)connection->user)->user;
    raw_request request;

    while (raw_wait(connection, POLLIN)) {
        const http_trouble *trouble = draw_trouble(c);

        (void)atomic_fetch_add(&c->requests, 1);
        if (trouble != NULL) {
            if (!http_trouble_play(connection, trouble))
                return;
        } else if (!http_way_take(connection, &request) ||
                   !http_way_deliver(connection, &request)) {
            return;
        }
    }
}

static void *look_on(void *user)
{
    chaos *c = user;

    while (!atomic_load(&c->ended)) {
        (void)http_way_stats(&c->way);
        c->samples++;
        (void)poll(NULL, 0, c->samples % 16 == 0);
    }
    return NULL;
}

static void *flush_now_and_then(void *user)
{
    chaos *c = user;

    while (!atomic_load(&c->ended)) {
        (void)optly_processor_flush(c->way.processor, 10);
        (void)poll(NULL, 0, (int)draw(c, 10));
    }
    return NULL;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void produce(chaos *c, int64_t seconds)
{
    int64_t start = optly__monotonic_ms(), passed = 0, made = 0;

    while (passed < seconds * 1000) {
        if (made + WAVE <= passed * PER_SECOND / 1000 &&
            http_way_stats(&c->way).pending <= MOST_PENDING) {
            http_way_add(&c->way, (int)made, WAVE);
            made += WAVE;
        } else {
            (void)poll(NULL, 0, 1);
        }
        passed = optly__monotonic_ms() - start;
    }
}

static void test_chaos_loses_and_invents_nothing(void **state)
{
    uint64_t seconds = number_of("OPTLY_CHAOS_SECONDS", SECONDS);
    uint64_t seed = number_of("OPTLY_CHAOS_SEED", 1);
    pthread_t onlooker, flusher;
    uuid_sums sums;
    static chaos c;

    (void)state;
    atomic_store(&c.random, seed);
    http_way_init(&c.way, serve, (size_t)seconds * PER_SECOND);
    c.way.user = &c;
    c.way.http.timeout_ms = 200;
    c.way.config.queue_size = 4 * MOST_PENDING;
    http_way_open(&c.way);
    assert_int_equal(pthread_create(&onlooker, NULL, look_on, &c), 0);
    assert_int_equal(pthread_create(&flusher, NULL, flush_now_and_then, &c), 0);

    produce(&c, (int64_t)seconds);
    atomic_store(&c.ended, true);
    (void)pthread_join(onlooker, NULL);
    (void)pthread_join(flusher, NULL);
    sums = http_way_close(&c.way);

    assert_int_equal(sums.changed, 0);
    assert_true(sums.delivered > 0);
    (void)printf("chaos, seed %llu, %llu s: %zu events, %u requests, %u in "
                 "trouble; %zu delivered, %zu dropped by name, %zu repeats; "
                 "%llu samples of the books\n",
                 (unsigned long long)seed, (unsigned long long)seconds,
                 sums.accepted, atomic_load(&c.requests),
                 atomic_load(&c.troubles), sums.delivered, sums.dropped,
                 sums.repeats, (unsigned long long)c.samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chaos_loses_and_invents_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
