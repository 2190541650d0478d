/* The README's first block of code, run as it stands. */
#include <stdio.h>

#include <optly/event.h>

static const char datafile[] =
    "{\"version\":\"4\",\"accountId\":\"1\",\"projectId\":\"2\","
    "\"revision\":\"3\",\"attributes\":[{\"id\":\"4\",\"key\":\"device\"}],"
    "\"events\":[{\"id\":\"5\",\"key\":\"purchase\"}]}";

static uint32_t events, devices;

/* In the place of the endpoint. */
static optly_outcome deliver(const optly_log_event *batch,
                             optly_dispatch_result *result, void *user)
{
    (void)result;
    (void)user;
    events += batch->event_count;
    devices += strstr(batch->body, "\"phone\"") != NULL;
    return OPTLY_DELIVERED;
}

static optly_status create(optly_processor **out,
                           const optly_processor_config *config,
                           optly_error *err)
{
    optly_processor_config here =
        config != NULL ? *config : optly_processor_config_default();
    optly_status status =
        optly_function_dispatcher_create(&here.dispatcher, deliver, NULL, NULL);

    return status == OPTLY_OK ? optly_processor_create(out, &here, err)
                              : status;
}

#define optly_processor_create create

static void run(void)
{
#include "readme_block.h"
}

int main(void)
{
    run();
    printf("%u events\n", (unsigned)events);
    return events == 1 && devices == 1 ? 0 : 1;
}
