#include "engine/notification.h"

#include <limits.h>

#include "base/memory.h"

optly__handler *optly__handler_create(optly__any_fn fn, void *user)
{
    optly__handler *handler =
        fn != NULL ? optly__alloc_zero(sizeof(*handler)) : NULL;

    if (handler == NULL)
        return NULL;
    handler->fn = fn;
    handler->user = user;
    return handler;
}

optly_status optly__handlers_add(optly__handlers *handlers,
                                 optly__handler *handler, int *id)
{
    optly__handler **at = &handlers->first;

    if (handler == NULL)
        return OPTLY_ERR_NO_MEMORY;
    if (handlers->last_id == INT_MAX) {
        optly__free(handler);
        return OPTLY_ERR_INVALID;
    }
    handler->id = ++handlers->last_id;
    while (*at != NULL)
        at = &(*at)->next;
    *at = handler;
    if (id != NULL)
        *id = handler->id;
    return OPTLY_OK;
}

optly__handler *optly__handlers_remove(optly__handlers *handlers, int id)
{
    optly__handler **at = &handlers->first;
    optly__handler *handler;

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    handler = *at;
    if (handler != NULL)
        *at = handler->next;
    return handler;
}

bool optly__handlers_next(const optly__handlers *handlers, int after, int last,
                          optly__handler *found)
{
    const optly__handler *handler = handlers->first;

    while (handler != NULL && handler->id <= after)
        handler = handler->next;
    if (handler == NULL || handler->id > last)
        return false;
    *found = *handler;
    return true;
}

void optly__handlers_cleanup(optly__handlers *handlers)
{
    while (handlers->first != NULL) {
        optly__handler *handler = handlers->first;

        handlers->first = handler->next;
        optly__free(handler);
    }
}
