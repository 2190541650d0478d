#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dispatch/http_config.h"
#include "dispatch/http_header.h"
#include "fakes/failing_allocator.h"

/* A DER sequence of 7 bytes passes for a certificate; one that says it has 6
 * is damaged. */
#define DAMAGED_CERTIFICATE                                                    \
    "-----BEGIN CERTIFICATE-----\nMAQCAgEBAA==\n-----END CERTIFICATE-----\n"
#define WHOLE_CERTIFICATE                                                      \
    "-----BEGIN CERTIFICATE-----\nMAUCAwEAAQ==\n-----END CERTIFICATE-----\n"
#define PLAIN_KEY                                                              \
    "-----BEGIN PRIVATE KEY-----\nMAUCAwEAAQ==\n-----END PRIVATE KEY-----\n"

static char directory[] = "/tmp/optly-http-config-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *content)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    (void)fputs(content, file);
    assert_int_equal(fclose(file), 0);
}

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    write_file("whole.pem", WHOLE_CERTIFICATE);
    write_file("damaged.pem", DAMAGED_CERTIFICATE);
    write_file("cut-off.pem", "-----BEGIN CERTIFICATE-----\nMIIBAAAAAAAAAAAA\n"
                              "-----END CERTIFICATE-----\n");
    write_file("text.pem", "no certificate at all\n");
    write_file("empty.pem", "");
    write_file("cut.pem", "-----BEGIN CERTIFICATE-----\nMAUCAwEAAQ==\n");
    write_file("half.pem",
               WHOLE_CERTIFICATE "-----BEGIN CERTIFICATE-----\nMA*CAwEAAQ==\n"
                                 "-----END CERTIFICATE-----\n");
    write_file("key.pem", PLAIN_KEY);
    write_file("both.pem", WHOLE_CERTIFICATE PLAIN_KEY);
    write_file("locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n"
                             "-----END ENCRYPTED PRIVATE KEY-----\n");
    write_file("old-locked.pem",
               "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
               "DEK-Info: AES-128-CBC,00\n\nMA==\n"
               "-----END RSA PRIVATE KEY-----\n");
    write_file("trusted.pem", "-----BEGIN TRUSTED CERTIFICATE-----\nMA==\n"
                              "-----END TRUSTED CERTIFICATE-----\n");
    write_file("x509.pem", "-----BEGIN X509 CERTIFICATE-----\r\n"
                           "\tMAUC AwEAAQ==\r\n-----END X509 CERTIFICATE-----");
    write_file("other-block.pem",
               "-----BEGIN DH PARAMETERS-----\nMA==\n"
               "-----END DH PARAMETERS-----\n" WHOLE_CERTIFICATE
               "-----BEGIN DH-----\nMA==\n"
               "-----END DH-----\n" PLAIN_KEY);
    write_file("no-label.pem", "-----BEGIN CERTIFICATE");
    write_file("short.pem", "-----BEGIN CERTIFICATE-----\nMA==\n"
                            "-----END CERTIFICATE-----\n");
    /* A length of no bytes, which is the indefinite form; one of seven. */
    write_file("indefinite.pem", "-----BEGIN CERTIFICATE-----\nMIACAQEA\n"
                                 "-----END CERTIFICATE-----\n");
    write_file("long.pem", "-----BEGIN CERTIFICATE-----\nMIcAAAAAAAAB\n"
                           "-----END CERTIFICATE-----\n");
    write_file("no-sequence.pem", "-----BEGIN CERTIFICATE-----\nMQUCAwEAAQ==\n"
                                  "-----END CERTIFICATE-----\n");
    write_file("huge.pem", WHOLE_CERTIFICATE);
    if (truncate(path_of("huge.pem"), (16 << 20) + 1) != 0)
        return -1;
    return mkfifo(path_of("pipe"), 0600);
}

