/*
 * A server, an HTTP dispatcher and deliveries, put together for a test. Its
 * books are checked when it stops: each attempt has ended once, each body that
 * the server read whole is one that was dispatched, and none counts as
 * delivered more often than it was read.
 */
#ifndef OPTLY_FAKE_HTTP_RIG_H
#define OPTLY_FAKE_HTTP_RIG_H

#include <optly/http_dispatcher.h>

#include "fakes/deliveries.h"
#include "fakes/raw_server.h"

typedef struct http_rig {
    raw_server *server;
    optly_dispatcher dispatcher;
    fake_deliveries deliveries;
    uint64_t bodies[FAKE_MAX_DELIVERIES]; /* hashes, by delivery */
    bool unread; /* the test's script reads by itself, or not to the end */
} http_rig;

/* Aborts when the dispatcher cannot be made. NULL: the default config. */
void http_rig_start(http_rig *rig, raw_script script, void *user,
                    const optly_http_config *config);
void http_rig_stop(http_rig *rig);

/* Hands the event to the dispatcher; its delivery has the next id. */
void http_rig_dispatch(http_rig *rig, const optly_log_event *event);

/* Polls until `count` deliveries are complete; false after 10 s. */
bool http_rig_drive(http_rig *rig, size_t count);

/* Sends `event` and drives until there is a result. */
optly_dispatch_result http_rig_send(http_rig *rig,
                                    const optly_log_event *event);

/* How many descriptors this process has. */
size_t open_descriptors(void);

#endif
