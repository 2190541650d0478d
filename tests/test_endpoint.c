#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dispatch/endpoint.h"

static void test_regions_have_endpoints_in_any_case(void **state)
{
    (void)state;
    assert_string_equal(optly_region_endpoint("US"),
                        "https://logx.optimizely.com/v1/events");
    assert_string_equal(optly_region_endpoint("us"),
                        "https://logx.optimizely.com/v1/events");
    assert_string_equal(optly_region_endpoint("EU"),
                        "https://eu.logx.optimizely.com/v1/events");
    assert_string_equal(optly_region_endpoint("eU"),
                        "https://eu.logx.optimizely.com/v1/events");
}

static void test_unknown_region_has_no_endpoint(void **state)
{
    (void)state;
    assert_null(optly_region_endpoint(NULL));
    assert_null(optly_region_endpoint(""));
    assert_null(optly_region_endpoint("U"));
    assert_null(optly_region_endpoint("US "));
    assert_null(optly_region_endpoint("EUR"));
    assert_null(optly_region_endpoint("ASIA"));
}

static void test_good_endpoints_pass(void **state)
{
    static const char *const urls[] = {
        OPTLY_EVENT_ENDPOINT_US,
        OPTLY_EVENT_ENDPOINT_EU,
        "https://a",
        "HTTPS://Example.COM/",
        "https://example.com:1/x?y=z&u=a@b",
        "https://example.com:65535",
        "https://192.0.2.7/v1",
        "https://[2001:db8::1]:8443/v1",
        "https://my_host.internal./%0d%0a",
        "https://example.com?q",
        "https://100.20.30.0",
        "https://1.a2",
        "https://a.0y",
        "https://1.example.com.",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        assert_int_equal(optly__endpoint_check(urls[i], false, NULL), OPTLY_OK);
}

static void test_plaintext_is_for_loopback_only(void **state)
{
    static const char *const loopback[] = {
        "http://127.0.0.1:8080/v1", "http://127.255.1.2", "http://localhost/",
        "HTTP://LOCALHOST:80",      "http://[::1]:9/",    "http://[0:0::1]/",
    };
    static const char *const elsewhere[] = {
        "http://logx.optimizely.com/v1/events",
        "http://10.0.0.1/",
        "http://128.0.0.1/",
        "http://localhost.example.com/",
        "http://notlocalhost/",
        "http://localhost./",
        "http://127.0.0.1.example.com/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
    };
    optly_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++)
        assert_int_equal(optly__endpoint_check(loopback[i], false, NULL),
                         OPTLY_OK);
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        assert_int_equal(optly__endpoint_check(elsewhere[i], false, &err),
                         OPTLY_ERR_INVALID);
        assert_non_null(strstr(err.message, "allow_plaintext"));
        assert_int_equal(optly__endpoint_check(elsewhere[i], true, NULL),
                         OPTLY_OK);
    }
}

