/* The collector as a program of its own. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector.h"

static const char usage[] =
    "usage: collector [--port PORT] [--bind ADDRESS] [--help]\n"
    "\n"
    "Takes batches of events at POST /v1/events, checks and counts them.\n"
    "\n"
    "  --port PORT     default 0: a free one\n"
    "  --bind ADDRESS  an IPv4 address; default 127.0.0.1\n"
    "\n"
    "  GET  /api/summary           what was seen\n"
    "  GET  /api/batches?limit=N   the last batches\n"
    "  GET  /api/events?key=K      the last events\n"
    "  GET  /api/uuids             each uuid and how often it came\n"
    "  POST /api/reset             forgets everything\n"
    "  POST /api/fault             what to do to the next requests:\n"
    "       {\"status\":503,\"retry_after\":\"2\",\"delay_ms\":100,\n"
    "        \"reset\":true,\"count\":1,\"when\":\"before\"|\"after\"}\n"
    "       \"after\" records the batch although its answer fails.\n";

static bool parse_port(const char *text, uint16_t *out)
{
    char *end;
    long port = strtol(text, &end, 10);

    if (end == text || *end != '\0' || port < 0 || port > 65535)
        return false;
    *out = (uint16_t)port;
    return true;
}

/* Returns what getopt_long said last: -1 is good. */
static int parse(int argc, char **argv, collector_config *config)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"bind", required_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'b')
            config->bind = optarg;
        else if (option != 'p')
            return option;
        else if (!parse_port(optarg, &config->port))
            return '?';
    }
    return optind == argc ? -1 : '?';
}

static int run(const collector_config *config)
{
    sigset_t ends;
    int signal_number;
    collector *c;

    /* Blocked before the threads start, which inherit it; sigwait gets them. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    c = collector_create(config);
    if (c == NULL) {
        fprintf(stderr, "collector: cannot listen on %s port %u\n",
                config->bind, (unsigned)config->port);
        return EXIT_FAILURE;
    }
    printf("collector: listening on http://%s:%u\n", config->bind,
           (unsigned)collector_port(c));
    fflush(stdout);
    sigwait(&ends, &signal_number);
    collector_destroy(c);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    collector_config config = {.bind = "127.0.0.1"};
    int option = parse(argc, argv, &config);

    if (option == 'h') {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (option != -1) {
        fputs(usage, stderr);
        return 2;
    }
    return run(&config);
}
