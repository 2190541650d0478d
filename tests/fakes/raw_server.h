/*
 * A server of raw bytes on the loopback interface, in the test's process. Each
 * connection runs the test's script on a thread of its own, so that it can
 * misbehave in any way. Scripts only record; the test asserts.
 */
#ifndef OPTLY_FAKE_RAW_SERVER_H
#define OPTLY_FAKE_RAW_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct raw_server raw_server;

/* One request as it came, NUL-terminated copies. */
typedef struct raw_request {
    char *head; /* with the empty line at its end */
    char *body;
    size_t body_len;
} raw_request;

typedef struct raw_connection {
    raw_server *server;
    void *user;
    int fd;
    size_t number;              /* the first is 0 */
    const raw_request *request; /* the last that was read; valid until stop */
} raw_connection;

/* Runs one connection, which is closed when it returns. */
typedef void (*raw_script)(raw_connection *connection);

/* Never NULL: aborts when there is no socket to be had. */
raw_server *raw_server_start(raw_script script, void *user);

/* Ends every script and connection, then frees all. */
void raw_server_stop(raw_server *server);

/* "http://127.0.0.1:<port>/v1/events"; valid until stop. */
const char *raw_server_url(const raw_server *server);
uint16_t raw_server_port(const raw_server *server);

size_t raw_server_connections(raw_server *server);
size_t raw_server_requests(raw_server *server);

/* Waits until that many requests came whole; false after `timeout_ms`. */
bool raw_server_wait_requests(raw_server *server, size_t count, int timeout_ms);

/* The same for connections whose script has ended. */
bool raw_server_wait_closed(raw_server *server, size_t count, int timeout_ms);

/* The request, in order of arrival; valid until stop. */
const raw_request *raw_server_request(raw_server *server, size_t index);

/* For scripts. */

/* Reads one request with its body and records it; false: the peer is gone. */
bool raw_read_request(raw_connection *connection);

/* The same without a record: the request is the caller's. */
bool raw_take_request(raw_connection *connection, raw_request *request);
void raw_request_free(raw_request *request);

/* Reads exactly `len` bytes. */
bool raw_receive(raw_connection *connection, char *to, size_t len);

/* False when the peer is gone or the server stops. */
bool raw_send(raw_connection *connection, const char *text);
bool raw_send_bytes(raw_connection *connection, const void *bytes, size_t len);

/* Closes at once with a reset. */
void raw_reset(raw_connection *connection);

/* Waits until the peer closes or the server stops. */
void raw_hold(raw_connection *connection);

/* Waits for poll's `events`; false when the server stops. */
bool raw_wait(raw_connection *connection, short events);

/* Lets `ms` pass; false when the server stops meanwhile. */
bool raw_pause(raw_connection *connection, int ms);

/* A script: answers every request with 204, keeps the connection. */
void raw_answer_204(raw_connection *connection);

#endif