static void test_bad_endpoints_are_refused_and_say_why(void **state)
{
    static const struct {
        const char *url, *why;
    } cases[] = {
        {NULL, "is empty"},
        {"", "is empty"},
        {"example.com", "does not start"},
        {"file:///etc/passwd", "does not start"},
        {"ftp://example.com/", "does not start"},
        {"gopher://example.com/", "does not start"},
        {"dict://example.com/", "does not start"},
        {"ldap://example.com/", "does not start"},
        {"smb://example.com/", "does not start"},
        {"scp://example.com/", "does not start"},
        {"telnet://example.com/", "does not start"},
        {"https:/example.com", "does not start"},
        {"//example.com", "does not start"},
        {"httpss://example.com", "does not start"},
        {" https://example.com", "printable"},
        {"https://example.com/a b", "printable"},
        {"https://example.com/\t", "printable"},
        {"https://example.com/\r\nX: y", "printable"},
        {"https://example.com/\x7f", "printable"},
        {"https://ex\xc3\xa4mple.com/", "printable"},
        {"https://user:pw@example.com/", "user info"},
        {"https://user@example.com/", "user info"},
        {"https://example.com@evil.example/", "user info"},
        {"https://example.com/#fragment", "fragment"},
        {"https://example.com\\@evil.example/", "backslash"},
        {"https://", "no host"},
        {"https:///path", "no host"},
        {"https://:443/", "no host"},
        {"https://exa%6dple.com/", "character"},
        {"https://exa*mple.com/", "character"},
        {"https://.example.com/", "empty label"},
        {"https://example..com/", "empty label"},
        {"https://example.com:/", "port"},
        {"https://example.com:0/", "port"},
        {"https://example.com:65536/", "port"},
        {"https://example.com:000443/", "port"},
        {"https://example.com:+1/", "port"},
        {"https://example.com:1:2/", "port"},
        {"https://example.com:https/", "port"},
        {"https://0177.0.0.1/", "number"},
        {"https://127.1/", "number"},
        {"https://2130706433/", "number"},
        {"https://0x7f000001/", "number"},
        {"https://127.0.0.0x1/", "number"},
        {"https://127.0.0.0X1/", "number"},
        {"https://127.0.00.1/", "number"},
        {"https://exa\\mple.com/", "backslash"},
        {"https://exa(mple.com/", "character"},
        {"https://exa[mple.com/", "character"},
        {"https://exa{mple.com/", "character"},
        {"https://256.0.0.1/", "number"},
        {"https://1.2.3.4.5/", "number"},
        {"https://1.2.3.4./", "number"},
        {"https://[::1/", "bracket"},
        {"https://[fe80::1%25eth0]/", "IPv6"},
        {"https://[127.0.0.1]/", "IPv6"},
        {"https://[]/", "IPv6"},
        {"https://[0000:0000:0000:0000:0000:0000:0000:0000:0000:1]/", "IPv6"},
        {"https://[::1]x/", "between"},
        {"https://[::1]:/", "port"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        optly_error err = {OPTLY_OK, ""};

        assert_int_equal(optly__endpoint_check(cases[i].url, true, &err),
                         OPTLY_ERR_INVALID);
        if (strstr(err.message, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].url, err.message);
        assert_ptr_equal(strstr(err.message, "endpoint: "), err.message);
    }
}

static void test_message_never_repeats_user_info(void **state)
{
    optly_error err;

    (void)state;
    assert_int_equal(
        optly__endpoint_check("https://me:secret@example.com/", true, &err),
        OPTLY_ERR_INVALID);
    assert_null(strstr(err.message, "secret"));
    assert_null(strstr(err.message, "me:"));
}

/* A URL of `len` bytes, whose host has `host_len`. */
static void make_url(char *url, size_t host_len, size_t len)
{
    memcpy(url, "https://", 8);
    memset(url + 8, 'a', len - 8);
    if (8 + host_len < len)
        url[8 + host_len] = '/';
    url[len] = '\0';
}

static void test_limits_hold_on_both_sides(void **state)
{
    char url[3000];

    (void)state;
    make_url(url, 253, 2048);
    assert_int_equal(optly__endpoint_check(url, false, NULL), OPTLY_OK);
    make_url(url, 253, 2049);
    assert_int_equal(optly__endpoint_check(url, false, NULL),
                     OPTLY_ERR_INVALID);
    make_url(url, 254, 300);
    assert_int_equal(optly__endpoint_check(url, false, NULL),
                     OPTLY_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions_have_endpoints_in_any_case),
        cmocka_unit_test(test_unknown_region_has_no_endpoint),
        cmocka_unit_test(test_good_endpoints_pass),
        cmocka_unit_test(test_plaintext_is_for_loopback_only),
        cmocka_unit_test(test_bad_endpoints_are_refused_and_say_why),
        cmocka_unit_test(test_message_never_repeats_user_info),
        cmocka_unit_test(test_limits_hold_on_both_sides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
