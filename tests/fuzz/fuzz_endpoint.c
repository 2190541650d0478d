/*
 * An endpoint: a byte that allows plain text, then the URL. Taken exactly when
 * a second reading of the rules takes it; and what is taken means the same to
 * libcurl: that host, no user, and plain text to this machine alone.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#if defined(OPTLY_FUZZ_CURL)
#include <curl/curl.h>
#endif

#include "dispatch/endpoint.h"
#include "fuzz.h"

enum { MOST_URL_LEN = 2048, MOST_HOST_LEN = 253 };

static const char host_bytes[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._";

/* A host, cut out and NUL-terminated. */
typedef struct host {
    char name[MOST_HOST_LEN + 1];
    bool is_v6, is_loopback;
} host;

static bool is_good_port(const char *port, size_t len)
{
    long value;

    if (len == 0 || len > 5 || strspn(port, "0123456789") < len)
        return false;
    value = strtol(port, NULL, 10);
    return value >= 1 && value <= 65535;
}

/* Four numbers up to 255 as a person writes them. */
static bool is_good_v4(const char *name)
{
    struct in_addr address;
    char again[INET_ADDRSTRLEN];

    return inet_pton(AF_INET, name, &address) == 1 &&
           inet_ntop(AF_INET, &address, again, sizeof(again)) != NULL &&
           strcmp(again, name) == 0;
}

/* Whether the last label, but for a dot at the end, is a number. */
static bool ends_in_number(const char *name)
{
    char copy[MOST_HOST_LEN + 1];
    const char *last;
    size_t len = strlen(name);

    memcpy(copy, name, len + 1);
    if (len > 0 && copy[len - 1] == '.')
        copy[len - 1] = '\0';
    last = strrchr(copy, '.');
    last = last != NULL ? last + 1 : copy;
    if (last[0] == '\0')
        return false;
    return strspn(last, "0123456789") == strlen(last) ||
           strncasecmp(last, "0x", 2) == 0;
}

static bool is_good_name(host *h)
{
    size_t len = strlen(h->name);

    if (len == 0 || strspn(h->name, host_bytes) != len || h->name[0] == '.' ||
        strstr(h->name, "..") != NULL)
        return false;
    if (is_good_v4(h->name)) {
        h->is_loopback = strncmp(h->name, "127.", 4) == 0;
        return true;
    }
    h->is_loopback = strcasecmp(h->name, "localhost") == 0;
    return !ends_in_number(h->name);
}

static bool is_good_v6(host *h)
{
    struct in6_addr address;

    if (inet_pton(AF_INET6, h->name, &address) != 1)
        return false;
    h->is_v6 = true;
    h->is_loopback = IN6_IS_ADDR_LOOPBACK(&address);
    return true;
}

static bool cut_host(host *h, const char *from, size_t len)
{
    if (len > MOST_HOST_LEN)
        return false;
    memcpy(h->name, from, len);
    h->name[len] = '\0';
    return true;
}

/* `authority` ends at `len`. */
static bool is_good_authority(const char *authority, size_t len, host *h)
{
    const char *end = authority + len, *after;
    bool is_v6 = len > 0 && authority[0] == '[';

    memset(h, 0, sizeof(*h));
    after = is_v6 ? memchr(authority, ']', len) : memchr(authority, ':', len);
    if (after == NULL && is_v6)
        return false;
    if (after == NULL)
        after = end;
    if (!cut_host(h, authority + is_v6, (size_t)(after - authority) - is_v6))
        return false;
    if (!(is_v6 ? is_good_v6(h) : is_good_name(h)))
        return false;
    after += is_v6;
    return after == end || (*after == ':' &&
                            is_good_port(after + 1, (size_t)(end - after) - 1));
}

static bool is_good_url(const char *url, bool allow_plaintext, host *h)
{
    bool is_secure = strncasecmp(url, "https://", 8) == 0;
    const char *authority = url + (is_secure ? 8 : 7);

    if (!is_secure && strncasecmp(url, "http://", 7) != 0)
        return false;
    if (strlen(url) > MOST_URL_LEN)
        return false;
    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == '#' || *c == '\\')
            return false;
    }
    if (!is_good_authority(authority, strcspn(authority, "/?"), h))
        return false;
    return is_secure || h->is_loopback || allow_plaintext;
}

#if defined(OPTLY_FUZZ_CURL)
/* libcurl, which will read it in the end, reads the same. */
static void check_curl(const char *url, const host *h)
{
    CURLU *handle = curl_url();
    char *scheme = NULL, *name = NULL, *user = NULL;
    size_t len = strlen(h->name);

    FUZZ_CHECK(handle != NULL);
    FUZZ_CHECK(curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK);
    FUZZ_CHECK(curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
    FUZZ_CHECK(curl_url_get(handle, CURLUPART_HOST, &name, 0) == CURLUE_OK);
    FUZZ_CHECK(curl_url_get(handle, CURLUPART_USER, &user, 0) ==
               CURLUE_NO_USER);
    FUZZ_CHECK(strcmp(scheme, strncasecmp(url, "https", 5) == 0 ? "https"
                                                                : "http") == 0);
    if (h->is_v6) {
        struct in6_addr ours, theirs;

        FUZZ_CHECK(name[0] == '[' && name[strlen(name) - 1] == ']');
        name[strlen(name) - 1] = '\0';
        FUZZ_CHECK(inet_pton(AF_INET6, h->name, &ours) == 1);
        FUZZ_CHECK(inet_pton(AF_INET6, name + 1, &theirs) == 1);
        FUZZ_CHECK(memcmp(&ours, &theirs, sizeof(ours)) == 0);
    } else {
        FUZZ_CHECK(strlen(name) == len && strcasecmp(name, h->name) == 0);
    }
    curl_free(scheme);
    curl_free(name);
    curl_url_cleanup(handle);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = fuzz_input_of(data, size);
    bool allow_plaintext = (fuzz_byte(&input) & 1) != 0;
    optly_error err = {OPTLY_OK, ""};
    optly_status status;
    size_t len;
    char *url = fuzz_rest(&input, &len);
    host h;

    status = optly__endpoint_check(url, allow_plaintext, &err);
    FUZZ_CHECK(
        status ==
        (is_good_url(url, allow_plaintext, &h) ? OPTLY_OK : OPTLY_ERR_INVALID));
    if (status != OPTLY_OK)
        FUZZ_CHECK(strncmp(err.message, "endpoint: ", 10) == 0);
#if defined(OPTLY_FUZZ_CURL)
    if (status == OPTLY_OK)
        check_curl(url, &h);
#endif
    fuzz_note((uint64_t)status);
    free(url);
    return 0;
}
