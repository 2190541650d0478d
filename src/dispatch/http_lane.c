#include "dispatch/http_lane.h"

#include <curl/curl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "dispatch/sigpipe.h"

struct optly__http_waiting {
    const optly_log_event *event;
    optly_delivery delivery;
    struct optly__http_waiting *next;
};

static void complete_as(optly_delivery delivery, optly_outcome outcome,
                        const char *detail)
{
    optly_dispatch_result result = optly_dispatch_result_default();

    result.outcome = outcome;
    (void)snprintf(result.detail, sizeof(result.detail), "%s", detail);
    optly_delivery_complete(delivery, &result);
}

static void link_active(optly__http_lane *lane, optly__http_transfer *transfer)
{
    transfer->next = NULL;
    transfer->previous = lane->active_tail;
    if (lane->active_tail != NULL)
        lane->active_tail->next = transfer;
    else
        lane->active = transfer;
    lane->active_tail = transfer;
    lane->active_count++;
}

static void unlink_active(optly__http_lane *lane,
                          optly__http_transfer *transfer)
{
    if (transfer->previous != NULL)
        transfer->previous->next = transfer->next;
    else
        lane->active = transfer->next;
    if (transfer->next != NULL)
        transfer->next->previous = transfer->previous;
    else
        lane->active_tail = transfer->previous;
    lane->active_count--;
}

static void recycle(optly__http_lane *lane, optly__http_transfer *transfer)
{
    optly__http_transfer_release(transfer);
    transfer->next = lane->idle;
    lane->idle = transfer;
}

/* Takes an idle transfer, or makes one; there are never more than
 * max_connections. */
static optly_status take_transfer(optly__http_lane *lane,
                                  optly__http_transfer **transfer,
                                  optly_error *err)
{
    *transfer = lane->idle;
    if (*transfer == NULL)
        return optly__http_transfer_create(transfer, lane->client, err);
    lane->idle = (*transfer)->next;
    return OPTLY_OK;
}

static void start(optly__http_lane *lane, const optly_log_event *event,
                  optly_delivery delivery)
{
    optly__http_transfer *transfer;
    optly_dispatch_result result;
    optly_error err;
    optly_status status = take_transfer(lane, &transfer, &err);
    CURLMcode code;

    if (status != OPTLY_OK) {
        complete_as(delivery,
                    status == OPTLY_ERR_NO_MEMORY ? OPTLY_RETRY
                                                  : OPTLY_MISCONFIGURED,
                    err.message);
        return;
    }
    if (!optly__http_transfer_prepare(transfer, event, delivery, &result)) {
        recycle(lane, transfer);
        optly_delivery_complete(delivery, &result);
        return;
    }
    code = curl_multi_add_handle(lane->multi, transfer->easy);
    if (code != CURLM_OK) {
        recycle(lane, transfer);
        complete_as(delivery, OPTLY_RETRY, curl_multi_strerror(code));
        return;
    }
    link_active(lane, transfer);
}

static void append_waiting(optly__http_lane *lane, const optly_log_event *event,
                           optly_delivery delivery)
{
    struct optly__http_waiting *waiting = optly__alloc_zero(sizeof(*waiting));

    if (waiting == NULL) {
        complete_as(delivery, OPTLY_RETRY, "out of memory");
        return;
    }
    waiting->event = event;
    waiting->delivery = delivery;
    if (lane->waiting != NULL)
        lane->waiting_tail->next = waiting;
    else
        lane->waiting = waiting;
    lane->waiting_tail = waiting;
}

static bool is_full(const optly__http_lane *lane)
{
    return lane->active_count >= lane->client->settings.max_connections;
}

static void start_waiting(optly__http_lane *lane)
{
    while (lane->waiting != NULL && !is_full(lane)) {
        struct optly__http_waiting waiting = *lane->waiting;

        optly__free(lane->waiting);
        lane->waiting = waiting.next;
        start(lane, waiting.event, waiting.delivery);
    }
}

static void remove_handle(optly__http_lane *lane,
                          optly__http_transfer *transfer)
{
    optly__sigpipe guard;

    optly__sigpipe_block(&guard);
    (void)curl_multi_remove_handle(lane->multi, transfer->easy);
    optly__sigpipe_restore(&guard);
}

static void give_up_waiting(struct optly__http_waiting *waiting)
{
    while (waiting != NULL) {
        struct optly__http_waiting gone = *waiting;

        optly__free(waiting);
        waiting = gone.next;
        complete_as(gone.delivery, OPTLY_CANCELLED, "cancelled");
    }
}

