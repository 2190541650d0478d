#include "dispatch/http_multi.h"

#include <curl/curl.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "dispatch/delivery.h"
#include "platform/sigpipe.h"

struct optly__http_waiting {
    const optly_log_event *event;
    optly_delivery delivery;
    struct optly__http_waiting *next;
};

static void link_active(optly__http_multi *multi,
                        optly__http_transfer *transfer)
{
    transfer->next = NULL;
    transfer->previous = multi->active_tail;
    if (multi->active_tail != NULL)
        multi->active_tail->next = transfer;
    else
        multi->active = transfer;
    multi->active_tail = transfer;
    multi->active_count++;
}

static void unlink_active(optly__http_multi *multi,
                          optly__http_transfer *transfer)
{
    if (transfer->previous != NULL)
        transfer->previous->next = transfer->next;
    else
        multi->active = transfer->next;
    if (transfer->next != NULL)
        transfer->next->previous = transfer->previous;
    else
        multi->active_tail = transfer->previous;
    multi->active_count--;
}

/* libcurl says which events of a socket it waits for. Failing here would end
 * every transfer; one that is not watched ends by its own time limit. */
static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *user,
                        void *unused)
{
    optly__http_multi *multi = user;
    short events = 0;

    (void)easy;
    (void)unused;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= POLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= POLLOUT;
    (void)optly__http_watch_set(&multi->watch, socket, events);
    return 0;
}

static int set_timer(CURLM *handle, long timeout_ms, void *user)
{
    optly__http_multi *multi = user;

    (void)handle;
    optly__http_watch_set_timer(&multi->watch, timeout_ms);
    return 0;
}

/* Whether libcurl takes all settings. */
static bool set_up(optly__http_multi *multi)
{
    CURLM *handle = multi->handle;
    long max = (long)multi->client->settings.max_connections;

    return curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, watch_socket) ==
               CURLM_OK &&
           curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, multi) == CURLM_OK &&
           curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, set_timer) ==
               CURLM_OK &&
           curl_multi_setopt(handle, CURLMOPT_TIMERDATA, multi) == CURLM_OK &&
           curl_multi_setopt(handle, CURLMOPT_MAXCONNECTS, max) == CURLM_OK &&
           curl_multi_setopt(handle, CURLMOPT_MAX_TOTAL_CONNECTIONS, max) ==
               CURLM_OK &&
           curl_multi_setopt(handle, CURLMOPT_MAX_HOST_CONNECTIONS, max) ==
               CURLM_OK &&
           curl_multi_setopt(handle, CURLMOPT_PIPELINING,
                             (long)CURLPIPE_MULTIPLEX) == CURLM_OK;
}

static optly_status open_handle(optly__http_multi *multi, optly_error *err)
{
    multi->handle = curl_multi_init();
    if (multi->handle == NULL)
        return optly__fail_memory(err);
    if (set_up(multi))
        return OPTLY_OK;
    (void)curl_multi_cleanup(multi->handle);
    multi->handle = NULL;
    return optly__fail(err, OPTLY_ERR_UNSUPPORTED,
                       "libcurl refuses a setting of its connections");
}

static void close_handle(optly__http_multi *multi)
{
    optly__sigpipe guard;

    optly__sigpipe_block(&guard);
    (void)curl_multi_cleanup(multi->handle);
    optly__sigpipe_restore(&guard);
    multi->handle = NULL;
}

/* The connections are the multi handle's, and stay in any case. */
static void recycle(optly__http_multi *multi, optly__http_transfer *transfer)
{
    optly__http_transfer_release(transfer);
    if (!multi->client->may_reuse_handles) {
        optly__http_transfer_destroy(transfer);
        return;
    }
    transfer->next = multi->idle;
    multi->idle = transfer;
}

/* Takes an idle transfer, or makes one; there are never more than
 * max_connections. */
static optly_status take_transfer(optly__http_multi *multi,
                                  optly__http_transfer **transfer,
                                  optly_error *err)
{
    *transfer = multi->idle;
    if (*transfer == NULL)
        return optly__http_transfer_create(transfer, multi->client, err);
    multi->idle = (*transfer)->next;
    return OPTLY_OK;
}