static int remove_directory(void **state)
{
    static const char *const names[] = {
        "whole.pem",   "cut-off.pem",    "damaged.pem",     "text.pem",
        "empty.pem",   "cut.pem",        "half.pem",        "key.pem",
        "both.pem",    "pipe",           "locked.pem",      "old-locked.pem",
        "trusted.pem", "x509.pem",       "other-block.pem", "no-label.pem",
        "short.pem",   "indefinite.pem", "long.pem",        "no-sequence.pem",
        "huge.pem"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(path_of(names[i]));
    return rmdir(directory);
}

/* Requires `config` to be refused with `status`, naming `field`. */
static void expect_refused(const optly_http_config *config, optly_status status,
                           const char *field)
{
    optly__http_settings settings;
    optly_error err = {OPTLY_OK, ""};

    assert_int_equal(optly__http_settings_init(&settings, config, &err),
                     status);
    assert_int_equal(err.status, status);
    if (strncmp(err.message, field, strlen(field)) != 0)
        fail_msg("\"%s\" does not name %s", err.message, field);
}

static void expect_taken(const optly_http_config *config)
{
    optly__http_settings settings;
    optly_error err = {OPTLY_OK, ""};

    if (optly__http_settings_init(&settings, config, &err) != OPTLY_OK)
        fail_msg("%s", err.message);
    optly__http_settings_cleanup(&settings);
}

static void test_no_config_means_the_defaults(void **state)
{
    optly_http_config config = optly_http_config_default();
    const optly_http_config *configs[] = {NULL, &config};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        optly__http_settings settings;

        assert_int_equal(optly__http_settings_init(&settings, configs[i], NULL),
                         OPTLY_OK);
        assert_int_equal(settings.connect_timeout_ms, 5000);
        assert_int_equal(settings.timeout_ms, 10000);
        assert_int_equal(settings.max_connections, 8);
        assert_int_equal(settings.gzip_level, 0);
        assert_string_equal(settings.user_agent, "optly-event/0.1.0");
        assert_null(settings.http_proxy);
        assert_null(settings.https_proxy);
        assert_null(settings.no_proxy);
        assert_null(settings.ca_file);
        assert_int_equal(settings.header_count, 0);
        assert_false(settings.allow_plaintext);
        optly__http_settings_cleanup(&settings);
    }
}

static void test_zeroed_or_unknown_struct_is_refused(void **state)
{
    struct {
        optly_http_config config;
        char later[8];
    } future = {.config = optly_http_config_default()};
    optly_http_config zeroed;

    (void)state;
    memset(&zeroed, 0, sizeof(zeroed));
    expect_refused(&zeroed, OPTLY_ERR_INVALID, "http.struct_size");

    future.config.struct_size = sizeof(future);
    expect_taken(&future.config);
    future.later[7] = 1;
    expect_refused(&future.config, OPTLY_ERR_UNSUPPORTED, "http.struct_size");
}

static void test_numbers_hold_to_their_ranges(void **state)
{
    optly_http_config config = optly_http_config_default();

    (void)state;
    config.connect_timeout_ms = config.timeout_ms = 600000;
    config.max_connections = 1024;
    expect_taken(&config);
    config.connect_timeout_ms = config.timeout_ms = config.max_connections = 1;
    expect_taken(&config);

    config.connect_timeout_ms = 600001;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.connect_timeout_ms");
    config.connect_timeout_ms = 0;
    config.timeout_ms = UINT32_MAX;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.timeout_ms");
    config.timeout_ms = 0;
    config.max_connections = 1025;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.max_connections");
    config.max_connections = 0;
    config.gzip_level = -1;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.gzip_level");
    config.gzip_level = 10;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.gzip_level");
}

static void test_authorities_are_read_at_create(void **state)
{
    static const char *const bad[] = {
        "damaged.pem", "cut-off.pem", "text.pem",    "empty.pem", "cut.pem",
        "half.pem",    "key.pem",     "missing.pem", "pipe",      "."};
    optly_http_config config = optly_http_config_default();

    (void)state;
    config.ca_file = path_of("whole.pem");
    expect_taken(&config);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        config.ca_file = path_of(bad[i]);
        expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_file");
    }
    config.ca_file = "";
    expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_file");
    config.ca_file = "/dev/full";
    expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_file");

    config.ca_file = NULL;
    config.ca_path = directory;
    expect_taken(&config);
    config.ca_path = "/nonexistent";
    expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_path");
    config.ca_path = path_of("whole.pem");
    expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_path");
}

