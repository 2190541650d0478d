#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

const char good[] =
    "{\"revision\":\"7\",\"account_id\":\"12\",\"client_version\":\"0.1.0\","
    "\"visitors\":[{\"attributes\":[{\"value\":true,\"key\":\"vip\","
    "\"type\":\"custom\",\"entity_id\":\"31\"}],"
    "\"snapshots\":[{\"decisions\":[{\"variation_id\":\"501\","
    "\"campaign_id\":\"401\",\"experiment_id\":\"301\",\"metadata\":{"
    "\"flag_key\":\"f\",\"rule_key\":\"r\",\"rule_type\":\"experiment\","
    "\"variation_key\":\"on\",\"enabled\":true}}],\"events\":[{"
    "\"entity_id\":\"401\",\"key\":\"campaign_activated\","
    "\"timestamp\":1700000000000,\"uuid\":\"" UUID_1 "\"}]}],"
    "\"visitor_id\":\"ann\"},"
    "{\"attributes\":[],\"snapshots\":[{\"events\":[{\"entity_id\":\"601\","
    "\"key\":\"purchase\",\"timestamp\":1700000000001,\"uuid\":\"" UUID_2 "\","
    "\"tags\":{\"revenue\":9007199254740993,\"value\":1.5},"
    "\"revenue\":9007199254740993,\"value\":1.5}]}],\"visitor_id\":\"bob\"}],"
    "\"project_id\":\"21\",\"client_name\":\"c-sdk\",\"anonymize_ip\":true,"
    "\"enrich_decisions\":true,\"region\":\"US\"}";

int set_up_with(void **state, const collector_config *config)
{
    fixture *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return -1;
    f->c = collector_create(config);
    if (f->c != NULL)
        f->port = collector_port(f->c);
    *state = f;
    return f->c != NULL ? 0 : -1;
}

int set_up(void **state)
{
    return set_up_with(state, NULL);
}

int tear_down(void **state)
{
    fixture *f = *state;

    collector_destroy(f->c);
    free(f);
    return 0;
}

int post(fixture *f, const char *body)
{
    client_post(f->port, "/v1/events", body, &f->a);
    return f->a.status;
}

collector_counts counts_of(fixture *f)
{
    collector_counts counts;

    collector_read(f->c, &counts);
    return counts;
}

/* `good` with the first `from` replaced by `to`. Freed by the caller. */
static char *altered(const char *from, const char *to)
{
    const char *at = strstr(good, from);
    size_t size = strlen(good) + 1 + strlen(to);
    char *out = malloc(size);

    assert_non_null(at);
    assert_non_null(out);
    snprintf(out, size, "%.*s%s%s", (int)(at - good), good, to,
             at + strlen(from));
    return out;
}

int post_altered(fixture *f, const char *from, const char *to)
{
    char *body = altered(from, to);
    int status = post(f, body);

    free(body);
    return status;
}

void add_fault(fixture *f, const char *json)
{
    client_post(f->port, "/api/fault", json, &f->a);
    assert_int_equal(f->a.status, 200);
}
