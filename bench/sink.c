/*
 * A server that takes event batches and answers 204, at once or after an exact
 * delay: the other end of every measurement over HTTP.
 *
 *   sink DELAY_MS [count]
 *
 * Prints "port N". One thread, epoll, HTTP/1.1 with keep-alive, on loopback; a
 * timerfd ends the delay, so that it is not rounded to ticks. GET /stats gives
 *
 *   {"requests": n, "bytes": n, "visitors": n, "span_ns": n}
 *
 * of the bodies taken; the span goes from the first byte of the first request
 * to the last answer. visitors is the number of "visitor_id" in the bodies if
 * `count` was asked for, as looking for them costs time. It runs on the same
 * cores as its clients and ends with the process that started it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FDS = 1024, HEAD_SIZE = 8192, BUFFER_SIZE = 262144 };

static const char needle[] = "\"visitor_id\"";
enum { CARRY = sizeof(needle) - 2 }; /* too short to hold one */

struct connection {
    size_t head_len;
    uint64_t body_left; /* while `in_body` */
    bool in_body, is_open;
    uint64_t generation; /* of the file descriptor's number */
    size_t carry_len;    /* the end of the body so far */
    char carry[CARRY];
    char head[HEAD_SIZE];
};

/* An answer that waits for its time; all wait equally long, so first in, first
 * out. Each connection has at most one. */
struct answer {
    int fd;
    uint64_t generation;
    int64_t due_ns;
};

