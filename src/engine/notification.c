#include "engine/notification.h"

#include <limits.h>

#include "base/memory.h"

optly_status optly__handlers_add(optly__handlers *handlers, optly__any_fn fn,
                                 void *user, int *id)
{
    optly__handler **at = &handlers->first;
    optly__handler *handler;

    if (fn == NULL || handlers->last_id == INT_MAX)
        return OPTLY_ERR_INVALID;
    handler = optly__alloc_zero(sizeof(*handler));
    if (handler == NULL)
        return OPTLY_ERR_NO_MEMORY;
    handler->fn = fn;
    handler->user = user;
    handler->id = ++handlers->last_id;
    while (*at != NULL)
        at = &(*at)->next;
    *at = handler;
    if (id != NULL)
        *id = handler->id;
    return OPTLY_OK;
}

optly_status optly__handlers_remove(optly__handlers *handlers, int id)
{
    optly__handler **at = &handlers->first;

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    if (*at == NULL)
        return OPTLY_ERR_NOT_FOUND;
    optly__handler *handler = *at;
    *at = handler->next;
    optly__free(handler);
    return OPTLY_OK;
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
