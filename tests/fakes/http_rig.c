#include "fakes/http_rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

void http_rig_start(http_rig *rig, raw_script script, void *user,
                    const optly_http_config *config)
{
    optly_error err;

    rig->server = raw_server_start(script, user);
    fake_deliveries_init(&rig->deliveries);
    if (optly_http_dispatcher_create(&rig->dispatcher, config, &err) !=
        OPTLY_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

void http_rig_stop(http_rig *rig)
{
    optly_dispatcher_destroy(&rig->dispatcher);
    raw_server_stop(rig->server);
    fake_deliveries_cleanup(&rig->deliveries);
}

void http_rig_dispatch(http_rig *rig, const optly_log_event *event)
{
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
