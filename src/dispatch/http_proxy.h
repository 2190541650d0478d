/* Which proxy to use: the config's, or on demand the environment's. */
#ifndef OPTLY__HTTP_PROXY_H
#define OPTLY__HTTP_PROXY_H

#include "dispatch/http_config.h"

/*
 * Fills in http_proxy, https_proxy and no_proxy. Reads http_proxy, https_proxy,
 * HTTPS_PROXY, all_proxy, ALL_PROXY, no_proxy and NO_PROXY only if the config
 * wants that.
 */
optly_status optly__http_take_proxies(optly__http_settings *settings,
                                      const optly_http_config *config,
                                      optly_error *err);

#endif
