#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dispatch/http_response.h"
#include "platform/platform.h"

/* 1994-11-06 08:49:37, the date of HTTP's own examples. */
#define EXAMPLE_S 784111777LL

static void test_status_classes(void **state)
{
    static const long refused[] = {400, 413, 414, 415, 422, 431};
    static const long retried[] = {408, 425, 429, 500, 502, 503, 504,
                                   507, 599, 0,   -1,  1,   100, 101,
                                   103, 199, 600, 700, 999, 2004};
    static const long misconfigured[] = {
        300, 301, 302, 303, 304, 307, 308, 399, 401, 402, 403, 404, 405,
        406, 407, 409, 410, 411, 412, 416, 418, 451, 499, 501, 505};

    (void)state;
    for (long status = 200; status < 300; status++)
        assert_int_equal(optly__http_status_outcome(status), OPTLY_DELIVERED);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(optly__http_status_outcome(refused[i]), OPTLY_REFUSED);
    for (size_t i = 0; i < sizeof(retried) / sizeof(retried[0]); i++)
        assert_int_equal(optly__http_status_outcome(retried[i]), OPTLY_RETRY);
    for (size_t i = 0; i < sizeof(misconfigured) / sizeof(misconfigured[0]);
         i++)
        assert_int_equal(optly__http_status_outcome(misconfigured[i]),
                         OPTLY_MISCONFIGURED);
}

static bool read_date(const char *text, int64_t *seconds)
{
    return optly__http_date(text, strlen(text), 1700000000, seconds);
}

static void test_all_three_forms_of_a_date_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } dates[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE_S},
        {"Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE_S},
        {"Sun Nov  6 08:49:37 1994", EXAMPLE_S},
        {"Wed Nov 16 08:49:37 1994", EXAMPLE_S + 10 * 86400},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"Wed, 01 Mar 2000 00:00:00 GMT", 951868800},
        {"Tue, 19 Jan 2038 03:14:07 GMT", 2147483647},
        {"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
        /* Two digits: never more than 50 years from 2023. */
        {"Sunday, 06-Nov-73 08:49:37 GMT", 3277183777},
        {"Sunday, 06-Nov-74 08:49:37 GMT", 152959777},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        int64_t seconds = -1;

        assert_true(read_date(dates[i].text, &seconds));
        assert_int_equal(seconds, dates[i].seconds);
    }
}

static void test_what_is_no_date_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "Sun",
        "Sun, ",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 -8:49:37 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "1994-11-06T08:49:37Z",
        /* Each form cut off, or wrong, at each of its parts. */
        "Sun, 06 Nov:1994 08:49:37 GMT",
        "Sun, 06:Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994:08:49:37 GMT",
        "Sun, 06 Nov 1994 08.49:37 GMT",
        "Sun, 06 Nov 1994 08:4x:37 GMT",
        "Sun, 06 Nov 1994 08:49.37 GMT",
        "Sun, 06 Nov 1994 08:49:3x GMT",
        "Sun, 06 Nov 1994 08:49:3",
        "Sun Xyz  6 08:49:37 1994",
        "Sun Nov:06 08:49:37 1994",
        "Sun Nov  x 08:49:37 1994",
        "Sun Nov 16:08:49:37 1994",
        "Sun Nov 16 08:49:xx 1994",
        "Sun Nov 16 08:49:37:1994",
        "Sunday 06-Nov-94 08:49:37 GMT",
        "Sunday, x6-Nov-94 08:49:37 GMT",
        "Sunday, 06-Xyz-94 08:49:37 GMT",
        "Sunday, 06-Nov 94 08:49:37 GMT",
        "Sunday, 06Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov94 08:49:37 GMT",
        "Sun, 06Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov1994 08:49:37 GMT",
        "Sun, 06 Nov 199408:49:37 GMT",
        "Sunday, 06-Nov-x4 08:49:37 GMT",
        "Sunday, 06-Nov-94:08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:xx GMT",
        "Sunday, 06-Nov-94 08:49:37 UTC",
        "Sunday, 06-Nov-94 08:49:37 GMT ",
    };
    int64_t seconds;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (read_date(texts[i], &seconds))
            fail_msg("taken for a date: %s", texts[i]);
    }
}

