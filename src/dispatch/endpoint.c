#include "dispatch/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"

enum { MAX_URL_BYTES = 2048, MAX_HOST_BYTES = 253 };

const char *optly_region_endpoint(const char *region)
{
    if (region == NULL)
        return NULL;
    if (optly__ascii_begins(region, "US", 2) && region[2] == '\0')
        return OPTLY_EVENT_ENDPOINT_US;
    if (optly__ascii_begins(region, "EU", 2) && region[2] == '\0')
        return OPTLY_EVENT_ENDPOINT_EU;
    return NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_all_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
    }
    return len > 0;
}

static const char *port_problem(const char *port, size_t len)
{
    unsigned long value = 0;

    if (!is_all_digits(port, len) || len > 5)
        return "the port is not a number from 1 to 65535";
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (unsigned long)(port[i] - '0');
    if (value < 1 || value > 65535)
        return "the port is not a number from 1 to 65535";
    return NULL;
}

/* Of the form a.b.c.d in decimal; 010 and 0x7f mean different hosts to
 * different readers, so they are not. */
static bool is_ipv4(const char *host, size_t len, unsigned char address[4])
{
    char text[INET_ADDRSTRLEN];

    if (len >= sizeof(text))
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    for (size_t i = 0; i + 1 < len; i++) {
        if (host[i] == '0' && is_digit(host[i + 1]) &&
            (i == 0 || host[i - 1] == '.'))
            return false;
    }
    return inet_pton(AF_INET, text, address) == 1;
}

/* Whether a resolver may take the name for an IPv4 address. */
static bool ends_in_number(const char *host, size_t len)
{
    size_t start = len;

    if (len > 0 && host[len - 1] == '.')
        start = --len;
    while (start > 0 && host[start - 1] != '.')
        start--;
    if (is_all_digits(host + start, len - start))
        return true;
    return len - start >= 2 && host[start] == '0' &&
           (host[start + 1] == 'x' || host[start + 1] == 'X');
}

static const char *name_problem(const char *host, size_t len, bool *loopback)
{
    unsigned char address[4];

    if (len == 0)
        return "there is no host";
    if (len > MAX_HOST_BYTES)
        return "the host is longer than 253 bytes";
    for (size_t i = 0; i < len; i++) {
        char c = host[i];

        if (!is_digit(c) && !is_alpha(c) && c != '-' && c != '.' && c != '_')
            return "the host has a character that no host name has";
        if (c == '.' && (i == 0 || host[i - 1] == '.'))
            return "the host has an empty label";
    }
    if (is_ipv4(host, len, address))
        *loopback = address[0] == 127;
    else if (ends_in_number(host, len))
        return "the host is a number, but not an IPv4 address";
    else
        *loopback = len == 9 && optly__ascii_begins(host, "localhost", 9);
    return NULL;
}

static const char *ipv6_problem(const char *host, size_t len, bool *loopback)
{
    static const unsigned char local[16] = {[15] = 1};
    char text[INET6_ADDRSTRLEN];
    unsigned char address[16];

    if (len >= sizeof(text))
        return "the host is not an IPv6 address";
    memcpy(text, host, len);
    text[len] = '\0';
    if (inet_pton(AF_INET6, text, address) != 1)
        return "the host is not an IPv6 address";
    *loopback = memcmp(address, local, sizeof(local)) == 0;
    return NULL;
}

const char *optly__authority_problem(const char *authority, size_t len,
                                     bool *loopback)
{
    const char *end = authority + len, *after, *problem;

    *loopback = false;
    if (memchr(authority, '@', len) != NULL)
        return "user info is not allowed";
    if (len > 0 && authority[0] == '[') {
        after = memchr(authority, ']', len);
        if (after == NULL)
            return "the host has no closing bracket";
        problem = ipv6_problem(authority + 1, (size_t)(after - authority) - 1,
                               loopback);
        after++;
    } else {
        after = memchr(authority, ':', len);
        if (after == NULL)
            after = end;
        problem =
            name_problem(authority, (size_t)(after - authority), loopback);
    }
    if (problem != NULL || after == end)
        return problem;
    if (*after != ':')
        return "there is something between host and port";
    return port_problem(after + 1, (size_t)(end - after) - 1);
}

static const char *byte_problem(const char *url)
{
    size_t len = 0;

    for (; url[len] != '\0'; len++) {
        if (len >= MAX_URL_BYTES)
            return "is longer than 2048 bytes";
        if (url[len] <= 0x20 || url[len] > 0x7e)
            return "has a byte that is not printable ASCII";
        if (url[len] == '#')
            return "a fragment is not allowed";
        if (url[len] == '\\')
            return "a backslash is not allowed";
    }
    return NULL;
}

static const char *url_problem(const char *url, bool allow_plaintext)
{
    const char *problem = byte_problem(url), *authority;
    bool secure = optly__ascii_begins(url, "https://", 8);
    bool loopback;

    if (problem != NULL)
        return problem;
    if (!secure && !optly__ascii_begins(url, "http://", 7))
        return "does not start with https:// or http://";
    authority = url + (secure ? 8 : 7);
    problem = optly__authority_problem(authority, strcspn(authority, "/?"),
                                       &loopback);
    if (problem != NULL)
        return problem;
    if (!secure && !loopback && !allow_plaintext)
        return "http:// is for loopback only, unless http.allow_plaintext";
    return NULL;
}

optly_status optly__endpoint_check(const char *url, bool allow_plaintext,
                                   optly_error *err)
{
    const char *problem;

    if (url == NULL || url[0] == '\0')
        return optly__fail(err, OPTLY_ERR_INVALID, "endpoint: is empty");
    problem = url_problem(url, allow_plaintext);
    if (problem != NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "endpoint: %s", problem);
    return OPTLY_OK;
}
