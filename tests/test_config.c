/* Settings: defaults, ranges at their edges, and what create takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/host.h"
#include "processor/processor.h"

static const optly__engine_config *engine_config(const host *h)
{
    return &h->processor->engine.config;
}

static void test_the_defaults_are_those_of_the_family(void **state)
{
    host *h = host_create();

    (void)state;
    host_open(h);
    assert_int_equal(engine_config(h)->batch_size, 10);
    assert_int_equal(engine_config(h)->queue_size, 2000);
    assert_int_equal(engine_config(h)->flush_interval_ms, 30000);
    assert_int_equal(engine_config(h)->max_in_flight, 8);
    assert_int_equal(engine_config(h)->queue_bytes, 16 * 1024 * 1024);
    assert_int_equal(engine_config(h)->max_payload_bytes, 3 * 1024 * 1024);
    assert_int_equal(engine_config(h)->backoff.initial_ms, 200);
    assert_int_equal(engine_config(h)->backoff.max_ms, 60000);
    host_destroy(h);
}

static void
test_large_batches_get_a_queue_that_keeps_the_pipe_full(void **state)
{
    host *h = host_create();

    (void)state;
    h->config.batch_size = 1000;
    host_open(h);
    assert_int_equal(engine_config(h)->queue_size, 9000);
    host_destroy(h);
}

/* Sets a 32-bit field and says whether create accepts it. */
static bool accepts(size_t offset, uint32_t value, const char *name)
{
    host *h = host_create();
    optly_error err = {OPTLY_OK, ""};
    optly_status status;

    if (strcmp(name, "batch_size") == 0)
        h->config.queue_size = 16777216;
    if (strcmp(name, "retry_initial_ms") == 0)
        h->config.retry_max_ms = 3600000;
    h->config.queue_bytes = 1 << 20;
    memcpy((char *)&h->config + offset, &value, sizeof(value));
    status = optly_processor_create(&h->processor, &h->config, &err);
    if (status != OPTLY_OK) {
        assert_int_equal(status, OPTLY_ERR_INVALID);
        assert_null(h->processor);
        assert_non_null(strstr(err.message, name));
        assert_int_equal(h->dispatcher.destroys, 1);
    }
    host_destroy(h);
    return status == OPTLY_OK;
}

static void test_each_range_holds_at_its_edges(void **state)
{
    const struct {
        const char *name;
        size_t offset;
        uint32_t low, high;
    } rows[] = {
#define ROW(field, low, high)                                                  \
    {#field, offsetof(optly_processor_config, field), low, high}
        ROW(batch_size, 1, 10000),       ROW(flush_interval_ms, 1, 86400000),
        ROW(max_in_flight, 1, 1024),     ROW(retry_initial_ms, 1, 600000),
        ROW(retry_max_ms, 200, 3600000), ROW(queue_size, 10, 16777216),
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(accepts(rows[i].offset, rows[i].low, rows[i].name));
        assert_true(accepts(rows[i].offset, rows[i].high, rows[i].name));
        assert_false(accepts(rows[i].offset, rows[i].high + 1, rows[i].name));
        if (rows[i].low > 1)
            assert_false(accepts(rows[i].offset, rows[i].low - 1,
                                 strcmp(rows[i].name, "queue_size")
                                     ? rows[i].name
                                     : "batch_size"));
    }
}

static optly_status create_with(host *h, const char *named)
{
    optly_error err = {OPTLY_OK, ""};
    optly_status status =
        optly_processor_create(&h->processor, &h->config, &err);

    if (status != OPTLY_OK && named != NULL)
        assert_non_null(strstr(err.message, named));
    return status;
}

static void test_the_other_fields_are_checked_too(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        host *h = host_create();
        optly_metrics metrics = {0};
        optly_http_config http = optly_http_config_default();
        const char *named = NULL;

        switch (i) {
        case 0:
            h->config.queue_bytes = 1023;
            named = "queue_bytes";
            break;
        case 1:
            h->config.max_payload_bytes = 3500001;
            named = "max_payload_bytes";
            break;
        case 2:
            h->config.max_payload_bytes = 1023;
            named = "max_payload_bytes";
            break;
        case 3:
            h->config.overflow = (optly_overflow)3;
            named = "overflow";
            break;
        case 4:
            h->config.worker_stack_bytes = 65535;
            named = "worker_stack_bytes";
            break;
        case 5:
            h->config.metrics = &metrics; /* zeroed */
            named = "metrics";
            break;
        case 6:
            metrics.struct_size = sizeof(metrics);
            h->config.metrics = &metrics; /* no function */
            named = "metrics";
            break;
        default:
            h->config.http = &http;
            named = "http";
            break;
        }
        assert_int_equal(create_with(h, named), OPTLY_ERR_INVALID);
        assert_int_equal(h->dispatcher.destroys, 1);
        host_destroy(h);
    }
}

static void test_bad_endpoints_are_refused_at_create(void **state)
{
    const char *const bad[] = {
        "",
        "logx.optimizely.com",
        "ftp://host/",
        "https://",
        "https://user:pw@host/",
        "https://host:0/",
        "https://host:65536/",
        "https://host/\r\nX: y",
        "https://host:x/",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        host *h = host_create();

        h->config.endpoint = bad[i];
        assert_int_equal(create_with(h, NULL), OPTLY_ERR_INVALID);
        host_destroy(h);
    }
}

