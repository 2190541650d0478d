#include "fakes/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void count_wake(void *user)
{
    ((host *)user)->wakes++;
}

host *host_create(void)
{
    host *h = calloc(1, sizeof(*h));

    assert_non_null(h);
    fake_dispatcher_init(&h->dispatcher);
    h->project = fake_project();
    h->config = optly_processor_config_default();
    h->config.dispatcher = fake_dispatcher_as_dispatcher(&h->dispatcher);
    h->config.on_wake = count_wake;
    h->config.wake_user = h;
    return h;
}

void host_open(host *h)
{
    optly_error err = {OPTLY_OK, ""};

    if (optly_processor_create(&h->processor, &h->config, &err) != OPTLY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(optly_processor_on_delivery(h->processor, fake_reports_add,
                                                 &h->reports, NULL),
                     OPTLY_OK);
}

void host_start(host *h)
{
    host_open(h);
    assert_int_equal(optly_processor_start(h->processor), OPTLY_OK);
}

void host_destroy(host *h)
{
    optly_processor_destroy(h->processor);
    if (h->processor != NULL)
        assert_int_equal(h->dispatcher.destroys, 1);
    fake_dispatcher_cleanup(&h->dispatcher);
    optly_project_destroy(h->project);
    free(h);
}

optly_status host_add(host *h, int number)
{
    char visitor[16];

    (void)snprintf(visitor, sizeof(visitor), "v%d", number);
    return optly_process_event(h->processor,
                               fake_conversion(h->project, visitor));
}

void host_add_many(host *h, int first, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(host_add(h, first + i), OPTLY_OK);
}

optly_stats host_stats(host *h)
{
    optly_stats s = optly_stats_default();
    uint64_t rejected = 0, dropped = 0;

    assert_int_equal(optly_processor_stats(h->processor, &s), OPTLY_OK);
    for (int i = 0; i < OPTLY_REASON_SLOTS; i++) {
        rejected += s.rejected[i];
        dropped += s.dropped[i];
    }
    assert_int_equal(s.attempted, s.accepted + rejected);
    assert_int_equal(s.accepted, s.delivered + dropped + s.pending);
    assert_int_equal(s.pending, s.queued + s.in_flight + s.retry_wait);
    return s;
}

uint64_t host_dropped(host *h, optly_drop_reason reason)
{
    return host_stats(h).dropped[reason];
}

bool host_wait_settled(host *h, uint64_t count)
{
    int64_t until = optly__monotonic_ms() + 10000;

    while (optly__monotonic_ms() < until) {
        optly_stats s = host_stats(h);

        if (s.accepted - s.pending >= count)
            return true;
    }
    return false;
}