static struct {
    int listener, epoll, timer;
    int64_t delay_ns;
    bool counts;
    struct connection *connections[MOST_FDS]; /* by file descriptor */
    struct answer answers[MOST_FDS];          /* a ring */
    size_t first, waiting;
    uint64_t requests, bytes, visitors;
    int64_t start_ns, end_ns;
    char buffer[CARRY + BUFFER_SIZE];
} sink;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(sink.epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void open_connection(void)
{
    int fd = accept4(sink.listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
    struct connection *connection;

    if (fd < 0)
        return;
    if (fd >= MOST_FDS) {
        (void)close(fd);
        return;
    }
    if (sink.connections[fd] == NULL)
        sink.connections[fd] = calloc(1, sizeof(**sink.connections));
    connection = sink.connections[fd];
    if (connection == NULL)
        die("calloc");
    connection->head_len = 0;
    connection->in_body = false;
    connection->is_open = true;
    connection->generation++;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(fd);
}

static void close_connection(int fd)
{
    sink.connections[fd]->is_open = false;
    (void)close(fd);
}

static void send_text(int fd, const char *text)
{
    /* Short enough for the socket's buffer, which is empty. */
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void send_stats(int fd)
{
    char body[256], text[512];
    int len = snprintf(body, sizeof(body),
                       "{\"requests\": %llu, \"bytes\": %llu, "
                       "\"visitors\": %llu, \"span_ns\": %lld}\n",
                       (unsigned long long)sink.requests,
                       (unsigned long long)sink.bytes,
                       (unsigned long long)sink.visitors,
                       (long long)(sink.end_ns - sink.start_ns));

    (void)snprintf(text, sizeof(text),
                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                   "Content-Length: %d\r\n\r\n%s",
                   len, body);
    send_text(fd, text);
}

static void accept_batch(int fd)
{
    send_text(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    sink.end_ns = now_ns();
}

static void set_timer(void)
{
    struct itimerspec when = {{0, 0}, {0, 0}};

    if (sink.waiting > 0) {
        int64_t due_ns = sink.answers[sink.first].due_ns;

        when.it_value.tv_sec = due_ns / 1000000000;
        when.it_value.tv_nsec = due_ns % 1000000000;
    }
    (void)timerfd_settime(sink.timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void answer_later(int fd)
{
    struct answer *answer =
        &sink.answers[(sink.first + sink.waiting) % MOST_FDS];

    if (sink.waiting == MOST_FDS) {
        close_connection(fd);
        return;
    }
    answer->fd = fd;
    answer->generation = sink.connections[fd]->generation;
    answer->due_ns = now_ns() + sink.delay_ns;
    if (sink.waiting++ == 0)
        set_timer();
}

static void answer_due(void)
{
    uint64_t expirations;

    (void)!read(sink.timer, &expirations, sizeof(expirations));
    while (sink.waiting > 0 && sink.answers[sink.first].due_ns <= now_ns()) {
        struct answer answer = sink.answers[sink.first];

        sink.first = (sink.first + 1) % MOST_FDS;
        sink.waiting--;
        if (sink.connections[answer.fd]->is_open &&
            sink.connections[answer.fd]->generation == answer.generation)
            accept_batch(answer.fd);
    }
    set_timer();
}

static void end_request(int fd)
{
    struct connection *connection = sink.connections[fd];

    connection->head_len = 0;
    connection->in_body = false;
    if (strncmp(connection->head, "GET ", 4) == 0) {
        send_stats(fd);
        return;
    }
    sink.requests++;
    if (sink.delay_ns > 0)
        answer_later(fd);
    else
        accept_batch(fd);
}

/* Counts in what came and in what was kept of the bytes before, which stand
 * just in front of it. */
static void count_visitors(struct connection *connection, const char *bytes,
                           size_t len)
{
    const char *from = bytes - connection->carry_len;
    size_t left = len + connection->carry_len, keep;
    const char *found;

    while ((found = memmem(from, left, needle, sizeof(needle) - 1)) != NULL) {
        sink.visitors++;
        left -= (size_t)(found - from) + sizeof(needle) - 1;
        from = found + sizeof(needle) - 1;
    }
    keep = left < CARRY ? left : CARRY;
    memcpy(connection->carry, from + left - keep, keep);
    connection->carry_len = keep;
}

/* Takes the head's part of the bytes; returns how many that were. */
static size_t take_head(int fd, const char *bytes, size_t len)
{
    struct connection *connection = sink.connections[fd];
    size_t before = connection->head_len;
    size_t room = HEAD_SIZE - 1 - before;
    const char *end, *length;

    memcpy(connection->head + before, bytes, len < room ? len : room);
    connection->head_len += len < room ? len : room;
    connection->head[connection->head_len] = '\0';
    end = strstr(connection->head, "\r\n\r\n");
    if (end == NULL)
        return len;
    if (before == 0 && sink.start_ns == 0 &&
        strncmp(connection->head, "POST", 4) == 0)
        sink.start_ns = now_ns();
    length = strcasestr(connection->head, "\r\ncontent-length:");
    connection->body_left = 0;
    if (length != NULL && length < end)
        connection->body_left = strtoull(length + 17, NULL, 10);
    connection->in_body = true;
    connection->carry_len = 0;
    return (size_t)(end + 4 - connection->head) - before;
}

static size_t take_body(struct connection *connection, const char *bytes,
                        size_t len)
{
    size_t count =
        len < connection->body_left ? len : (size_t)connection->body_left;

    if (sink.counts)
        count_visitors(connection, bytes, count);
    sink.bytes += count;
    connection->body_left -= count;
    return count;
}

static void receive(int fd)
{
    struct connection *connection = sink.connections[fd];
    char *bytes = sink.buffer + CARRY;
    ssize_t got = recv(fd, bytes, BUFFER_SIZE, 0);
    size_t left;

    if (got <= 0) {
        close_connection(fd);
        return;
    }
    left = (size_t)got;
    memcpy(bytes - connection->carry_len, connection->carry,
           connection->carry_len);
    while (left > 0 && connection->is_open) {
        size_t taken = connection->in_body ? take_body(connection, bytes, left)
                                           : take_head(fd, bytes, left);

        bytes += taken;
        left -= taken;
        if (connection->in_body && connection->body_left == 0)
            end_request(fd);
    }
}

static void listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sink.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sink.listener < 0 ||
        bind(sink.listener, (struct sockaddr *)&address, len) != 0 ||
        listen(sink.listener, MOST_FDS) != 0 ||
        getsockname(sink.listener, (struct sockaddr *)&address, &len) != 0)
        die("listen");
    (void)printf("port %d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
}

static void serve(void)
{
    struct epoll_event events[64];
    int count = epoll_wait(sink.epoll, events, 64, -1);

    if (count < 0 && errno != EINTR)
        die("epoll_wait");
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;

        if (fd == sink.listener)
            open_connection();
        else if (fd == sink.timer)
            answer_due();
        else
            receive(fd);
    }
}

int main(int argc, char **argv)
{
    sink.delay_ns = argc > 1 ? strtoll(argv[1], NULL, 10) * 1000000 : 0;
    sink.counts = argc > 2 && strcmp(argv[2], "count") == 0;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    sink.epoll = epoll_create1(EPOLL_CLOEXEC);
    sink.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (sink.epoll < 0 || sink.timer < 0)
        die("epoll or timerfd");
    listen_on_loopback();
    watch(sink.listener);
    watch(sink.timer);
    for (;;)
        serve();
}
