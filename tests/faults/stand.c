#include "faults/stand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/events.h"

static optly_outcome respond(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    stand *s = user;

    (void)result;
    if (s->poison != NULL && strstr(event->body, s->poison) != NULL)
        return OPTLY_REFUSED;
    if (atomic_fetch_sub(&s->retries, 1) > 0)
        return OPTLY_RETRY;
    atomic_store(&s->retries, 0);
    return OPTLY_DELIVERED;
}

static void count_report(const optly_delivery_report *report, void *user)
{
    stand *s = user;

    if (report->reason == OPTLY_DROP_NONE)
        (void)atomic_fetch_add(&s->delivered, report->event_count);
    else
        (void)atomic_fetch_add(&s->dropped[report->reason],
                               report->event_count);
}

static void count_line(optly_log_level level, const char *message, void *user)
{
    (void)level;
    (void)message;
    (void)atomic_fetch_add(&((stand *)user)->log_lines, 1);
}

void stand_init(stand *s)
{
    memset(s, 0, sizeof(*s));
    s->project = fake_project();
    s->config = optly_processor_config_default();
    s->config.batch_size = 10;
    s->config.retry_initial_ms = s->config.retry_max_ms = 1;
    s->config.log = count_line;
    s->config.log_user = s;
    assert_int_equal(optly_function_dispatcher_create(&s->config.dispatcher,
                                                      respond, s, NULL),
                     OPTLY_OK);
}

void stand_open(stand *s)
{
    optly_error err = {OPTLY_OK, ""};

    if (optly_processor_create(&s->processor, &s->config, &err) != OPTLY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(
        optly_processor_on_delivery(s->processor, count_report, s, NULL),
        OPTLY_OK);
}

optly_status stand_add(stand *s, const optly_project *project, int number)
{
    const optly_pair tags[] = {optly_int("revenue", 5)};
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event;
    optly_status status;
    char visitor[32];
    optly_user user = {visitor, NULL, 0};

    (void)snprintf(visitor, sizeof(visitor), "visitor-%d.", number);
    conversion.event_key = "purchase";
    conversion.tags = tags;
    conversion.tag_count = 1;
    status = optly_create_conversion(&event, project, &user, &conversion, NULL);
    if (status == OPTLY_OK)
        status = optly_process_event(s->processor, event);
    if (status == OPTLY_OK)
        s->accepted++;
    else
        s->refused++;
    return status;
}

void stand_add_many(stand *s, int first, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(stand_add(s, s->project, first + i), OPTLY_OK);
}

static uint64_t sum(const uint64_t slots[OPTLY_REASON_SLOTS])
{
    uint64_t all = 0;

    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        all += slots[i];
    return all;
}

void stand_check_books(stand *s)
{
    optly_stats stats = optly_stats_default();

    assert_int_equal(optly_processor_stats(s->processor, &stats), OPTLY_OK);
    assert_int_equal(stats.attempted, stats.accepted + sum(stats.rejected));
    assert_int_equal(stats.accepted,
                     stats.delivered + sum(stats.dropped) + stats.pending);
    assert_int_equal(stats.pending,
                     stats.queued + stats.in_flight + stats.retry_wait);
}

unsigned stand_dropped(stand *s)
{
    unsigned all = 0;

    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        all += atomic_load(&s->dropped[i]);
    return all;
}

void stand_run(stand *s, int rounds)
{
    for (; rounds > 0; rounds--) {
        assert_int_equal(optly_processor_run_once(s->processor, 0), OPTLY_OK);
        stand_check_books(s);
    }
}

void stand_finish(stand *s, unsigned dropped)
{
    optly_close_report report = optly_close_report_default();

    assert_int_equal(stand_add(s, s->project, 999999), OPTLY_OK);
    assert_int_not_equal(optly_processor_flush(s->processor, 20000),
                         OPTLY_ERR_TIMEOUT);
    stand_check_books(s);
    assert_int_equal(stand_dropped(s), dropped);
    assert_int_equal(atomic_load(&s->delivered), s->accepted - dropped);
    assert_int_equal(optly_processor_close(s->processor, 20000, &report),
                     OPTLY_OK);
    assert_int_equal(report.delivered, s->accepted - dropped);
    assert_int_equal(report.dropped, dropped);
    assert_int_equal(report.pending, 0);
    stand_cleanup(s);
}

void stand_cleanup(stand *s)
{
    optly_processor_destroy(s->processor);
    optly_project_destroy(s->project);
}
