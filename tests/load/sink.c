#include "sink.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 8 << 20, HEAD = 16384, SLOW_NS = 20000000, UUID_LEN = 36 };

#define UUID_PREFIX "00000000-0000-4000-8000-"

static void require(bool truth, const char *what)
{
    if (!truth) {
        perror(what);
        abort();
    }
}

void sink_uuid(uint64_t number, char uuid[SINK_UUID_SIZE])
{
    (void)snprintf(uuid, SINK_UUID_SIZE, UUID_PREFIX "%012llx",
                   (unsigned long long)number);
}

sink_event *sink_event_of(sink *s, const char *uuid)
{
    char digits[13] = "";
    uint64_t number;

    if (memcmp(uuid, UUID_PREFIX, sizeof(UUID_PREFIX) - 1) != 0)
        return NULL;
    memcpy(digits, uuid + sizeof(UUID_PREFIX) - 1, 12);
    number = strtoull(digits, NULL, 16);
    return number < s->capacity ? &s->list[number] : NULL;
}

/* --- the server; it has no more than memory and sockets --- */

typedef struct connection {
    sink *sink;
    int fd;
    uint64_t random;
    char *bytes; /* ROOM of them */
    size_t len;  /* that were read and not used up */
} connection;

static uint64_t hash(const char *bytes, size_t len)
{
    uint64_t h = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
    return h | 1; /* 0: not seen yet */
}

static void book_event(sink *s, const char *uuid, unsigned long long body)
{
    sink_event *event = sink_event_of(s, uuid);
    unsigned long long first = 0;

    if (event == NULL) {
        (void)atomic_fetch_add(&s->strangers, 1);
        return;
    }
    (void)atomic_fetch_add(&s->events, 1);
    if (!atomic_compare_exchange_strong(&event->body, &first, body) &&
        first != body)
        (void)atomic_fetch_add(&s->changed, 1);
    if (atomic_load(&event->seen) < 255)
        (void)atomic_fetch_add(&event->seen, 1);
}

static void book(sink *s, const char *body, size_t len)
{
    static const char key[] = "\"uuid\":\"";
    const char *at = body, *end = body + len;
    uint64_t body_hash = hash(body, len);

    while ((at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1))) {
        at += sizeof(key) - 1;
        if (end - at > UUID_LEN)
            book_event(s, at, body_hash);
    }
}

static bool read_more(connection *c)
{
    ssize_t got = recv(c->fd, c->bytes + c->len, ROOM - 1 - c->len, 0);

    if (got <= 0)
        return false;
    c->len += (size_t)got;
    c->bytes[c->len] = '\0';
    return true;
}

/* Reads a head; returns its length, 0: the peer is gone. */
static size_t read_head(connection *c)
{
    const char *end;

    c->bytes[c->len] = '\0';
    while ((end = strstr(c->bytes, "\r\n\r\n")) == NULL) {
        if (c->len >= HEAD || !read_more(c))
            return 0;
    }
    return (size_t)(end - c->bytes) + 4;
}

static size_t body_len_of(const char *head)
{
    const char *length = strcasestr(head, "\r\nContent-Length:");

    return length != NULL ? strtoul(length + 17, NULL, 10) : 0;
}