static void test_system_bundle_passes(void **state)
{
    optly_http_config config = optly_http_config_default();

    (void)state;
    config.ca_file = "/etc/ssl/certs/ca-certificates.crt";
    if (access(config.ca_file, R_OK) != 0)
        skip();
    expect_taken(&config);
}

static void test_blob_is_checked_and_copied(void **state)
{
    char blob[] = WHOLE_CERTIFICATE;
    optly_http_config config = optly_http_config_default();
    optly__http_settings settings;

    (void)state;
    config.ca_blob = blob;
    config.ca_blob_len = strlen(blob);
    assert_int_equal(optly__http_settings_init(&settings, &config, NULL),
                     OPTLY_OK);
    memset(blob, 'x', sizeof(blob) - 1);
    assert_memory_equal(settings.ca_blob, WHOLE_CERTIFICATE,
                        strlen(WHOLE_CERTIFICATE));
    optly__http_settings_cleanup(&settings);

    expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_blob"); /* all x */
    config.ca_blob_len = 0;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_blob");
    config.ca_blob = NULL;
    config.ca_blob_len = 5;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_blob");
    config.ca_blob = WHOLE_CERTIFICATE;
    config.ca_blob_len = strlen(WHOLE_CERTIFICATE);
    expect_taken(&config);
    config.ca_file = path_of("whole.pem");
    expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_blob");
}

static void test_client_certificate_needs_a_plain_key(void **state)
{
    char certificate[128], key[128];
    optly_http_config config = optly_http_config_default();

    (void)state;
    (void)snprintf(certificate, sizeof(certificate), "%s",
                   path_of("whole.pem"));
    (void)snprintf(key, sizeof(key), "%s", path_of("key.pem"));
    config.client_cert_file = certificate;
    config.client_key_file = key;
    expect_taken(&config);

    config.client_key_file = NULL; /* then it is in the certificate's file */
    expect_refused(&config, OPTLY_ERR_INVALID, "http.client_cert_file");
    config.client_cert_file = path_of("both.pem");
    expect_taken(&config);
    config.client_cert_file = key;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.client_cert_file");

    config.client_cert_file = certificate;
    config.client_key_file = certificate;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.client_key_file");
    config.client_key_file = path_of("locked.pem");
    expect_refused(&config, OPTLY_ERR_INVALID, "http.client_key_file");
    config.client_key_file = path_of("old-locked.pem");
    expect_refused(&config, OPTLY_ERR_INVALID, "http.client_key_file");
    config.client_key_file = path_of("missing.pem");
    expect_refused(&config, OPTLY_ERR_INVALID, "http.client_key_file");
    config.client_cert_file = NULL;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.client_key_file");
}

static void test_good_proxies_are_taken_with_a_scheme(void **state)
{
    static const struct {
        const char *given, *kept;
    } proxies[] = {
        {"proxy", "http://proxy"},
        {"ftp.example.com:21", "http://ftp.example.com:21"},
        {"proxy:3128", "http://proxy:3128"},
        {"proxy:3128/", "http://proxy:3128/"},
        {"http://me:p@ss@proxy:3128", "http://me:p@ss@proxy:3128"},
        {"HTTPS://[::1]:3128", "HTTPS://[::1]:3128"},
        {"socks4://10.0.0.1", "socks4://10.0.0.1"},
        {"socks4a://proxy", "socks4a://proxy"},
        {"socks5://proxy", "socks5://proxy"},
        {"socks5h://proxy:1080", "socks5h://proxy:1080"},
    };
    optly_http_config config = optly_http_config_default();

    (void)state;
    for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
        optly__http_settings settings;

        config.proxy = proxies[i].given;
        assert_int_equal(optly__http_settings_init(&settings, &config, NULL),
                         OPTLY_OK);
        assert_string_equal(settings.http_proxy, proxies[i].kept);
        assert_string_equal(settings.https_proxy, proxies[i].kept);
        optly__http_settings_cleanup(&settings);
    }
}

