/*
 * The bytes that a server sends, through libcurl: a byte of choices, then the
 * answer, over a pair of sockets. The result has an outcome; where there is a
 * whole status line it is the one that goes with the status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "dispatch/http_transfer.h"
#include "fuzz.h"
#include "http_reading.h"

enum { MOST_SIZE = 140000, BUFFER = 1 << 20 };

static optly__http_client client;
static bool is_set_up;
static optly__http_transfer *transfer;
static int near = -1, far = -1; /* the two ends */

static curl_socket_t hand_over(void *user, curlsocktype purpose,
                               struct curl_sockaddr *address)
{
    int fd = near;

    (void)user;
    (void)purpose;
    (void)address;
    near = -1;
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

/*
 * Instead of the system's: the socket is connected already. (libcurl can be
 * told so by a callback, but not every version listens.)
 */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    (void)fd;
    (void)address;
    (void)len;
    return 0;
}

static void set_up(void)
{
    optly_http_config config = optly_http_config_default();

    config.timeout_ms = 2000;
    FUZZ_CHECK(optly__http_client_init(&client, &config, NULL) == OPTLY_OK);
    is_set_up = true;
}

/* A handle of its own, as several versions of libcurl need it (http_multi.c).
 */
static void open_transfer(const optly_log_event *event)
{
    optly_delivery delivery = {NULL, 0};
    optly_dispatch_result result;

    FUZZ_CHECK(optly__http_transfer_create(&transfer, &client, NULL) ==
               OPTLY_OK);
    FUZZ_CHECK(curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETFUNCTION,
                                hand_over) == CURLE_OK);
    FUZZ_CHECK(
        optly__http_transfer_prepare(transfer, event, delivery, &result));
}

static void open_pair(const uint8_t *answer, size_t size)
{
    const int room = BUFFER;
    int ends[2];

    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    near = ends[0];
    far = ends[1];
    (void)setsockopt(far, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    while (size > 0) {
        ssize_t sent = send(far, answer, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent <= 0)
            break;
        answer += sent;
        size -= (size_t)sent;
    }
    (void)shutdown(far, SHUT_WR);
}

static void close_pair(void)
{
    if (near >= 0)
        (void)close(near);
    (void)close(far);
    near = far = -1;
}

/* The status, if the answer begins with a line that leaves no doubt. */
static int plain_status(const uint8_t *answer, size_t size)
{
    static const char start[] = "HTTP/1.1 ";
    int status = 0;

    if (size < 15 || memcmp(answer, start, 9) != 0)
        return 0;
    for (int i = 9; i < 12; i++) {
        if (answer[i] < '0' || answer[i] > '9')
            return 0;
        status = status * 10 + (answer[i] - '0');
    }
    if (memcmp(answer + 12, " \r\n", 3) != 0 || status < 200 || status > 599)
        return 0;
    return status;
}

static void check_result(const optly_dispatch_result *result, int status)
{
    const optly__http_response *response = &transfer->response;

    FUZZ_CHECK(result->outcome == OPTLY_DELIVERED ||
               result->outcome == OPTLY_RETRY ||
               result->outcome == OPTLY_REFUSED ||
               result->outcome == OPTLY_MISCONFIGURED);
    FUZZ_CHECK(result->http_status == 0 ||
               (result->http_status >= 200 && result->http_status <= 599));
    FUZZ_CHECK(result->http_status == 0
                   ? result->outcome == OPTLY_RETRY
                   : result->outcome ==
                         http_reading_outcome(result->http_status));
    FUZZ_CHECK(result->retry_after_ms >= 0 && result->retry_after_ms <= 600000);
    FUZZ_CHECK(result->retry_after_ms == 0 || result->outcome == OPTLY_RETRY ||
               result->outcome == OPTLY_MISCONFIGURED);
    FUZZ_CHECK(memchr(result->detail, '\0', sizeof(result->detail)) != NULL);
    FUZZ_CHECK(result->detail[0] != '\0');
    FUZZ_CHECK(response->body_bytes <= 65536 &&
               response->header_bytes <= 65536);
    if (status != 0)
        FUZZ_CHECK(result->http_status == status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char body[] = "{\"visitors\":[]}";
    fuzz_input input = fuzz_input_of(data, size);
    bool is_padded = (fuzz_byte(&input) & 1) != 0;
    optly_log_event event;
    optly_dispatch_result result;
    uint8_t *answer;
    size_t len = fuzz_left(&input);
    CURLcode code;

    if (!is_set_up)
        set_up();
    if (len > MOST_SIZE)
        len = MOST_SIZE;
    /* Padded: the last byte is repeated beyond the limit on a body. */
    answer = malloc(MOST_SIZE);
    FUZZ_CHECK(answer != NULL);
    if (len > 0)
        memcpy(answer, input.at, len);
    if (is_padded && len > 0) {
        memset(answer + len, answer[len - 1], MOST_SIZE - len);
        len = MOST_SIZE;
    }
    memset(&event, 0, sizeof(event));
    event.struct_size = sizeof(event);
    event.endpoint = "http://127.0.0.1:9/v1/events";
    event.body = body;
    event.body_len = sizeof(body) - 1;
    open_transfer(&event);
    open_pair(answer, len);
    code = curl_easy_perform(transfer->easy);
    close_pair();
    optly__http_transfer_judge(transfer, (int)code, &result);
    check_result(&result, plain_status(answer, len));
    optly__http_transfer_release(transfer);
    optly__http_transfer_destroy(transfer);
    fuzz_note((uint64_t)result.http_status);
    free(answer);
    return 0;
}
