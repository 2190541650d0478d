#include "dispatch/http_watch.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "platform/platform.h"

enum { FIRST_CAPACITY = 16 };

/* How long to wait after poll failed: out of memory, say. The next try must
 * not follow at once for ever. */
enum { PAUSE_MS = 20 };

void optly__http_watch_forget(optly__http_watch *watch)
{
    watch->due_ms = OPTLY__NEVER;
    watch->count = 1;
    watch->next = 1;
}

optly_status optly__http_watch_init(optly__http_watch *watch)
{
    memset(watch, 0, sizeof(*watch));
    watch->sockets = optly__alloc(FIRST_CAPACITY * sizeof(*watch->sockets));
    if (watch->sockets == NULL)
        return OPTLY_ERR_NO_MEMORY;
    if (!optly__waker_init(&watch->waker)) {
        optly__free(watch->sockets);
        watch->sockets = NULL;
        return OPTLY_ERR_IO;
    }
    watch->capacity = FIRST_CAPACITY;
    watch->sockets[0].fd = watch->waker.read_fd;
    watch->sockets[0].events = POLLIN;
    watch->sockets[0].revents = 0;
    optly__http_watch_forget(watch);
    return OPTLY_OK;
}

void optly__http_watch_cleanup(optly__http_watch *watch)
{
    if (watch->sockets == NULL)
        return;
    optly__waker_cleanup(&watch->waker);
    optly__free(watch->sockets);
    watch->sockets = NULL;
}

static bool grow(optly__http_watch *watch)
{
    struct pollfd *sockets;

    if (watch->count < watch->capacity)
        return true;
    sockets = optly__alloc(2 * watch->capacity * sizeof(*sockets));
    if (sockets == NULL)
        return false;
    memcpy(sockets, watch->sockets, watch->count * sizeof(*sockets));
    optly__free(watch->sockets);
    watch->sockets = sockets;
    watch->capacity *= 2;
    return true;
}

bool optly__http_watch_set(optly__http_watch *watch, int socket, short events)
{
    size_t i = 1;

    while (i < watch->count && watch->sockets[i].fd != socket)
        i++;
    if (events == 0) {
        /* The last one takes its place; if that was ready and is missed now,
         * the next wait finds it again. */
        if (i < watch->count)
            watch->sockets[i] = watch->sockets[--watch->count];
        return true;
    }
    if (i == watch->count) {
        if (!grow(watch))
            return false;
        watch->sockets[i].fd = socket;
        watch->sockets[i].revents = 0;
        watch->count++;
    }
    watch->sockets[i].events = events;
    return true;
}

/* One ms more than asked for, so that the timer is never early; but at once
 * is at once. */
void optly__http_watch_set_timer(optly__http_watch *watch, long timeout_ms)
{
    if (timeout_ms < 0)
        watch->due_ms = OPTLY__NEVER;
    else
        watch->due_ms =
            optly__monotonic_ms() + timeout_ms + (timeout_ms > 0 ? 1 : 0);
}

bool optly__http_watch_take_timer(optly__http_watch *watch)
{
    int64_t now;

    if (watch->due_ms == OPTLY__NEVER)
        return false;
    now = optly__monotonic_ms();
    if (now < watch->due_ms)
        return false;
    watch->due_ms = now + 1;
    return true;
}

static int limit_ms(const optly__http_watch *watch, int timeout_ms)
{
    int64_t left;

    if (watch->due_ms == OPTLY__NEVER)
        return timeout_ms;
    left = watch->due_ms - optly__monotonic_ms();
    if (left < 0)
        left = 0;
    if (timeout_ms >= 0 && timeout_ms < left)
        return timeout_ms;
    return left < INT_MAX ? (int)left : INT_MAX;
}

void optly__http_watch_wait(optly__http_watch *watch, int timeout_ms)
{
    int limit = limit_ms(watch, timeout_ms);
    int ready = poll(watch->sockets, (nfds_t)watch->count, limit);

    watch->next = ready > 0 ? 1 : watch->count;
    if (ready > 0 && watch->sockets[0].revents != 0)
        optly__waker_drain(&watch->waker);
    if (ready < 0 && errno != EINTR)
        (void)poll(NULL, 0, limit >= 0 && limit < PAUSE_MS ? limit : PAUSE_MS);
}

bool optly__http_watch_next(optly__http_watch *watch, int *socket,
                            short *events)
{
    while (watch->next < watch->count) {
        const struct pollfd *ready = &watch->sockets[watch->next++];

        if (ready->revents != 0) {
            *socket = ready->fd;
            *events = ready->revents;
            return true;
        }
    }
    return false;
}