/* Both lists are taken out first: a completion may dispatch anew. */
static void give_up_all(optly__http_lane *lane)
{
    optly__http_transfer *transfer = lane->active, *next;
    struct optly__http_waiting *waiting = lane->waiting;

    lane->active = lane->active_tail = NULL;
    lane->active_count = 0;
    lane->waiting = NULL;
    for (; transfer != NULL; transfer = next) {
        optly_delivery delivery = transfer->delivery;

        next = transfer->next;
        remove_handle(lane, transfer);
        recycle(lane, transfer);
        complete_as(delivery, OPTLY_CANCELLED, "cancelled");
    }
    give_up_waiting(waiting);
}

bool optly__http_lane_obey(optly__http_lane *lane)
{
    if (!atomic_exchange(&lane->cancelled, false))
        return false;
    give_up_all(lane);
    return true;
}

static void finish(optly__http_lane *lane, optly__http_transfer *transfer,
                   CURLcode code)
{
    optly_delivery delivery = transfer->delivery;
    optly_dispatch_result result;

    optly__http_transfer_judge(transfer, (int)code, &result);
    unlink_active(lane, transfer);
    remove_handle(lane, transfer);
    recycle(lane, transfer);
    optly_delivery_complete(delivery, &result);
}

/* Completes what has ended; returns how many. */
static size_t reap(optly__http_lane *lane)
{
    size_t count = 0;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        char *private_pointer = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                                &private_pointer);
        finish(lane, (optly__http_transfer *)(void *)private_pointer, code);
        count++;
    }
    start_waiting(lane);
    return count;
}

/* Does what I/O can be done without waiting. */
static size_t drive(optly__http_lane *lane)
{
    optly__sigpipe guard;
    int running;

    optly__sigpipe_block(&guard);
    (void)curl_multi_perform(lane->multi, &running);
    optly__sigpipe_restore(&guard);
    return reap(lane);
}

/* Waits for I/O, a wake or libcurl's own timers. */
static void wait_for_io(optly__http_lane *lane, int timeout_ms)
{
    enum { PAUSE_MS = 20 };
    int limit = timeout_ms < 0 ? INT_MAX : timeout_ms;

    if (curl_multi_poll(lane->multi, NULL, 0, limit, NULL) == CURLM_OK)
        return;
    /* Out of memory, say: the next try must not follow at once for ever. */
    (void)poll(NULL, 0, limit < PAUSE_MS ? limit : PAUSE_MS);
}

optly_status optly__http_lane_init(optly__http_lane *lane,
                                   const optly__http_client *client,
                                   optly_error *err)
{
    long max = (long)client->settings.max_connections;
    optly_status status;

    memset(lane, 0, sizeof(*lane));
    lane->client = client;
    lane->multi = curl_multi_init();
    if (lane->multi == NULL)
        return optly__fail_memory(err);
    status = optly__http_transfer_create(&lane->idle, client, err);
    if (status == OPTLY_OK &&
        (curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, max) ||
         curl_multi_setopt(lane->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, max) ||
         curl_multi_setopt(lane->multi, CURLMOPT_MAX_HOST_CONNECTIONS, max) ||
         curl_multi_setopt(lane->multi, CURLMOPT_PIPELINING,
                           (long)CURLPIPE_MULTIPLEX)))
        status = optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                             "libcurl refuses a limit on connections");
    /* With no descriptors left, libcurl makes a handle that cannot be woken. */
    if (status == OPTLY_OK && curl_multi_wakeup(lane->multi) != CURLM_OK)
        status = optly__fail(err, OPTLY_ERR_IO,
                             "no descriptors to wake libcurl with");
    if (status != OPTLY_OK)
        optly__http_lane_cleanup(lane);
    else
        (void)curl_multi_poll(lane->multi, NULL, 0, 0, NULL);
    return status;
}

void optly__http_lane_cleanup(optly__http_lane *lane)
{
    optly__http_transfer *transfer, *next;
    optly__sigpipe guard;

    give_up_all(lane);
    optly__sigpipe_block(&guard);
    for (transfer = lane->idle; transfer != NULL; transfer = next) {
        next = transfer->next;
        optly__http_transfer_destroy(transfer);
    }
    (void)curl_multi_cleanup(lane->multi);
    optly__sigpipe_restore(&guard);
}

void optly__http_lane_dispatch(optly__http_lane *lane,
                               const optly_log_event *event,
                               optly_delivery delivery)
{
    if (is_full(lane))
        append_waiting(lane, event, delivery);
    else
        start(lane, event, delivery);
}

void optly__http_lane_poll(optly__http_lane *lane, int timeout_ms)
{
    if (optly__http_lane_obey(lane) || drive(lane) > 0)
        return;
    wait_for_io(lane, timeout_ms);
    if (!optly__http_lane_obey(lane))
        (void)drive(lane);
}

void optly__http_lane_wake(optly__http_lane *lane)
{
    (void)curl_multi_wakeup(lane->multi);
}

void optly__http_lane_cancel(optly__http_lane *lane)
{
    atomic_store(&lane->cancelled, true);
    optly__http_lane_wake(lane);
}