static void test_bad_proxies_are_refused_without_their_password(void **state)
{
    static const char *const proxies[] = {"ftp://proxy",
                                          "://proxy",
                                          "http://",
                                          "http://proxy:0",
                                          "proxy:99999",
                                          "proxy:port",
                                          "http://proxy/path",
                                          "http://proxy//",
                                          "pro xy",
                                          "http://pr\xc3\xb6xy",
                                          "socks6://proxy",
                                          "[::1",
                                          "http://me:secret@",
                                          "http://me:secret@proxy:0",
                                          "proxy\r\nX: y",
                                          "http://a@b:secret@0x7f.1"};
    optly_http_config config = optly_http_config_default();

    (void)state;
    for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
        optly__http_settings settings;
        optly_error err = {OPTLY_OK, ""};

        config.proxy = proxies[i];
        expect_refused(&config, OPTLY_ERR_INVALID, "http.proxy");
        (void)optly__http_settings_init(&settings, &config, &err);
        assert_null(strstr(err.message, "secret"));
    }
}

static void set_proxy_variables(void)
{
    (void)setenv("http_proxy", "one:1", 1);
    (void)setenv("HTTP_PROXY", "evil:6", 1);
    (void)setenv("https_proxy", "two:2", 1);
    (void)setenv("HTTPS_PROXY", "three:3", 1);
    (void)setenv("ALL_PROXY", "four:4", 1);
    (void)setenv("NO_PROXY", "example.com", 1);
}

static void unset_proxy_variables(void)
{
    static const char *const names[] = {
        "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unsetenv(names[i]);
}

static void take(optly__http_settings *settings,
                 const optly_http_config *config)
{
    assert_int_equal(optly__http_settings_init(settings, config, NULL),
                     OPTLY_OK);
}

static void test_environment_is_read_only_on_demand(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly__http_settings settings;

    (void)state;
    unset_proxy_variables();
    set_proxy_variables();

    take(&settings, &config);
    assert_null(settings.http_proxy);
    assert_null(settings.https_proxy);
    assert_null(settings.no_proxy);
    optly__http_settings_cleanup(&settings);

    config.use_env_proxy = true;
    take(&settings, &config);
    assert_string_equal(settings.http_proxy, "http://one:1");
    assert_string_equal(settings.https_proxy, "http://two:2");
    assert_string_equal(settings.no_proxy, "example.com");
    optly__http_settings_cleanup(&settings);

    (void)unsetenv("http_proxy"); /* HTTP_PROXY never counts */
    (void)unsetenv("https_proxy");
    take(&settings, &config);
    assert_string_equal(settings.http_proxy, "http://four:4");
    assert_string_equal(settings.https_proxy, "http://three:3");
    optly__http_settings_cleanup(&settings);

    config.proxy = ""; /* none, whatever the environment says */
    config.no_proxy = "*";
    take(&settings, &config);
    assert_null(settings.http_proxy);
    assert_null(settings.https_proxy);
    assert_string_equal(settings.no_proxy, "*");
    optly__http_settings_cleanup(&settings);

    config.proxy = NULL;
    (void)setenv("https_proxy", "http://a b", 1);
    expect_refused(&config, OPTLY_ERR_INVALID, "https_proxy");
    unset_proxy_variables();
}

static void test_every_forbidden_byte_in_a_header_is_refused(void **state)
{
    static const char line[] = "X-Name: value";

    (void)state;
    assert_null(optly__header_problem(line));
    for (size_t at = 0; at < sizeof(line) - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char changed[sizeof(line)];
            bool printable = byte >= 0x20 && byte <= 0x7e;

            memcpy(changed, line, sizeof(line));
            changed[at] = (char)byte;
            if (printable)
                continue;
            /* A NUL only ends the text: what is before it has to do. */
            if (byte == 0 && at >= sizeof("X-Name: v") - 1)
                continue;
            assert_non_null(optly__header_problem(changed));
        }
    }
}