static void start(optly__http_multi *multi, const optly_log_event *event,
                  optly_delivery delivery)
{
    optly__http_transfer *transfer;
    optly_dispatch_result result;
    optly_error err;
    optly_status status = OPTLY_OK;
    CURLMcode code;

    if (multi->broken) {
        optly__delivery_complete_as(delivery, OPTLY_RETRY, "libcurl failed");
        return;
    }
    if (multi->handle == NULL)
        status = open_handle(multi, &err);
    if (status == OPTLY_OK)
        status = take_transfer(multi, &transfer, &err);
    if (status != OPTLY_OK) {
        optly__delivery_complete_as(
            delivery,
            status == OPTLY_ERR_NO_MEMORY ? OPTLY_RETRY : OPTLY_MISCONFIGURED,
            err.message);
        return;
    }
    if (!optly__http_transfer_prepare(transfer, event, delivery, &result)) {
        recycle(multi, transfer);
        optly_delivery_complete(delivery, &result);
        return;
    }
    code = curl_multi_add_handle(multi->handle, transfer->easy);
    if (code != CURLM_OK) {
        recycle(multi, transfer);
        optly__delivery_complete_as(delivery, OPTLY_RETRY,
                                    curl_multi_strerror(code));
        return;
    }
    link_active(multi, transfer);
}

static void append_waiting(optly__http_multi *multi,
                           const optly_log_event *event,
                           optly_delivery delivery)
{
    struct optly__http_waiting *waiting = optly__alloc_zero(sizeof(*waiting));

    if (waiting == NULL) {
        optly__delivery_complete_as(delivery, OPTLY_RETRY, "out of memory");
        return;
    }
    waiting->event = event;
    waiting->delivery = delivery;
    if (multi->waiting != NULL)
        multi->waiting_tail->next = waiting;
    else
        multi->waiting = waiting;
    multi->waiting_tail = waiting;
}

static bool is_full(const optly__http_multi *multi)
{
    return multi->active_count >= multi->client->settings.max_connections;
}

static void start_waiting(optly__http_multi *multi)
{
    while (multi->waiting != NULL && !is_full(multi)) {
        struct optly__http_waiting waiting = *multi->waiting;

        optly__free(multi->waiting);
        multi->waiting = waiting.next;
        start(multi, waiting.event, waiting.delivery);
    }
}

/* Takes out a transfer that has ended. One that libcurl does not let go could
 * not be added again, so it is freed, which takes it out. */
static void retire(optly__http_multi *multi, optly__http_transfer *transfer)
{
    optly__sigpipe guard;

    optly__sigpipe_block(&guard);
    if (curl_multi_remove_handle(multi->handle, transfer->easy) == CURLM_OK)
        recycle(multi, transfer);
    else
        optly__http_transfer_destroy(transfer);
    optly__sigpipe_restore(&guard);
}

static void give_up_waiting(struct optly__http_waiting *waiting)
{
    while (waiting != NULL) {
        struct optly__http_waiting gone = *waiting;

        optly__free(waiting);
        waiting = gone.next;
        optly__delivery_complete_as(gone.delivery, OPTLY_CANCELLED,
                                    "cancelled");
    }
}

/* The list is taken out first: a completion may dispatch anew. */
static size_t give_up_active(optly__http_multi *multi, optly_outcome outcome,
                             const char *detail)
{
    optly__http_transfer *transfer = multi->active, *next;
    size_t count = multi->active_count;

    multi->active = multi->active_tail = NULL;
    multi->active_count = 0;
    for (; transfer != NULL; transfer = next) {
        optly_delivery delivery = transfer->delivery;

        next = transfer->next;
        retire(multi, transfer);
        optly__delivery_complete_as(delivery, outcome, detail);
    }
    return count;
}

static void give_up_all(optly__http_multi *multi)
{
    struct optly__http_waiting *waiting = multi->waiting;

    multi->waiting = NULL;
    (void)give_up_active(multi, OPTLY_CANCELLED, "cancelled");
    give_up_waiting(waiting);
}

bool optly__http_multi_obey(optly__http_multi *multi)
{
    if (!atomic_exchange(&multi->cancelled, false))
        return false;
    give_up_all(multi);
    return true;
}

static void finish(optly__http_multi *multi, optly__http_transfer *transfer,
                   CURLcode code)
{
    optly_delivery delivery = transfer->delivery;
    optly_dispatch_result result;

    optly__http_transfer_judge(transfer, (int)code, &result);
    unlink_active(multi, transfer);
    retire(multi, transfer);
    optly_delivery_complete(delivery, &result);
}

static optly__http_transfer *find_active(const optly__http_multi *multi,
                                         const CURL *easy)
{
    optly__http_transfer *transfer = multi->active;

    while (transfer != NULL && transfer->easy != easy)
        transfer = transfer->next;
    return transfer;
}

