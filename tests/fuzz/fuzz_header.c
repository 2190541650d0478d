/*
 * A header that a host wants to add: one that is taken is a token, a colon and
 * printable ASCII, is not the library's own, and libcurl sends it as one line.
 * One of that form is taken.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dispatch/http_header.h"
#include "fuzz.h"

static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                            "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char own[] =
    "|accept|accept-encoding|connection|content-encoding|content-length|"
    "content-type|expect|host|http2-settings|keep-alive|proxy-authorization|"
    "proxy-connection|te|trailer|transfer-encoding|upgrade|user-agent|"
    "x-optimizely-strict|";

static bool is_own(const char *line, size_t len)
{
    char name[64] = "|";

    if (len > 40)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '|')
            return false;
        name[i + 1] = (char)tolower((unsigned char)line[i]);
    }
    name[len + 1] = '|';
    return strstr(own, name) != NULL;
}

static bool is_good_value(const char *value)
{
    bool has_any = false;

    for (; *value != '\0'; value++) {
        if (!isascii((unsigned char)*value) || !isprint((unsigned char)*value))
            return false;
        has_any = has_any || *value != ' ';
    }
    return has_any;
}

static bool is_good(const char *line)
{
    size_t name = strspn(line, token);

    return name > 0 && line[name] == ':' && !is_own(line, name) &&
           is_good_value(line + name + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = fuzz_input_of(data, size);
    size_t len;
    char *line = fuzz_rest(&input, &len);
    const char *problem = optly__header_problem(line);

    FUZZ_CHECK((problem == NULL) == is_good(line));
    FUZZ_CHECK((optly__header_value_problem(line) == NULL) ==
               is_good_value(line));
    fuzz_note(problem == NULL);
    free(line);
    return 0;
}
