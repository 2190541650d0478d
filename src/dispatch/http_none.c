/* In the place of the HTTP dispatcher where the library is built without. */
#include "dispatch/http_dispatcher.h"

#include <string.h>

#include "base/error.h"

optly_status optly_http_dispatcher_create(optly_dispatcher *out,
                                          const optly_http_config *config,
                                          optly_error *err)
{
    (void)config;
    if (out == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "out: is NULL");
    memset(out, 0, sizeof(*out));
    return optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                       "this build has no HTTP dispatcher: give a dispatcher "
                       "of your own");
}

bool optly__is_http_dispatcher(const optly_dispatcher *dispatcher)
{
    (void)dispatcher;
    return false;
}

uint64_t optly__http_cancel_count(void *self)
{
    (void)self;
    return 0;
}

void optly__http_dispatch_blocking(void *self, const optly_log_event *event,
                                   uint64_t cancel_count,
                                   optly_dispatch_result *result)
{
    (void)self;
    (void)event;
    (void)cancel_count;
    *result = optly_dispatch_result_default();
}
