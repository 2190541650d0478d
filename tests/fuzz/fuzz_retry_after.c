/*
 * Retry-After: six bytes of a wall clock in ms, then lines, each the value of a
 * Retry-After header, or of a Date header if it begins with a '@'. The wait is
 * within 0 and 10 minutes, and what a second reading of the rules says; so is
 * each date.
 */
#include <stdlib.h>
#include <string.h>

#include "dispatch/http_response.h"
#include "fuzz.h"
#include "http_reading.h"
#include "platform/platform.h"

int64_t __wrap_optly__wall_ms(void);

static int64_t wall_ms;

/* The clock that tells the century of a year with two digits. */
int64_t __wrap_optly__wall_ms(void)
{
    return wall_ms;
}

/* Each value as a date: both read it, and the same moment, or neither does. */
static void check_date(const char *value, size_t len)
{
    int64_t ours = 0, theirs = 0;
    bool is_ambiguous = false;
    bool is_date = optly__http_date(value, len, wall_ms / 1000, &ours);

    FUZZ_CHECK(is_date == http_reading_date(value, len, wall_ms / 1000, &theirs,
                                            &is_ambiguous) ||
               is_ambiguous);
    FUZZ_CHECK(!is_date || is_ambiguous || ours == theirs);
}

static void feed(optly__http_response *response, http_reading *reading,
                 const uint8_t *value, size_t len)
{
    const char *name = "Retry-After: ";
    size_t name_len;
    char *line;

    if (len > 0 && value[0] == '@') {
        name = "Date: ";
        value++;
        len--;
    }
    name_len = strlen(name);
    line = malloc(name_len + len);
    FUZZ_CHECK(line != NULL);
    memcpy(line, name, name_len);
    memcpy(line + name_len, value, len);
    check_date(line + name_len, len);
    FUZZ_CHECK(optly__http_response_header(response, line, name_len + len));
    http_reading_line(reading, line, name_len + len, wall_ms / 1000);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = fuzz_input_of(data, size);
    optly__http_response response;
    http_reading reading;
    int64_t wait_ms;

    if (size > 16384)
        return 0; /* below the limit on all headers */
    wall_ms = (int64_t)(fuzz_number(&input, 6) & 0x3FFFFFFFFFFF);
    optly__http_response_init(&response);
    http_reading_init(&reading);
    while (fuzz_left(&input) > 0) {
        const uint8_t *end = memchr(input.at, '\n', fuzz_left(&input));
        size_t len = end != NULL ? (size_t)(end - input.at) : fuzz_left(&input);

        feed(&response, &reading, input.at, len);
        input.at += end != NULL ? len + 1 : len;
    }
    wait_ms = optly__http_retry_after_ms(&response, wall_ms);
    FUZZ_CHECK(wait_ms >= 0 && wait_ms <= 600000 && wait_ms % 1000 == 0);
    FUZZ_CHECK(reading.is_ambiguous ||
               wait_ms == http_reading_wait_ms(&reading, wall_ms / 1000));
    fuzz_note((uint64_t)wait_ms);
    return 0;
}
