#include "engine/ledger.h"

static uint64_t *stage_counter(optly__ledger *ledger, optly__stage stage)
{
    switch (stage) {
    case OPTLY__IN_FLIGHT:
        return &ledger->stats.in_flight;
    case OPTLY__RETRY_WAIT:
        return &ledger->stats.retry_wait;
    case OPTLY__QUEUED:
        break;
    }
    return &ledger->stats.queued;
}

void optly__ledger_accept(optly__ledger *ledger, optly_user_event *event,
                          int64_t now_ms)
{
    /* Its clock was read before the lock was taken, perhaps long before. */
    if (now_ms > ledger->last_arrival_ms)
        ledger->last_arrival_ms = now_ms;
    event->sequence = ++ledger->last_sequence;
    event->arrival_ms = ledger->last_arrival_ms;
    event->next = NULL;
    ledger->stats.attempted++;
    ledger->stats.accepted++;
    ledger->stats.queued++;
    ledger->stats.pending++;
    ledger->pending_bytes += event->size;
}

static optly_reject_reason reject_reason(optly_status status)
{
    switch (status) {
    case OPTLY_ERR_QUEUE_FULL:
        return OPTLY_REJECT_QUEUE_FULL;
    case OPTLY_ERR_CLOSED:
        return OPTLY_REJECT_CLOSED;
    case OPTLY_ERR_TOO_LARGE:
        return OPTLY_REJECT_TOO_LARGE;
    case OPTLY_ERR_NO_MEMORY:
        return OPTLY_REJECT_NO_MEMORY;
    default:
        return OPTLY_REJECT_INVALID;
    }
}

void optly__ledger_reject(optly__ledger *ledger, optly_status status)
{
    ledger->stats.attempted++;
    ledger->stats.rejected[reject_reason(status)]++;
}

void optly__ledger_move(optly__ledger *ledger, optly__stage from,
                        optly__stage to, uint64_t count)
{
    *stage_counter(ledger, from) -= count;
    *stage_counter(ledger, to) += count;
}

void optly__ledger_count(optly__ledger *ledger, optly__stage stage,
                         uint64_t count, optly_drop_reason reason)
{
    *stage_counter(ledger, stage) -= count;
    ledger->stats.pending -= count;
    if (reason == OPTLY_DROP_NONE)
        ledger->stats.delivered += count;
    else
        ledger->stats.dropped[reason] += count;
}

/* How many of the events, numbered upwards, the barrier waits for. */
static uint64_t count_before(const optly_user_event *first, uint64_t count,
                             uint64_t target)
{
    uint64_t before = 0;

    while (before < count && first->sequence <= target) {
        before++;
        first = first->next;
    }
    return before;
}

void optly__ledger_settle(optly__ledger *ledger, optly__stage stage,
                          const optly_user_event *first, uint64_t count,
                          uint64_t bytes, optly_drop_reason reason)
{
    optly__ledger_count(ledger, stage, count, reason);
    ledger->pending_bytes -= bytes;
    for (optly__barrier *b = ledger->barriers; b != NULL; b = b->next) {
        uint64_t before = count_before(first, count, b->target);

        b->remaining -= before;
        if (before > 0 && reason != OPTLY_DROP_NONE)
            b->dropped = true;
    }
}

void optly__ledger_displace(optly__ledger *ledger, optly_user_event *event)
{
    optly__ledger_count(ledger, OPTLY__QUEUED, 1, OPTLY_DROP_OVERFLOW);
    ledger->pending_bytes -= event->size;
    /* Flushes that begin from here on do not wait for it; its arrival is not
     * needed any more, so the place holds the number of the last that does. */
    event->arrival_ms = (int64_t)ledger->barriers_made;
}

void optly__ledger_displaced_reported(optly__ledger *ledger,
                                      const optly_user_event *event)
{
    uint64_t last = (uint64_t)event->arrival_ms;

    for (optly__barrier *b = ledger->barriers; b != NULL; b = b->next) {
        if (b->number <= last && event->sequence <= b->target) {
            b->remaining--;
            b->dropped = true;
        }
    }
}

void optly__ledger_open_barrier(optly__ledger *ledger, optly__barrier *barrier)
{
    barrier->number = ++ledger->barriers_made;
    barrier->target = ledger->last_sequence;
    ledger->flush_target = ledger->last_sequence;
    barrier->remaining = ledger->stats.pending;
    barrier->dropped = false;
    barrier->next = ledger->barriers;
    ledger->barriers = barrier;
}

void optly__ledger_close_barrier(optly__ledger *ledger, optly__barrier *barrier)
{
    optly__barrier **at = &ledger->barriers;

    while (*at != barrier)
        at = &(*at)->next;
    *at = barrier->next;
}
