#include "fakes/raw_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/platform.h"

enum { MAX_REQUESTS = 512, MAX_HEAD_BYTES = 65536 };

struct runner {
    pthread_t thread;
    raw_connection connection;
    bool ended; /* guarded by the server's lock */
    struct runner *next;
};

struct raw_server {
    int listener, stop_pipe[2];
    uint16_t port;
    char url[64];
    raw_script script;
    void *user;
    pthread_t acceptor;
    optly__mutex lock;
    optly__cond changed;
    /* Guarded by `lock`. */
    struct runner *runners;
    size_t connections, closed;
    raw_request requests[MAX_REQUESTS];
    size_t request_count;
};

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* Waits for `fd`; false when the server stops or `timeout_ms` is over. */
static bool wait_for(raw_server *server, int fd, short events, int timeout_ms)
{
    struct pollfd fds[2] = {{server->stop_pipe[0], POLLIN, 0}, {fd, events, 0}};

    return poll(fds, 2, timeout_ms) > 0 && fds[0].revents == 0;
}

/* The threads are not optly__thread's, whose memory tests may count. */
static void block_signals(void)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static void *run_connection(void *argument)
{
    struct runner *runner = argument;
    raw_connection *connection = &runner->connection;

    block_signals();
    connection->server->script(connection);
    if (connection->fd >= 0)
        (void)close(connection->fd);
    optly__mutex_lock(&connection->server->lock);
    connection->server->closed++;
    runner->ended = true;
    optly__cond_broadcast(&connection->server->changed);
    optly__mutex_unlock(&connection->server->lock);
    return NULL;
}

/* Frees the runners that have ended, or waits for all of them. */
static void join_runners(raw_server *server, bool all)
{
    struct runner **link = &server->runners, *ended = NULL, *next;

    optly__mutex_lock(&server->lock);
    while (*link != NULL) {
        struct runner *runner = *link;

        if (!all && !runner->ended) {
            link = &runner->next;
            continue;
        }
        *link = runner->next;
        runner->next = ended;
        ended = runner;
    }
    optly__mutex_unlock(&server->lock);
    for (; ended != NULL; ended = next) {
        next = ended->next;
        (void)pthread_join(ended->thread, NULL);
        free(ended);
    }
}

/* The thread has the lock to wait for before it can end. */
static void add_connection(raw_server *server, int fd)
{
    struct runner *runner = calloc(1, sizeof(*runner));

    require(runner != NULL);
    join_runners(server, false);
    optly__mutex_lock(&server->lock);
    runner->connection =
        (raw_connection){server, server->user, fd, server->connections++, NULL};
    runner->next = server->runners;
    server->runners = runner;
    require(pthread_create(&runner->thread, NULL, run_connection, runner) == 0);
    optly__cond_broadcast(&server->changed);
    optly__mutex_unlock(&server->lock);
}

static void *run_acceptor(void *argument)
{
    raw_server *server = argument;

    block_signals();
    while (wait_for(server, server->listener, POLLIN, -1)) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC), yes = 1;

        if (fd < 0)
            continue;
        /* Else what is sent in pieces waits 40 ms for the peer. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        add_connection(server, fd);
    }
    return NULL;
}

static void open_listener(raw_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(server->listener >= 0);
    require(bind(server->listener, (struct sockaddr *)&address, len) == 0);
    require(listen(server->listener, 128) == 0);
    require(getsockname(server->listener, (struct sockaddr *)&address, &len) ==
            0);
    server->port = ntohs(address.sin_port);
    (void)snprintf(server->url, sizeof(server->url),
                   "http://127.0.0.1:%u/v1/events", (unsigned)server->port);
}

raw_server *raw_server_start(raw_script script, void *user)
{
    raw_server *server = calloc(1, sizeof(*server));

    require(server != NULL);
    server->script = script;
    server->user = user;
    open_listener(server);
    require(pipe2(server->stop_pipe, O_CLOEXEC) == 0);
    require(optly__mutex_init(&server->lock));
    require(optly__cond_init(&server->changed));
    require(pthread_create(&server->acceptor, NULL, run_acceptor, server) == 0);
    return server;
}

void raw_server_stop(raw_server *server)
{
    require(write(server->stop_pipe[1], "x", 1) == 1);
    (void)pthread_join(server->acceptor, NULL);
    join_runners(server, true);
    for (size_t i = 0; i < server->request_count; i++) {
        free(server->requests[i].head);
        free(server->requests[i].body);
    }
    (void)close(server->listener);
    (void)close(server->stop_pipe[0]);
    (void)close(server->stop_pipe[1]);
    optly__cond_cleanup(&server->changed);
    optly__mutex_cleanup(&server->lock);
    free(server);
}

const char *raw_server_url(const raw_server *server)
{
    return server->url;
}

uint16_t raw_server_port(const raw_server *server)
{
    return server->port;
}

size_t raw_server_connections(raw_server *server)
{
    size_t count;

    optly__mutex_lock(&server->lock);
    count = server->connections;
    optly__mutex_unlock(&server->lock);
    return count;
}

size_t raw_server_requests(raw_server *server)
{
    size_t count;

    optly__mutex_lock(&server->lock);
    count = server->request_count;
    optly__mutex_unlock(&server->lock);
    return count;
}

/* Waits until `*counter`, one of the server's, is `count`. */
static bool wait_for_count(raw_server *server, const size_t *counter,
                           size_t count, int timeout_ms)
{
    int64_t deadline = optly__monotonic_ms() + timeout_ms;
    bool reached;

    optly__mutex_lock(&server->lock);
    while (*counter < count && optly__monotonic_ms() < deadline)
        optly__cond_wait_until(&server->changed, &server->lock, deadline);
    reached = *counter >= count;
    optly__mutex_unlock(&server->lock);
    return reached;
}

