#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "fakes/failing_allocator.h"
#include "fakes/http_rig.h"

/* Requires the request's body to be `expected`, compressed. */
static void expect_body(const raw_request *request, const char *expected)
{
    size_t room = strlen(expected) + 16;
    char *plain = calloc(1, room);
    z_stream stream;

    memset(&stream, 0, sizeof(stream));
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK); /* gzip alone */
    stream.next_in = (unsigned char *)request->body;
    stream.avail_in = (unsigned)request->body_len;
    stream.next_out = (unsigned char *)plain;
    stream.avail_out = (unsigned)room;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, strlen(expected));
    assert_string_equal(plain, expected);
    (void)inflateEnd(&stream);
    free(plain);
}

static void test_body_comes_out_the_same_at_every_level(void **state)
{
    enum { LONG = 200000 };
    char *body = malloc(LONG + 1);

    (void)state;
    for (size_t i = 0; i < LONG; i++)
        body[i] = (char)('a' + (i * i) % 23);
    body[LONG] = '\0';
    for (int level = 1; level <= 9; level++) {
        optly_http_config config = optly_http_config_default();
        optly_log_event event;
        http_rig rig;

        config.gzip_level = level;
        http_rig_start(&rig, raw_answer_204, NULL, &config);
        event = fake_log_event(raw_server_url(rig.server), body);

        assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

        assert_non_null(strstr(raw_server_request(rig.server, 0)->head,
                               "\r\nContent-Encoding: gzip\r\n"));
        assert_true(raw_server_request(rig.server, 0)->body_len < LONG / 2);
        expect_body(raw_server_request(rig.server, 0), body);
        http_rig_stop(&rig);
    }
    free(body);
}

static void test_empty_body_is_compressed_too(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly_log_event event;
    http_rig rig;

    (void)state;
    config.gzip_level = 1;
    http_rig_start(&rig, raw_answer_204, NULL, &config);
    event = fake_log_event(raw_server_url(rig.server), "");

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    expect_body(raw_server_request(rig.server, 0), "");
    http_rig_stop(&rig);
}

static void test_lack_of_memory_is_a_retry(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly_outcome outcome = OPTLY_RETRY;
    int failures = 0;

    (void)state;
    config.gzip_level = 6;
    for (int n = 0; outcome != OPTLY_DELIVERED; n++) {
        optly_log_event event;
        http_rig rig;

        failing_allocator_install(FAILING_ALLOCATOR_NEVER);
        http_rig_start(&rig, raw_answer_204, NULL, &config);
        event = fake_log_event(raw_server_url(rig.server), "{}");
        failing_allocator_fail_after((size_t)n);
        outcome = http_rig_send(&rig, &event).outcome;
        failures += outcome == OPTLY_RETRY;
        assert_int_equal(raw_server_requests(rig.server),
                         outcome == OPTLY_DELIVERED);
        http_rig_stop(&rig);
        assert_int_equal(failing_allocator_remove(), 0);
    }
    assert_true(failures >= 2); /* zlib's state, the compressed body */
}

static void test_plain_body_says_nothing_of_an_encoding(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), "{}");

    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    assert_null(strstr(raw_server_request(rig.server, 0)->head, "Encoding"));
    http_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_comes_out_the_same_at_every_level),
        cmocka_unit_test(test_empty_body_is_compressed_too),
        cmocka_unit_test(test_lack_of_memory_is_a_retry),
        cmocka_unit_test(test_plain_body_says_nothing_of_an_encoding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