static void feed(optly__http_response *response, const char *line)
{
    assert_true(optly__http_response_header(response, line, strlen(line)));
}

/* The wait in ms that a Retry-After header asks for. */
static int64_t wait_for(const char *header)
{
    optly__http_response response;

    optly__http_response_init(&response);
    feed(&response, "HTTP/1.1 503 Busy\r\n");
    feed(&response, header);
    feed(&response, "\r\n");
    return optly__http_retry_after_ms(&response, EXAMPLE_S * 1000);
}

static void test_retry_after_in_seconds(void **state)
{
    static const struct {
        const char *header;
        int64_t wait_ms;
    } cases[] = {
        {"Retry-After: 0\r\n", 0},
        {"Retry-After: 1\r\n", 1000},
        {"retry-after:120\r\n", 120000},
        {"RETRY-AFTER: \t 7 \t\r\n", 7000},
        {"Retry-After: 0007\r\n", 7000},
        {"Retry-After: 600\r\n", 600000},
        {"Retry-After: 601\r\n", 600000},
        {"Retry-After: 2147483648\r\n", 600000},
        {"Retry-After: 9223372036854775808\r\n", 600000},
        {"Retry-After: 18446744073709551617\r\n", 600000},
        {"Retry-After: -5\r\n", 0},
        {"Retry-After: +5\r\n", 0},
        {"Retry-After: 1.5\r\n", 0},
        {"Retry-After: 12abc\r\n", 0},
        {"Retry-After: 1 2\r\n", 0},
        {"Retry-After: \r\n", 0},
        {"Retry-After:\r\n", 0},
        {"Retry-After\r\n", 0},
        {"Retry-After : 5\r\n", 0},
        {"X-Retry-After: 5\r\n", 0},
        {"Retry-Aftes: 5\r\n", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(wait_for(cases[i].header), cases[i].wait_ms);
}

static void test_retry_after_as_a_date(void **state)
{
    (void)state;
    assert_int_equal(wait_for("Retry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\n"),
                     10000);
    assert_int_equal(
        wait_for("Retry-After: Sunday, 06-Nov-94 08:49:47 GMT\r\n"), 10000);
    assert_int_equal(wait_for("Retry-After: Sun Nov  6 08:49:47 1994\r\n"),
                     10000);
    assert_int_equal(wait_for("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
                     0);
    assert_int_equal(wait_for("Retry-After: Sun, 06 Nov 1994 08:00:00 GMT\r\n"),
                     0);
    assert_int_equal(wait_for("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"),
                     600000);
}

static void test_date_is_measured_by_the_servers_clock(void **state)
{
    optly__http_response response;

    (void)state;
    optly__http_response_init(&response);
    feed(&response, "HTTP/1.1 503 Busy\r\n");
    feed(&response, "Date: Tue, 19 Jan 2038 03:14:07 GMT\r\n");
    feed(&response, "Retry-After: Tue, 19 Jan 2038 03:14:37 GMT\r\n");

    assert_int_equal(optly__http_retry_after_ms(&response, 0), 30000);
    assert_int_equal(
        optly__http_retry_after_ms(&response, INT64_C(4107542400000)), 30000);
}

static void test_longest_of_several_waits_counts(void **state)
{
    optly__http_response response;

    (void)state;
    optly__http_response_init(&response);
    feed(&response, "Retry-After: 9\r\n");
    feed(&response, "Retry-After: 3\r\n");
    feed(&response, "Retry-After: rubbish\r\n");
    assert_int_equal(optly__http_retry_after_ms(&response, EXAMPLE_S * 1000),
                     9000);
    feed(&response, "Retry-After: Sun, 06 Nov 1994 08:49:57 GMT\r\n");
    assert_int_equal(optly__http_retry_after_ms(&response, EXAMPLE_S * 1000),
                     20000);
}

static void test_new_status_line_forgets_the_answer_before(void **state)
{
    optly__http_response response;

    (void)state;
    optly__http_response_init(&response);
    feed(&response, "HTTP/1.1 100 Continue\r\n");
    feed(&response, "Retry-After: 99\r\n");
    feed(&response, "\r\n");
    feed(&response, "HTTP/1.1 503 Busy\r\n");

    assert_int_equal(optly__http_retry_after_ms(&response, 0), 0);
}

static void test_a_status_has_three_digits(void **state)
{
    optly__http_response response;

    (void)state;
    optly__http_response_init(&response);
    feed(&response, "HTTP/1.1 2040 OK\r\n");
    assert_true(response.is_garbled);
    feed(&response, "HTTP/1.1  204\r\n");
    assert_false(response.is_garbled);
    feed(&response, "HTTP/1.1  2045\r\n");
    assert_true(response.is_garbled);
    feed(&response, "HTTP/2 204 \r\n");
    assert_false(response.is_garbled);
    feed(&response, "HTTP/1.1 204 1000 things\r\n");
    assert_false(response.is_garbled);
    feed(&response, "Age: 2040\r\n");
    assert_false(response.is_garbled);
}

static void test_headers_end_at_64_kib(void **state)
{
    optly__http_response response;
    char *line = malloc(65536);

    (void)state;
    memset(line, 'a', 65536);
    optly__http_response_init(&response);
    assert_true(optly__http_response_header(&response, line, 65535));
    assert_true(optly__http_response_header(&response, line, 1));
    assert_false(optly__http_response_header(&response, line, 1));
    assert_true(optly__http_response_body(&response, 65536));
    free(line);
}

static void test_body_ends_at_64_kib(void **state)
{
    optly__http_response response;

    (void)state;
    optly__http_response_init(&response);
    assert_true(optly__http_response_body(&response, 65535));
    assert_true(optly__http_response_body(&response, 1));
    assert_false(optly__http_response_body(&response, 1));
    optly__http_response_init(&response);
    assert_false(optly__http_response_body(&response, SIZE_MAX));
}

/* At the end of a century, 01 is of the next one. */
static void test_a_short_year_may_be_of_the_next_century(void **state)
{
    static const char text[] = "Thursday, 01-Jan-01 00:00:00 GMT";
    int64_t seconds = 0;

    (void)state;
    assert_true(
        optly__http_date(text, strlen(text), 4070908800 /* 2099 */, &seconds));
    assert_int_equal(seconds, 4133980800); /* 2101 */
}

/* A server may repeat the header: the longest wait counts. */
static void test_an_earlier_date_does_not_shorten_a_later_one(void **state)
{
    optly__http_response response;

    (void)state;
    optly__http_response_init(&response);
    feed(&response, "HTTP/1.1 503 Busy\r\n");
    feed(&response, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    feed(&response, "Retry-After: Sun, 06 Nov 1994 08:49:30 GMT\r\n");
    assert_int_equal(response.retry_date_s, EXAMPLE_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_classes),
        cmocka_unit_test(test_all_three_forms_of_a_date_are_read),
        cmocka_unit_test(test_what_is_no_date_is_refused),
        cmocka_unit_test(test_retry_after_in_seconds),
        cmocka_unit_test(test_retry_after_as_a_date),
        cmocka_unit_test(test_date_is_measured_by_the_servers_clock),
        cmocka_unit_test(test_longest_of_several_waits_counts),
        cmocka_unit_test(test_new_status_line_forgets_the_answer_before),
        cmocka_unit_test(test_a_status_has_three_digits),
        cmocka_unit_test(test_headers_end_at_64_kib),
        cmocka_unit_test(test_body_ends_at_64_kib),
        cmocka_unit_test(test_a_short_year_may_be_of_the_next_century),
        cmocka_unit_test(test_an_earlier_date_does_not_shorten_a_later_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
