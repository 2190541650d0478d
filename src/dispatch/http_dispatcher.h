/* What the queue dispatcher needs of the HTTP dispatcher. */
#ifndef OPTLY__HTTP_DISPATCHER_H
#define OPTLY__HTTP_DISPATCHER_H

#include <optly/http_dispatcher.h>

/* Whether `dispatcher` was made by optly_http_dispatcher_create. */
bool optly__is_http_dispatcher(const optly_dispatcher *dispatcher);

/* How often cancel was called. Any thread. */
uint64_t optly__http_cancel_count(void *self);

/*
 * One attempt on the calling thread; returns when it has ended. Several threads
 * may run it at once. Every cancel since `cancel_count` was read ends it, also
 * one that came before this call. For a dispatcher whose `dispatch` and `poll`
 * are not in use.
 */
void optly__http_dispatch_blocking(void *self, const optly_log_event *event,
                                   uint64_t cancel_count,
                                   optly_dispatch_result *result);

#endif
