#include "collector.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "http.h"

/* A thread for each connection, so that a delayed one holds up no other. */
static struct MHD_Daemon *start_daemon(collector *c,
                                       const struct sockaddr_in *address)
{
    return MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
            MHD_USE_POLL,
        ntohs(address->sin_port), NULL, NULL, collector_http_handle, c,
        MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)address,
        MHD_OPTION_NOTIFY_COMPLETED, collector_http_completed, c,
        MHD_OPTION_NOTIFY_CONNECTION, collector_http_connection, c,
        MHD_OPTION_END);
}

static bool listen_on(collector *c, const char *bind, uint16_t port)
{
    struct sockaddr_in address;

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (inet_pton(AF_INET, bind, &address.sin_addr) != 1)
        return false;
    c->daemon = start_daemon(c, &address);
    if (c->daemon == NULL)
        return false;
    c->port = MHD_get_daemon_info(c->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    snprintf(c->endpoint, sizeof(c->endpoint), "http://%s:%u/v1/events", bind,
             (unsigned)c->port);
    return true;
}

collector *collector_create(const collector_config *config)
{
    const collector_config defaults = {0};
    collector *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    if (config == NULL)
        config = &defaults;
    c->max_body_bytes = config->max_body_bytes > 0 ? config->max_body_bytes
                                                   : COLLECTOR_MAX_BODY;
    collector_ledger_init(&c->ledger, config->max_uuids > 0
                                          ? config->max_uuids
                                          : COLLECTOR_MAX_UUIDS);
    collector_faults_init(&c->faults);
    if (!listen_on(c, config->bind != NULL ? config->bind : "127.0.0.1",
                   config->port)) {
        collector_destroy(c);
        return NULL;
    }
    return c;
}

void collector_destroy(collector *c)
{
    if (c == NULL)
        return;
    collector_faults_clear(&c->faults, true);
    if (c->daemon != NULL)
        MHD_stop_daemon(c->daemon);
    collector_faults_cleanup(&c->faults);
    collector_ledger_cleanup(&c->ledger);
    free(c);
}

uint16_t collector_port(const collector *c)
{
    return c->port;
}

const char *collector_endpoint(const collector *c)
{
    return c->endpoint;
}

void collector_reset(collector *c)
{
    collector_faults_clear(&c->faults, false);
    collector_ledger_clear(&c->ledger);
}

bool collector_add_fault(collector *c, const collector_fault *fault)
{
    return collector_faults_add(&c->faults, fault);
}

void collector_clear_faults(collector *c)
{
    collector_faults_clear(&c->faults, false);
}
