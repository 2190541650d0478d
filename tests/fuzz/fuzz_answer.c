/*
 * An answer as libcurl hands it over: whether the headers are repeated, a
 * status, then header lines up to an empty one, then the body, whose bytes are
 * the sizes of its pieces. No more than 64 KiB of each are taken, and the wait
 * is what a second reading of the lines that were taken says.
 */
#include <stdlib.h>
#include <string.h>

#include "dispatch/http_response.h"
#include "fuzz.h"
#include "http_reading.h"
#include "platform/platform.h"

enum { WALL_S = 1700000000, LIMIT = 65536 };

int64_t __wrap_optly__wall_ms(void);

int64_t __wrap_optly__wall_ms(void)
{
    return WALL_S * INT64_C(1000);
}

typedef struct answer {
    optly__http_response response;
    http_reading reading;
    size_t taken;
} answer;

/* False once the headers are too long, as for libcurl. */
static bool feed_line(answer *a, const uint8_t *bytes, size_t len)
{
    char *line = malloc(len > 0 ? len : 1);
    bool is_taken;

    FUZZ_CHECK(line != NULL);
    memcpy(line, bytes, len);
    is_taken = optly__http_response_header(&a->response, line, len);
    FUZZ_CHECK(is_taken == (a->taken + len <= LIMIT));
    if (is_taken) {
        a->taken += len;
        http_reading_line(&a->reading, line, len, WALL_S);
    }
    free(line);
    return is_taken;
}

static bool is_empty_line(const uint8_t *line, size_t len)
{
    return len == 1 || (len == 2 && line[0] == '\r');
}

/* Returns where the body begins. */
static const uint8_t *feed_lines(answer *a, const uint8_t *at,
                                 const uint8_t *end)
{
    while (at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline != NULL ? newline + 1 : end) - at);

        if (!feed_line(a, at, len))
            return end;
        at += len;
        if (is_empty_line(at - len, len))
            break;
    }
    return at;
}

static void feed_body(answer *a, const uint8_t *at, const uint8_t *end)
{
    size_t taken = 0;

    for (; at < end; at++) {
        size_t piece = *at < 128 ? *at : ((size_t)*at - 127) * 517;
        bool is_taken = optly__http_response_body(&a->response, piece);

        FUZZ_CHECK(is_taken == (taken + piece <= LIMIT));
        taken += is_taken ? piece : 0;
    }
    FUZZ_CHECK(a->response.body_bytes == taken && taken <= LIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = fuzz_input_of(data, size);
    unsigned repeats = fuzz_byte(&input);
    long status = (long)(int16_t)fuzz_number(&input, 2);
    const uint8_t *body = input.end;
    answer a = {.taken = 0};
    int64_t wait_ms;

    optly__http_response_init(&a.response);
    http_reading_init(&a.reading);
    for (unsigned i = 0; i <= (repeats < 254 ? 0 : repeats); i++)
        body = feed_lines(&a, input.at, input.end);
    FUZZ_CHECK(a.response.header_bytes == a.taken && a.taken <= LIMIT);
    feed_body(&a, body, input.end);
    wait_ms = optly__http_retry_after_ms(&a.response, WALL_S * INT64_C(1000));
    FUZZ_CHECK(a.reading.is_ambiguous ||
               wait_ms == http_reading_wait_ms(&a.reading, WALL_S));
    FUZZ_CHECK(optly__http_status_outcome(status) ==
               http_reading_outcome(status));
    fuzz_note((uint64_t)wait_ms);
    return 0;
}