static bool answer(connection *c, const char *text)
{
    size_t len = strlen(text);

    return send(c->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool reset(const connection *c)
{
    const struct linger hard = {1, 0};

    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    return false;
}

/* What happens to the next request; SINK_FAULTS: nothing. */
static sink_fault pick_fault(connection *c)
{
    uint32_t mask = atomic_load(&c->sink->fault_mask);
    uint32_t number;

    c->random ^= c->random >> 12;
    c->random ^= c->random << 25;
    c->random ^= c->random >> 27;
    number = (uint32_t)((c->random * 0x2545F4914F6CDD1DULL) >> 33);
    if (mask == 0 || number % 100 >= atomic_load(&c->sink->fault_percent))
        return SINK_FAULTS;
    (void)atomic_fetch_add(&c->sink->faults, 1);
    for (uint32_t skip = number / 100;; skip++) {
        if (mask & 1U << skip % SINK_FAULTS)
            return (sink_fault)(skip % SINK_FAULTS);
    }
}

static bool stay_silent(connection *c)
{
    char byte;

    while (recv(c->fd, &byte, 1, 0) > 0)
        ;
    return false;
}

/* False: the connection is over. */
static bool respond(connection *c, sink_fault fault, const char *body,
                    size_t len)
{
    const struct timespec slow = {0, SLOW_NS};

    switch (fault) {
    case SINK_ERROR:
        return answer(c, "HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n");
    case SINK_BUSY:
        return answer(c, "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n"
                         "Content-Length: 0\r\n\r\n");
    case SINK_GARBAGE:
        return answer(c, "\x16\x03\x01 no HTTP\n\n") && false;
    case SINK_SILENT:
        return stay_silent(c);
    case SINK_RESET:
        return reset(c);
    case SINK_SLOW:
        (void)nanosleep(&slow, NULL);
        break;
    case SINK_LOST:
    case SINK_LOST_ERROR:
    case SINK_FAULTS:
        break;
    }
    book(c->sink, body, len);
    if (fault == SINK_LOST)
        return reset(c);
    if (fault == SINK_LOST_ERROR)
        return answer(c, "HTTP/1.1 502 Lost\r\nContent-Length: 0\r\n\r\n");
    return answer(c, "HTTP/1.1 204 No Content\r\n\r\n");
}

static bool serve_one(connection *c)
{
    size_t head = read_head(c), body;
    sink_fault fault;

    if (head == 0)
        return false;
    (void)atomic_fetch_add(&c->sink->requests, 1);
    fault = pick_fault(c);
    body = body_len_of(c->bytes);
    if (fault == SINK_RESET)
        return reset(c);
    if (head + body >= ROOM)
        return false;
    while (c->len < head + body) {
        if (!read_more(c))
            return false;
    }
    if (!respond(c, fault, c->bytes + head, body))
        return false;
    c->len -= head + body;
    memmove(c->bytes, c->bytes + head + body, c->len);
    return true;
}

static void *run_connection(void *argument)
{
    connection *c = argument;

    while (serve_one(c))
        ;
    (void)close(c->fd);
    free(c->bytes);
    free(c);
    return NULL;
}

static void add_connection(sink *s, int fd, uint64_t number)
{
    connection *c = calloc(1, sizeof(*c));
    pthread_t thread;

    require(c != NULL, "memory");
    c->sink = s;
    c->fd = fd;
    c->random = (number + 1) * 0x9E3779B97F4A7C15ULL;
    c->bytes = malloc(ROOM);
    require(c->bytes != NULL, "memory");
    require(pthread_create(&thread, NULL, run_connection, c) == 0, "thread");
    (void)pthread_detach(thread);
}

_Noreturn static void run_server(sink *s, int listener)
{
    for (uint64_t number = 0;; number++) {
        int fd = accept(listener, NULL, NULL);

        if (fd >= 0)
            add_connection(s, fd, number);
    }
}

/* --- its life --- */

static int open_listener(sink *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(fd >= 0, "socket");
    require(bind(fd, (struct sockaddr *)&address, len) == 0, "bind");
    require(listen(fd, 1024) == 0, "listen");
    require(getsockname(fd, (struct sockaddr *)&address, &len) == 0, "port");
    s->port = ntohs(address.sin_port);
    (void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/v1/events",
                   (unsigned)s->port);
    return fd;
}

static size_t size_of(size_t capacity)
{
    return sizeof(sink) + capacity * sizeof(sink_event);
}

sink *sink_start(size_t capacity)
{
    sink *s = mmap(NULL, size_of(capacity), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int listener;
    pid_t child;

    require(s != MAP_FAILED, "memory");
    s->capacity = capacity;
    listener = open_listener(s);
    (void)fflush(NULL);
    child = fork();
    require(child >= 0, "fork");
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_server(s, listener);
    }
    s->server = child;
    (void)close(listener);
    return s;
}

void sink_stop(sink *s)
{
    (void)kill(s->server, SIGKILL);
    (void)waitpid(s->server, NULL, 0);
    (void)munmap(s, size_of(s->capacity));
}