/* Completes what has ended; returns how many. */
static size_t reap(optly__http_multi *multi)
{
    size_t count = 0;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi->handle, &left)) != NULL) {
        CURLcode code = message->data.result;
        optly__http_transfer *transfer =
            find_active(multi, message->easy_handle);

        if (message->msg != CURLMSG_DONE || transfer == NULL)
            continue;
        finish(multi, transfer, code);
        count++;
    }
    return count;
}

/* Has libcurl do what is due on a socket, or what its timer is for. */
static void act(optly__http_multi *multi, curl_socket_t socket, int ready)
{
    optly__sigpipe guard;
    int running;

    optly__sigpipe_block(&guard);
    if (curl_multi_socket_action(multi->handle, socket, ready, &running) !=
        CURLM_OK)
        multi->broken = true;
    optly__sigpipe_restore(&guard);
}

static int ready_bits(short events)
{
    int bits = 0;

    if ((events & (POLLIN | POLLHUP)) != 0)
        bits |= CURL_CSELECT_IN;
    if ((events & POLLOUT) != 0)
        bits |= CURL_CSELECT_OUT;
    if ((events & (POLLERR | POLLNVAL)) != 0)
        bits |= CURL_CSELECT_ERR;
    return bits;
}

/*
 * libcurl ran out of memory in the midst of its books. It would go on with
 * them as they are, and at the next use divide by the size of a table that is
 * gone. So what is under way is tried again, on a handle made anew. Returns
 * how many there were.
 */
static size_t start_afresh(optly__http_multi *multi)
{
    size_t count = give_up_active(multi, OPTLY_RETRY, "libcurl failed");

    close_handle(multi);
    optly__http_watch_forget(&multi->watch);
    multi->broken = false;
    return count;
}

/* Does what I/O can be done without waiting. */
static size_t drive(optly__http_multi *multi)
{
    short events;
    size_t count;
    int socket;

    while (!multi->broken &&
           optly__http_watch_next(&multi->watch, &socket, &events))
        act(multi, socket, ready_bits(events));
    if (!multi->broken && optly__http_watch_take_timer(&multi->watch))
        act(multi, CURL_SOCKET_TIMEOUT, 0);
    count = reap(multi);
    if (multi->broken)
        count += start_afresh(multi);
    start_waiting(multi);
    return count;
}

optly_status optly__http_multi_init(optly__http_multi *multi,
                                    const optly__http_client *client,
                                    optly_error *err)
{
    optly_status status;

    memset(multi, 0, sizeof(*multi));
    multi->client = client;
    status = optly__http_watch_init(&multi->watch);
    if (status == OPTLY_ERR_IO)
        return optly__fail(err, status, "no descriptors left for a pipe");
    if (status != OPTLY_OK)
        return optly__fail_memory(err);
    status = open_handle(multi, err);
    if (status == OPTLY_OK)
        status = optly__http_transfer_create(&multi->idle, client, err);
    if (status != OPTLY_OK)
        optly__http_multi_cleanup(multi);
    return status;
}

void optly__http_multi_cleanup(optly__http_multi *multi)
{
    optly__http_transfer *transfer, *next;
    optly__sigpipe guard;

    give_up_all(multi);
    optly__sigpipe_block(&guard);
    for (transfer = multi->idle; transfer != NULL; transfer = next) {
        next = transfer->next;
        optly__http_transfer_destroy(transfer);
    }
    optly__sigpipe_restore(&guard);
    close_handle(multi);
    optly__http_watch_cleanup(&multi->watch);
}

void optly__http_multi_dispatch(optly__http_multi *multi,
                                const optly_log_event *event,
                                optly_delivery delivery)
{
    if (is_full(multi))
        append_waiting(multi, event, delivery);
    else
        start(multi, event, delivery);
}

void optly__http_multi_poll(optly__http_multi *multi, int timeout_ms)
{
    if (optly__http_multi_obey(multi) || drive(multi) > 0)
        return;
    optly__http_watch_wait(&multi->watch, timeout_ms);
    if (!optly__http_multi_obey(multi))
        (void)drive(multi);
}

void optly__http_multi_wake(optly__http_multi *multi)
{
    optly__waker_wake(&multi->watch.waker);
}

void optly__http_multi_cancel(optly__http_multi *multi)
{
    atomic_store(&multi->cancelled, true);
    optly__http_multi_wake(multi);
}
