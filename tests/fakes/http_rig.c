#include "fakes/http_rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/auditor.h"

void http_rig_start(http_rig *rig, raw_script script, void *user,
                    const optly_http_config *config)
{
    optly_error err;

    rig->unread = false;
    rig->server = raw_server_start(script, user);
    fake_deliveries_init(&rig->deliveries);
    if (optly_http_dispatcher_create(&rig->dispatcher, config, &err) !=
        OPTLY_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

static void require(bool truth, const char *what, size_t number)
{
    if (truth)
        return;
    (void)fprintf(stderr, "%s: number %zu\n", what, number);
    abort();
}

static bool is_compressed(const raw_request *request)
{
    return strstr(request->head, "Content-Encoding: gzip") != NULL;
}

static bool was_dispatched(const http_rig *rig, uint64_t hash)
{
    for (size_t i = 0; i < rig->deliveries.issued; i++) {
        if (rig->bodies[i] == hash)
            return true;
    }
    return false;
}

/* How many requests with this body there were; a compressed one may be it. */
static size_t times_read(const http_rig *rig, uint64_t hash)
{
    size_t count = raw_server_requests(rig->server), times = 0;

    for (size_t i = 0; i < count; i++) {
        const raw_request *request = raw_server_request(rig->server, i);

        times += is_compressed(request) ||
                 auditor_hash(request->body, request->body_len) == hash;
    }
    return times;
}

static size_t times_delivered(const http_rig *rig, uint64_t hash)
{
    size_t times = 0;

    for (size_t i = 0; i < rig->deliveries.issued; i++)
        times += rig->bodies[i] == hash &&
                 rig->deliveries.results[i].outcome == OPTLY_DELIVERED;
    return times;
}

static void check_books(const http_rig *rig)
{
    size_t count = raw_server_requests(rig->server);

    for (size_t i = 0; i < rig->deliveries.issued; i++) {
        require(rig->deliveries.completions[i] == 1, "not ended once", i);
        if (!rig->unread)
            require(times_delivered(rig, rig->bodies[i]) <=
                        times_read(rig, rig->bodies[i]),
                    "delivered and not read", i);
    }
    for (size_t i = 0; i < count; i++) {
        const raw_request *request = raw_server_request(rig->server, i);

        require(is_compressed(request) ||
                    was_dispatched(
                        rig, auditor_hash(request->body, request->body_len)),
                "read and not dispatched", i);
    }
}

void http_rig_stop(http_rig *rig)
{
    optly_dispatcher_destroy(&rig->dispatcher);
    check_books(rig);
    raw_server_stop(rig->server);
    fake_deliveries_cleanup(&rig->deliveries);
}

void http_rig_dispatch(http_rig *rig, const optly_log_event *event)
{
    rig->bodies[rig->deliveries.issued] =
        auditor_hash(event->body, event->body != NULL ? event->body_len : 0);
    rig->dispatcher.ops->dispatch(rig->dispatcher.self, event,
                                  fake_deliveries_issue(&rig->deliveries));
}

bool http_rig_drive(http_rig *rig, size_t count)
{
    return fake_deliveries_drive(&rig->deliveries, rig->dispatcher, count,
                                 10000);
}

optly_dispatch_result http_rig_send(http_rig *rig, const optly_log_event *event)
{
    size_t id = rig->deliveries.issued;

    http_rig_dispatch(rig, event);
    if (!http_rig_drive(rig, id + 1))
        abort();
    return rig->deliveries.results[id];
}

size_t open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;

    if (directory == NULL)
        abort();
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}
