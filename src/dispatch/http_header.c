#include "dispatch/http_header.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/ascii.h"

static bool is_token_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* The library's own to set, or such as change how a message is framed. */
static bool is_reserved(const char *name, size_t len)
{
    static const char *const names[] = {"Accept",
                                        "Accept-Encoding",
                                        "Connection",
                                        "Content-Encoding",
                                        "Content-Length",
                                        "Content-Type",
                                        "Expect",
                                        "Host",
                                        "HTTP2-Settings",
                                        "Keep-Alive",
                                        "Proxy-Authorization",
                                        "Proxy-Connection",
                                        "TE",
                                        "Trailer",
                                        "Transfer-Encoding",
                                        "Upgrade",
                                        "User-Agent",
                                        "X-Optimizely-Strict"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && optly__ascii_begins(name, names[i], len))
            return true;
    }
    return false;
}

const char *optly__header_value_problem(const char *value)
{
    bool empty = true;

    for (const char *c = value; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7e)
            return "has a byte that is not printable ASCII";
        empty = empty && *c == ' ';
    }
    /* libcurl takes "Name:" as a wish to leave the header out. */
    return empty ? "has no value" : NULL;
}

const char *optly__header_problem(const char *line)
{
    size_t len = 0;

    if (line == NULL)
        return "is NULL";
    while (is_token_byte(line[len]))
        len++;
    if (len == 0 || line[len] != ':')
        return "is not of the form \"Name: value\"";
    if (is_reserved(line, len))
        return "the name is one that the library sets itself";
    return optly__header_value_problem(line + len + 1);
}
