/* What the collector takes, counts and keeps, and the bounds of that. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <zlib.h>

#include "fixture.h"

static int set_up_small(void **state)
{
    const collector_config config = {.max_body_bytes = 2000, .max_uuids = 1};

    return set_up_with(state, &config);
}

static void test_good_batch_is_recorded(void **state)
{
    fixture *f = *state;
    collector_counts counts;

    assert_int_equal(post(f, good), 204);

    counts = counts_of(f);
    assert_int_equal(counts.requests, 1);
    assert_int_equal(counts.batches, 1);
    assert_int_equal(counts.events, 2);
    assert_int_equal(counts.distinct, 2);
    assert_int_equal(counts.duplicates, 0);
    assert_int_equal(counts.malformed, 0);
    assert_int_equal(counts.bytes, strlen(good));
    assert_int_equal(counts.connections, 1);
    assert_int_equal(collector_saw(f->c, UUID_1), 1);
    assert_int_equal(collector_saw(f->c, UUID_2), 1);
    assert_int_equal(collector_key_count(f->c, "purchase"), 1);
    assert_int_equal(collector_key_count(f->c, "campaign_activated"), 1);
}

static void test_duplicates_are_counted_and_their_bytes_compared(void **state)
{
    fixture *f = *state;
    collector_sighting first, second;

    post(f, good);
    post(f, good);
    assert_int_equal(counts_of(f).duplicates, 2);
    assert_int_equal(counts_of(f).changed, 0);
    post_altered(f, "\"ann\"", "\"amy\"");

    assert_int_equal(counts_of(f).duplicates, 4);
    assert_int_equal(counts_of(f).changed, 1);
    assert_int_equal(counts_of(f).distinct, 2);
    assert_true(collector_find(f->c, UUID_1, &first));
    assert_true(collector_find(f->c, UUID_2, &second));
    assert_int_equal(first.count, 3);
    assert_int_equal(first.changed, 1);
    assert_int_equal(second.count, 3);
    assert_int_equal(second.changed, 0);
    assert_true(first.hash != second.hash);
    assert_string_equal(first.uuid, UUID_1);
    assert_false(
        collector_find(f->c, "00000000-0000-4000-8000-000000000000", &first));
    assert_int_equal(first.count, 0);
}

static size_t pack(const void *data, size_t len, unsigned char *out, size_t max)
{
    z_stream stream;
    int result;

    memset(&stream, 0, sizeof(stream));
    assert_int_equal(
        deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
        Z_OK);
    stream.next_in = (Bytef *)data;
    stream.avail_in = (uInt)len;
    stream.next_out = out;
    stream.avail_out = (uInt)max;
    result = deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    assert_int_equal(result, Z_STREAM_END);
    return max - stream.avail_out;
}

static int post_gzip(fixture *f, const void *data, size_t len)
{
    client_send(f->port, "POST", "/v1/events",
                "Content-Type: application/json\r\n"
                "Content-Encoding: gzip\r\n",
                data, len, &f->a);
    return f->a.status;
}

static void test_gzip_is_unpacked(void **state)
{
    unsigned char packed[2048];
    size_t len = pack(good, strlen(good), packed, sizeof(packed) - 1);
    fixture *f = *state;
    collector_kept kept;

    assert_int_equal(post_gzip(f, packed, len), 204);

    assert_int_equal(counts_of(f).events, 2);
    assert_int_equal(counts_of(f).bytes, len);
    assert_true(collector_copy_batch(f->c, 1, &kept));
    assert_string_equal(kept.body, good);
    assert_true(kept.gzip);
    free(kept.body);
}

static void test_broken_gzip_gets_400(void **state)
{
    unsigned char packed[2048];
    size_t len = pack(good, strlen(good), packed, sizeof(packed) - 1);
    fixture *f = *state;

    packed[len] = 'x';

    assert_int_equal(post_gzip(f, packed, len - 1), 400);
    assert_int_equal(post_gzip(f, packed, len + 1), 400);
    assert_int_equal(post_gzip(f, packed, 0), 400);
}

static void test_too_much_gets_413(void **state)
{
    static char large[100 * 1000];
    unsigned char packed[1000];
    fixture *f = *state;
    size_t len;

    memset(large, ' ', sizeof(large) - 1);
    len = pack(large, sizeof(large), packed, sizeof(packed));

    assert_int_equal(post(f, large), 413);
    assert_int_equal(post_gzip(f, packed, len), 413);

    assert_int_equal(counts_of(f).too_large, 2);
    assert_int_equal(counts_of(f).malformed, 0);
    assert_int_equal(counts_of(f).bytes, strlen(large) + len);
}

static void test_uuids_beyond_the_bound_are_only_counted(void **state)
{
    fixture *f = *state;

    assert_int_equal(post(f, good), 204);

    assert_int_equal(counts_of(f).events, 2);
    assert_int_equal(counts_of(f).distinct, 1);
    assert_int_equal(counts_of(f).forgotten, 1);
    assert_int_equal(collector_saw(f->c, UUID_2), 0);
}

static void test_only_the_last_batches_are_kept(void **state)
{
    fixture *f = *state;
    collector_kept kept;

    for (int i = 0; i < COLLECTOR_KEPT_BATCHES + 1; i++)
        assert_int_equal(post(f, good), 204);

    assert_false(collector_copy_batch(f->c, 0, &kept));
    assert_false(collector_copy_batch(f->c, 1, &kept));
    assert_true(collector_copy_batch(f->c, 2, &kept));
    assert_int_equal(kept.number, 2);
    assert_int_equal(kept.connection, 2);
    assert_int_equal(kept.events, 2);
    assert_int_equal(kept.body_len, strlen(good));
    free(kept.body);
    assert_false(collector_copy_batch(f->c, COLLECTOR_KEPT_BATCHES + 2, &kept));
}

static void test_kept_bodies_have_a_bound_in_bytes(void **state)
{
    enum { PADDING = 3 * 1024 * 1024 };
    fixture *f = *state;
    collector_kept kept;
    char *body = malloc(strlen(good) + 1 + PADDING);

    assert_non_null(body);
    memset(body, ' ', PADDING);
    memcpy(body + PADDING, good, strlen(good) + 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(post(f, body), 204);
    free(body);

    assert_false(collector_copy_batch(f->c, 1, &kept));
    assert_true(collector_copy_batch(f->c, 2, &kept));
    free(kept.body);
}

static void test_many_uuids_are_found_again(void **state)
{
    enum { MANY = 5000 };
    fixture *f = *state;
    collector_sighting seen;
    char uuid[COLLECTOR_UUID_SIZE];

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012u", i);
        assert_int_equal(post_altered(f, UUID_1, uuid), 204);
    }

    assert_int_equal(counts_of(f).distinct, MANY + 1);
    assert_int_equal(collector_saw(f->c, UUID_2), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012u", i);
        assert_int_equal(collector_saw(f->c, uuid), 1);
    }
    assert_true(collector_uuid_at(f->c, MANY, &seen));
    assert_string_equal(seen.uuid, uuid);
    assert_false(collector_uuid_at(f->c, MANY + 1, &seen));
}

static void *post_many(void *self)
{
    fixture *f = self;

    for (int i = 0; i < 50; i++) {
        post(f, good);
        client_get(f->port, "/api/uuids", &f->a);
        client_get(f->port, "/api/events", &f->a);
    }
    return NULL;
}

static void test_threads_may_post_at_once(void **state)
{
    enum { THREADS = 4 };
    fixture *f = *state, *others = calloc(THREADS, sizeof(*others));
    pthread_t threads[THREADS];

    assert_non_null(others);
    for (int i = 0; i < THREADS; i++) {
        others[i].port = f->port;
        assert_int_equal(
            pthread_create(&threads[i], NULL, post_many, &others[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    free(others);

    assert_int_equal(counts_of(f).batches, THREADS * 50);
    assert_int_equal(collector_saw(f->c, UUID_1), THREADS * 50);
}

static void test_create_refuses_what_it_cannot_listen_on(void **state)
{
    fixture *f = *state;
    const collector_config taken = {.port = f->port};
    const collector_config odd = {.bind = "not an address"};
    char endpoint[64];

    assert_null(collector_create(&taken));
    assert_null(collector_create(&odd));
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u/v1/events",
             (unsigned)f->port);
    assert_string_equal(collector_endpoint(f->c), endpoint);
    collector_destroy(NULL);
}

#define SMALL(name)                                                            \
    cmocka_unit_test_setup_teardown(name, set_up_small, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_good_batch_is_recorded),
        TEST(test_duplicates_are_counted_and_their_bytes_compared),
        TEST(test_gzip_is_unpacked),
        TEST(test_broken_gzip_gets_400),
        SMALL(test_too_much_gets_413),
        SMALL(test_uuids_beyond_the_bound_are_only_counted),
        TEST(test_only_the_last_batches_are_kept),
        TEST(test_kept_bodies_have_a_bound_in_bytes),
        TEST(test_many_uuids_are_found_again),
        TEST(test_threads_may_post_at_once),
        TEST(test_create_refuses_what_it_cannot_listen_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
