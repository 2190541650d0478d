/* Answers without an end: cut off, judged, and not kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/http_rig.h"
#include "faults/fault_point.h"
#include "platform/platform.h"

/* Sends as much as it may, and counts. */
typedef struct flood {
    const char *head, *piece;
    size_t len;
    atomic_size_t sent;
} flood;

static void send_for_ever(raw_connection *connection)
{
    flood *f = connection->user;

    if (!raw_read_request(connection) || !raw_send(connection, f->head))
        return;
    while (raw_send_bytes(connection, f->piece, f->len))
        (void)atomic_fetch_add(&f->sent, f->len);
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1)
        abort();
    (void)fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* What is endless is cut off, and takes no memory; nor is it unpacked. */
static void test_floods_take_no_memory(void **state)
{
    enum { PIECE = 65536, ROUNDS = 4, MOST_GROWTH_KIB = 1024 };
    static char text[PIECE], zeros[PIECE], headers[PIECE];
    flood floods[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", text, PIECE, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", text, PIECE,
         0},
        {"HTTP/1.1 200 OK\r\n", headers, PIECE, 0},
        {"HTTP/1.1 200 OK\r\nX-A: ", text, PIECE, 0},
        {"HTTP/1.1 200 OK\r\nX-A: ", zeros, PIECE, 0},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", zeros, PIECE, 0},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n", zeros, PIECE, 0},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "7fffffff\r\n",
         text, PIECE, 0},
    };
    long before = 0, growth;

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < PIECE; i += 64)
        memcpy(headers + i,
               "X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
               "bbbbbbbbbbbb\r\n",
               64);
    for (int round = 0; round < ROUNDS; round++) {
        if (round == 1) /* the first one warms up */
            before = resident_kib();
        for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
            optly_http_config config = optly_http_config_default();
            optly_log_event event;
            http_rig rig;

            atomic_store(&floods[i].sent, 0);
            http_rig_start(&rig, send_for_ever, &floods[i], &config);
            event = fake_log_event(raw_server_url(rig.server), "{}");
            assert_int_equal(http_rig_send(&rig, &event).outcome,
                             OPTLY_DELIVERED);
            http_rig_stop(&rig);
            /* What lay in the sockets' buffers was sent, too. */
            assert_in_range(atomic_load(&floods[i].sent), 0, 32 << 20);
        }
    }
    growth = resident_kib() - before;
    (void)printf("floods: %zu kinds, %d times each: %ld KiB more memory\n",
                 sizeof(floods) / sizeof(floods[0]), ROUNDS - 1, growth);
    if (!FAULT_IS_SANITIZED) /* whose shadows grow */
        assert_true(growth <= MOST_GROWTH_KIB);
}

/* Interim answers: a thousand pass, ten thousand are cut off. */
static void answer_at_last(raw_connection *connection)
{
    int count = *(int *)connection->user;

    if (!raw_read_request(connection))
        return;
    for (int i = 0; i < count; i++) {
        if (!raw_send(connection, i % 2 ? "HTTP/1.1 100 Continue\r\n\r\n"
                                        : "HTTP/1.1 103 Hints\r\n\r\n"))
            return;
    }
    (void)raw_send(connection, "HTTP/1.1 204 No Content\r\n\r\n");
}

static void test_interim_answers_are_bounded(void **state)
{
    static const struct {
        int count;
        optly_outcome outcome;
    } cases[] = {{1000, OPTLY_DELIVERED}, {10000, OPTLY_RETRY}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int count = cases[i].count;
        int64_t start = optly__monotonic_ms();
        optly_log_event event;
        http_rig rig;

        http_rig_start(&rig, answer_at_last, &count, NULL);
        event = fake_log_event(raw_server_url(rig.server), "{}");
        assert_int_equal(http_rig_send(&rig, &event).outcome, cases[i].outcome);
        assert_in_range(optly__monotonic_ms() - start, 0, 5000);
        http_rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floods_take_no_memory),
        cmocka_unit_test(test_interim_answers_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