static void test_header_forms(void **state)
{
    static const char *const good[] = {"Authorization: Bearer abc", "X-A:b",
                                       "X-A: b c; d=\"e\"",
                                       "x!#$%&'*+-.^_`|~1: y", "X-Colon: a:b"};
    static const char *const bad[] = {
        "",       ":",     ": value", "Name",  "Name value", "Name : value",
        "X Y: z", "Name:", "Name: ",  "Name;", "(x): y",     "@file",
        " X: y"};

    (void)state;
    assert_non_null(optly__header_problem(NULL));
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_null(optly__header_problem(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_non_null(optly__header_problem(bad[i]));
}

static void test_headers_of_the_library_cannot_be_replaced(void **state)
{
    static const char *const names[] = {"Host",
                                        "content-length",
                                        "Transfer-Encoding",
                                        "Content-Type",
                                        "Content-Encoding",
                                        "ACCEPT",
                                        "Expect",
                                        "Connection",
                                        "User-Agent",
                                        "Upgrade",
                                        "TE",
                                        "X-Optimizely-Strict",
                                        "Trailer",
                                        "Accept-Encoding",
                                        "Proxy-Authorization",
                                        "Keep-Alive",
                                        "Proxy-Connection",
                                        "HTTP2-Settings"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char line[64];

        (void)snprintf(line, sizeof(line), "%s: x", names[i]);
        assert_non_null(optly__header_problem(line));
    }
    assert_null(optly__header_problem("Hosts: x"));
    assert_null(optly__header_problem("Hos: x"));
}

static void test_header_errors_name_the_field(void **state)
{
    const char *lines[65];
    char text[8194];
    optly_http_config config = optly_http_config_default();

    (void)state;
    for (size_t i = 0; i < 65; i++)
        lines[i] = "X-A: b";
    config.headers = lines;
    config.header_count = 64;
    expect_taken(&config);
    config.header_count = 65;
    expect_refused(&config, OPTLY_ERR_TOO_LARGE, "http.header_count");
    config.header_count = 3;
    lines[2] = "X-A: b\r\nX-B: c";
    expect_refused(&config, OPTLY_ERR_INVALID, "http.headers[2]");
    config.headers = NULL;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.headers");
    config.header_count = 0;

    config.user_agent = "a\nb";
    expect_refused(&config, OPTLY_ERR_INVALID, "http.user_agent");
    config.user_agent = "";
    expect_refused(&config, OPTLY_ERR_INVALID, "http.user_agent");
    memset(text, 'a', sizeof(text));
    text[8193] = '\0';
    config.user_agent = text;
    expect_refused(&config, OPTLY_ERR_TOO_LARGE, "http.user_agent");
    text[8192] = '\0';
    expect_taken(&config);
}

static void test_every_failed_allocation_is_survived(void **state)
{
    static const char *const lines[] = {"X-A: b", "X-C: d"};
    char certificate[128];
    optly_http_config config = optly_http_config_default();
    optly_status status = OPTLY_ERR_NO_MEMORY;
    int failures = 0;

    (void)state;
    (void)snprintf(certificate, sizeof(certificate), "%s",
                   path_of("whole.pem"));
    config.ca_file = certificate;
    config.client_cert_file = path_of("both.pem");
    config.proxy = "http://me:secret@proxy";
    config.no_proxy = "localhost";
    config.headers = lines;
    config.header_count = 2;
    for (int n = 0; status != OPTLY_OK; n++) {
        optly__http_settings settings;

        failing_allocator_install((size_t)n);
        status = optly__http_settings_init(&settings, &config, NULL);
        if (status == OPTLY_OK)
            optly__http_settings_cleanup(&settings);
        else
            failures++;
        assert_int_equal(failing_allocator_remove(), 0);
        assert_true(status == OPTLY_OK || status == OPTLY_ERR_NO_MEMORY);
    }
    assert_true(failures >= 10);
}

static void test_only_whole_blocks_of_the_right_kind_count(void **state)
{
    static const char *const good[] = {"trusted.pem", "x509.pem",
                                       "other-block.pem"};
    static const char *const bad[] = {"no-label.pem",    "short.pem",
                                      "indefinite.pem",  "long.pem",
                                      "no-sequence.pem", "huge.pem"};
    optly_http_config config = optly_http_config_default();

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        config.ca_file = path_of(good[i]);
        expect_taken(&config);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        config.ca_file = path_of(bad[i]);
        expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_file");
    }
    config.ca_file = NULL;
    config.client_cert_file = path_of("other-block.pem");
    expect_taken(&config);
}

static void test_a_blob_has_a_bound_and_takes_no_second_source(void **state)
{
    optly_http_config config = optly_http_config_default();

    (void)state;
    config.ca_blob = WHOLE_CERTIFICATE;
    config.ca_blob_len = (16 << 20) + 1; /* not read */
    expect_refused(&config, OPTLY_ERR_TOO_LARGE, "http.ca_blob");
    config.ca_blob_len = strlen(WHOLE_CERTIFICATE);
    config.ca_path = directory;
    expect_refused(&config, OPTLY_ERR_INVALID, "http.ca_blob");
    config.ca_path = NULL;
    failing_allocator_install(0);
    expect_refused(&config, OPTLY_ERR_NO_MEMORY, "out of memory");
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_proxy_texts_have_a_bound(void **state)
{
    static char text[8194];
    optly_http_config config = optly_http_config_default();

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    config.no_proxy = text;
    expect_refused(&config, OPTLY_ERR_TOO_LARGE, "http.no_proxy");
    text[8192] = '\0';
    expect_taken(&config);
    config.no_proxy = "";
    expect_taken(&config);
}

static void test_the_proxies_of_the_environment_are_checked(void **state)
{
    optly_http_config config = optly_http_config_default();
    optly__http_settings settings;

    (void)state;
    unset_proxy_variables();
    config.use_env_proxy = true;
    (void)setenv("http_proxy", "http://a b", 1);
    expect_refused(&config, OPTLY_ERR_INVALID, "http_proxy");
    (void)setenv("http_proxy", "", 1); /* as if unset */
    (void)setenv("all_proxy", "four:4", 1);
    take(&settings, &config);
    assert_string_equal(settings.http_proxy, "http://four:4");
    assert_null(settings.no_proxy);
    optly__http_settings_cleanup(&settings);
    unset_proxy_variables();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_config_means_the_defaults),
        cmocka_unit_test(test_zeroed_or_unknown_struct_is_refused),
        cmocka_unit_test(test_numbers_hold_to_their_ranges),
        cmocka_unit_test(test_authorities_are_read_at_create),
        cmocka_unit_test(test_system_bundle_passes),
        cmocka_unit_test(test_blob_is_checked_and_copied),
        cmocka_unit_test(test_client_certificate_needs_a_plain_key),
        cmocka_unit_test(test_good_proxies_are_taken_with_a_scheme),
        cmocka_unit_test(test_bad_proxies_are_refused_without_their_password),
        cmocka_unit_test(test_environment_is_read_only_on_demand),
        cmocka_unit_test(test_every_forbidden_byte_in_a_header_is_refused),
        cmocka_unit_test(test_header_forms),
        cmocka_unit_test(test_headers_of_the_library_cannot_be_replaced),
        cmocka_unit_test(test_header_errors_name_the_field),
        cmocka_unit_test(test_every_failed_allocation_is_survived),
        cmocka_unit_test(test_only_whole_blocks_of_the_right_kind_count),
        cmocka_unit_test(test_a_blob_has_a_bound_and_takes_no_second_source),
        cmocka_unit_test(test_proxy_texts_have_a_bound),
        cmocka_unit_test(test_the_proxies_of_the_environment_are_checked),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
