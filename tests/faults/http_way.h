/*
 * The whole way by HTTP: events of a host, a processor with its worker, a
 * scripted server, and a ledger of what each of them saw.
 */
#ifndef OPTLY_FAULTS_HTTP_WAY_H
#define OPTLY_FAULTS_HTTP_WAY_H

#include <stdatomic.h>

#include "fakes/raw_server.h"
#include "faults/uuid_ledger.h"

typedef struct http_way {
    optly_processor_config config; /* to be changed before http_way_open */
    optly_http_config http;
    optly_project *project;
    optly_processor *processor;
    raw_server *server;
    uuid_ledger *ledger;
    atomic_int errors, warnings; /* lines of log */
    char first_trouble[256];     /* the first of them; read it after close */
    void *user;                  /* the test's */
} http_way;

/* For `capacity` events: batches of 10, retries after 4 ms at most, every
 * request within 300 ms. The script's user is the way. */
void http_way_init(http_way *way, raw_script script, size_t capacity);
void http_way_open(http_way *way);

/* Hands over events of the visitors "visitor-<first>." and so on; each has to
 * be accepted. */
void http_way_add(http_way *way, int first, int count);

/* Fails the test unless the books balance. */
optly_stats http_way_stats(http_way *way);

/* Closes, which has to end well, checks the ledger, and frees all. Returns
 * what it held. */
uuid_sums http_way_close(http_way *way);

/* For scripts: takes a request and notes it; false: the peer is gone. */
bool http_way_take(raw_connection *connection, raw_request *request);

/* Answers it with 204, which it notes first; frees the request. */
bool http_way_deliver(raw_connection *connection, raw_request *request);

#endif
