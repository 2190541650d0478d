#include "faults/http_stand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void http_plan_serve(raw_connection *connection)
{
    http_plan *plan = connection->user;

    while (raw_read_request(connection)) {
        const char *body = connection->request->body;
        const char *answer = "HTTP/1.1 204 No Content\r\n\r\n";

        if (plan->never_answers)
            raw_hold(connection);
        if (atomic_fetch_sub(&plan->failures, 1) > 0)
            answer = plan->failure;
        else if (plan->refuses_7 && strstr(body, "visitor-7.") != NULL)
            answer = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n";
        if (answer == NULL || !raw_send(connection, answer) || plan->hangs_up)
            return;
    }
}

optly_http_config http_stand_config(void)
{
    static const char *const headers[] = {"X-A: b"};
    optly_http_config config = optly_http_config_default();

    config.headers = headers;
    config.header_count = 1;
    config.host_owns_curl_init = true;
    config.timeout_ms = 10000;
    return config;
}

void http_stand_init(stand *s)
{
    stand_init(s);
    s->config.flush_interval_ms = 1;
}

raw_server *http_stand_open(stand *s, http_plan *plan,
                            const optly_http_config *config)
{
    raw_server *server = raw_server_start(http_plan_serve, plan);

    optly_dispatcher_destroy(&s->config.dispatcher);
    s->config.http = config;
    s->config.endpoint = raw_server_url(server);
    s->config.max_in_flight = 2;
    stand_open(s);
    return server;
}

void http_stand_send(stand *s, fault_point *point)
{
    enum { FAILING_ROUNDS = 3, MOST_ROUNDS = 20000 };
    optly_stats stats = optly_stats_default();
    int failing = 0, rounds = 0;

    fault_begin(point);
    do {
        assert_int_equal(optly_processor_run_once(s->processor, 2), OPTLY_OK);
        stand_check_books(s);
        assert_int_equal(optly_processor_stats(s->processor, &stats), OPTLY_OK);
        failing += point->for_good && fault_has_hit(point);
        assert_true(rounds++ < MOST_ROUNDS);
    } while (stats.pending > 0 && failing < FAILING_ROUNDS);
    fault_end(point);
}