bool raw_server_wait_requests(raw_server *server, size_t count, int timeout_ms)
{
    return wait_for_count(server, &server->request_count, count, timeout_ms);
}

bool raw_server_wait_closed(raw_server *server, size_t count, int timeout_ms)
{
    return wait_for_count(server, &server->closed, count, timeout_ms);
}

const raw_request *raw_server_request(raw_server *server, size_t index)
{
    const raw_request *request;

    optly__mutex_lock(&server->lock);
    require(index < server->request_count);
    request = &server->requests[index];
    optly__mutex_unlock(&server->lock);
    return request;
}

static void record(raw_connection *connection, raw_request request)
{
    raw_server *server = connection->server;

    optly__mutex_lock(&server->lock);
    require(server->request_count < MAX_REQUESTS);
    connection->request = &server->requests[server->request_count++];
    server->requests[server->request_count - 1] = request;
    optly__cond_broadcast(&server->changed);
    optly__mutex_unlock(&server->lock);
}

bool raw_receive(raw_connection *connection, char *to, size_t len)
{
    while (len > 0) {
        ssize_t got;

        if (!wait_for(connection->server, connection->fd, POLLIN, -1))
            return false;
        got = recv(connection->fd, to, len, 0);
        if (got <= 0)
            return false;
        to += got;
        len -= (size_t)got;
    }
    return true;
}

/* Byte by byte: nothing of the body may be taken along. */
static char *read_head(raw_connection *connection)
{
    char *head = malloc(MAX_HEAD_BYTES);
    size_t len = 0;

    require(head != NULL);
    while (len < MAX_HEAD_BYTES - 1 && raw_receive(connection, head + len, 1)) {
        len++;
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0) {
            head[len] = '\0';
            return head;
        }
    }
    free(head);
    return NULL;
}

void raw_request_free(raw_request *request)
{
    free(request->head);
    free(request->body);
}

bool raw_take_request(raw_connection *connection, raw_request *request)
{
    const char *length;

    *request = (raw_request){read_head(connection), NULL, 0};
    if (request->head == NULL)
        return false;
    length = strcasestr(request->head, "\r\nContent-Length:");
    if (length != NULL)
        request->body_len = strtoul(length + 17, NULL, 10);
    request->body = calloc(1, request->body_len + 1);
    require(request->body != NULL);
    if (raw_receive(connection, request->body, request->body_len))
        return true;
    raw_request_free(request);
    return false;
}

bool raw_read_request(raw_connection *connection)
{
    raw_request request;

    if (!raw_take_request(connection, &request))
        return false;
    record(connection, request);
    return true;
}

bool raw_send_bytes(raw_connection *connection, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent;

        if (!wait_for(connection->server, connection->fd, POLLOUT, -1))
            return false;
        sent = send(connection->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool raw_send(raw_connection *connection, const char *text)
{
    return raw_send_bytes(connection, text, strlen(text));
}

void raw_reset(raw_connection *connection)
{
    struct linger hard = {1, 0};

    (void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &hard,
                     sizeof(hard));
    (void)close(connection->fd);
    connection->fd = -1;
}

void raw_hold(raw_connection *connection)
{
    char byte;

    while (raw_receive(connection, &byte, 1))
        ;
}

bool raw_wait(raw_connection *connection, short events)
{
    return wait_for(connection->server, connection->fd, events, -1);
}

bool raw_pause(raw_connection *connection, int ms)
{
    struct pollfd stop = {connection->server->stop_pipe[0], POLLIN, 0};

    return poll(&stop, 1, ms) == 0;
}

void raw_answer_204(raw_connection *connection)
{
    while (raw_read_request(connection) &&
           raw_send(connection, "HTTP/1.1 204 No Content\r\n\r\n"))
        ;
}