static void test_a_zeroed_config_is_refused_and_nothing_taken(void **state)
{
    host *h = host_create();

    (void)state;
    h->config.struct_size = 0;
    assert_int_equal(create_with(h, "struct_size"), OPTLY_ERR_INVALID);
    assert_int_equal(h->dispatcher.destroys, 0);
    assert_int_equal(optly_processor_create(NULL, &h->config, NULL),
                     OPTLY_ERR_INVALID);
    assert_int_equal(h->dispatcher.destroys, 0);
    host_destroy(h);
}

typedef struct longer_config {
    optly_processor_config config;
    uint64_t more;
} longer_config;

static void test_a_longer_config_is_fine_if_the_rest_is_zero(void **state)
{
    host *h = host_create();
    longer_config longer;

    (void)state;
    memset(&longer, 0, sizeof(longer));
    longer.config = h->config;
    longer.config.struct_size = sizeof(longer);
    longer.more = 1;
    assert_int_equal(
        optly_processor_create(&h->processor, &longer.config, NULL),
        OPTLY_ERR_UNSUPPORTED);
    longer.more = 0;
    assert_int_equal(
        optly_processor_create(&h->processor, &longer.config, NULL), OPTLY_OK);
    h->dispatcher.destroys = 0;
    host_destroy(h);
}

static void test_half_an_ops_table_is_refused(void **state)
{
    host *h = host_create();
    optly_dispatcher_ops ops = fake_dispatcher_ops;
    optly_queue_ops queue_ops;
    optly_queue ring;

    (void)state;
    h->config.dispatcher.ops = &ops;
    ops.poll = (void (*)(void *, int))1; /* and no wake */
    assert_int_equal(create_with(h, "wake"), OPTLY_ERR_INVALID);
    ops = fake_dispatcher_ops;
    ops.dispatch = NULL;
    assert_int_equal(create_with(h, "dispatch"), OPTLY_ERR_INVALID);
    ops = fake_dispatcher_ops;

    assert_int_equal(optly_ring_queue_create(&ring, 10), OPTLY_OK);
    queue_ops = *ring.ops;
    queue_ops.get = NULL;
    h->config.queue.ops = &queue_ops;
    h->config.queue.self = ring.self;
    assert_int_equal(create_with(h, "queue.ops"), OPTLY_ERR_INVALID);
    host_destroy(h);
}

/* What stands behind the end of a short table is not its own. */
static void test_tables_that_are_too_short_are_not_read_beyond(void **state)
{
    host *h = host_create();
    size_t *ops = malloc(sizeof(*ops));
    optly_processor_config config = h->config;
    optly_error err;

    (void)state;
    assert_non_null(ops);
    *ops = sizeof(*ops);
    config.queue.ops = (const optly_queue_ops *)(const void *)ops;
    config.dispatcher.ops = (const optly_dispatcher_ops *)(const void *)ops;
    assert_int_equal(optly_processor_create(&h->processor, &config, &err),
                     OPTLY_ERR_INVALID);
    assert_null(h->processor);
    assert_int_equal(optly_processor_create(NULL, &config, &err),
                     OPTLY_ERR_INVALID);
    free(ops);
    host_destroy(h);
}

static void test_a_queue_without_one_of_its_functions_is_refused(void **state)
{
    (void)state;
    for (int missing = 0; missing < 5; missing++) {
        host *h = host_create();
        optly_queue ring;
        optly_queue_ops ops;

        assert_int_equal(optly_ring_queue_create(&ring, 10), OPTLY_OK);
        ops = *ring.ops;
        if (missing == 0)
            ops.add = NULL;
        else if (missing == 1)
            ops.get = NULL;
        else if (missing == 2)
            ops.remove = NULL;
        else if (missing == 3)
            ops.size = NULL;
        else
            ops.destroy = NULL;
        h->config.queue.ops = &ops;
        h->config.queue.self = ring.self;
        assert_int_equal(create_with(h, "queue.ops"), OPTLY_ERR_INVALID);
        /* What has a destroy was taken. */
        if (missing == 4)
            optly_queue_destroy(&ring);
        host_destroy(h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_defaults_are_those_of_the_family),
        cmocka_unit_test(
            test_large_batches_get_a_queue_that_keeps_the_pipe_full),
        cmocka_unit_test(test_each_range_holds_at_its_edges),
        cmocka_unit_test(test_the_other_fields_are_checked_too),
        cmocka_unit_test(test_bad_endpoints_are_refused_at_create),
        cmocka_unit_test(test_a_zeroed_config_is_refused_and_nothing_taken),
        cmocka_unit_test(test_a_longer_config_is_fine_if_the_rest_is_zero),
        cmocka_unit_test(test_half_an_ops_table_is_refused),
        cmocka_unit_test(test_tables_that_are_too_short_are_not_read_beyond),
        cmocka_unit_test(test_a_queue_without_one_of_its_functions_is_refused),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
