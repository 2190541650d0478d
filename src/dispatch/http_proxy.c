#include "dispatch/http_proxy.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"
#include "base/memory.h"
#include "dispatch/endpoint.h"

enum { MAX_TEXT_BYTES = 8192 };

static const char *proxy_problem(const char *proxy)
{
    static const char *const schemes[] = {"http",    "https",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    const char *authority = strstr(proxy, "://"), *host;
    size_t scheme_len, len;
    bool known = authority == NULL, loopback;

    for (const char *c = proxy; *c != '\0'; c++) {
        if (*c <= 0x20 || *c > 0x7e)
            return "has a byte that is not printable ASCII";
    }
    scheme_len = known ? 0 : (size_t)(authority - proxy);
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        known = known || (strlen(schemes[i]) == scheme_len &&
                          optly__ascii_begins(proxy, schemes[i], scheme_len));
    if (!known)
        return "the scheme is none of http, https, socks4, socks4a, socks5, "
               "socks5h";
    authority = authority == NULL ? proxy : authority + 3;
    len = strcspn(authority, "/");
    if (strcmp(authority + len, "/") != 0 && authority[len] != '\0')
        return "there is something behind the port";
    host = memrchr(authority, '@', len); /* a proxy may have a password */
    host = host != NULL ? host + 1 : authority;
    return optly__authority_problem(host, len - (size_t)(host - authority),
                                    &loopback);
}

/* Copies `prefix` and `text` as one. */
static optly_status take_copy(char **to, const char *prefix, const char *text,
                              const char *field, optly_error *err)
{
    size_t prefix_len = strlen(prefix);
    size_t len = strnlen(text, MAX_TEXT_BYTES + 1);

    if (len > MAX_TEXT_BYTES)
        return optly__fail(err, OPTLY_ERR_TOO_LARGE,
                           "%s: is longer than %d bytes", field,
                           MAX_TEXT_BYTES);
    *to = optly__alloc(prefix_len + len + 1);
    if (*to == NULL)
        return optly__fail_memory(err);
    memcpy(*to, prefix, prefix_len);
    memcpy(*to + prefix_len, text, len + 1);
    return OPTLY_OK;
}

/* Copies a proxy; "" is none. libcurl would guess a missing scheme by the
 * host's name, so it is always written out. */
static optly_status take_proxy(char **to, const char *proxy, const char *field,
                               optly_error *err)
{
    const char *problem;

    if (proxy == NULL || proxy[0] == '\0')
        return OPTLY_OK;
    problem = proxy_problem(proxy);
    if (problem != NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "%s: %s", field, problem);
    return take_copy(to, strstr(proxy, "://") != NULL ? "" : "http://", proxy,
                     field, err);
}

/* Takes the proxy of the first variable that is set; the names end in NULL. */
static optly_status take_env_proxy(char **to, const char *const *names,
                                   optly_error *err)
{
    for (; *names != NULL; names++) {
        const char *value = getenv(*names);

        if (value != NULL && value[0] != '\0')
            return take_proxy(to, value, *names, err);
    }
    return OPTLY_OK;
}

static optly_status take_environment(optly__http_settings *settings,
                                     optly_error *err)
{
    /* HTTP_PROXY is not read: a CGI's client can set it. */
    static const char *const http[] = {"http_proxy", "all_proxy", "ALL_PROXY",
                                       NULL};
    static const char *const https[] = {"https_proxy", "HTTPS_PROXY",
                                        "all_proxy", "ALL_PROXY", NULL};
    optly_status status = take_env_proxy(&settings->http_proxy, http, err);

    if (status != OPTLY_OK)
        return status;
    return take_env_proxy(&settings->https_proxy, https, err);
}

static optly_status take_no_proxy(optly__http_settings *settings,
                                  const optly_http_config *config,
                                  optly_error *err)
{
    const char *no_proxy = config->no_proxy;

    if (no_proxy == NULL && config->use_env_proxy)
        no_proxy = getenv("no_proxy");
    if (no_proxy == NULL && config->use_env_proxy)
        no_proxy = getenv("NO_PROXY");
    if (no_proxy == NULL || no_proxy[0] == '\0')
        return OPTLY_OK;
    return take_copy(&settings->no_proxy, "", no_proxy, "http.no_proxy", err);
}

/* A proxy of the config, also an empty one, goes before the environment's. */
optly_status optly__http_take_proxies(optly__http_settings *settings,
                                      const optly_http_config *config,
                                      optly_error *err)
{
    optly_status status = OPTLY_OK;

    if (config->proxy == NULL && config->use_env_proxy) {
        status = take_environment(settings, err);
    } else {
        status =
            take_proxy(&settings->http_proxy, config->proxy, "http.proxy", err);
        if (status == OPTLY_OK)
            status = take_proxy(&settings->https_proxy, config->proxy,
                                "http.proxy", err);
    }
    if (status != OPTLY_OK)
        return status;
    return take_no_proxy(settings, config, err);
}
