#include "project/context.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fakes/failing_allocator.h"

static optly_event_context some_fields(void)
{
    const optly_event_context fields = {.revision = "42",
                                        .account_id = "acc",
                                        .client_version = "1.0",
                                        .project_id = "proj",
                                        .client_name = "c-sdk",
                                        .region = "US",
                                        .anonymize_ip = true,
                                        .bot_filtering = false};

    return fields;
}

static void assert_part(const char *part, size_t len, const char *expected)
{
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(part, expected, len);
}

static void test_head_and_tail_have_the_fields_in_order(void **state)
{
    const optly_event_context fields = some_fields();
    optly__context *context = optly__context_create(&fields);

    (void)state;
    assert_part(context->head, context->head_len,
                "{\"revision\":\"42\",\"account_id\":\"acc\","
                "\"client_version\":\"1.0\",\"visitors\":[");
    assert_part(context->tail, context->tail_len,
                "],\"project_id\":\"proj\",\"client_name\":\"c-sdk\","
                "\"anonymize_ip\":true,\"enrich_decisions\":true,"
                "\"region\":\"US\"}");
    optly__context_release(context);
}

static void test_strings_are_copied_and_escaped(void **state)
{
    char revision[] = "a\"b";
    optly_event_context fields = some_fields();
    optly__context *context;

    (void)state;
    fields.revision = revision;
    context = optly__context_create(&fields);
    memset(revision, 'x', 3);

    assert_string_equal(context->fields.revision, "a\"b");
    assert_memory_equal(context->head, "{\"revision\":\"a\\\"b\",", 19);
    optly__context_release(context);
}

static void test_every_field_on_the_wire_parts_contexts(void **state)
{
    const optly_event_context fields = some_fields();
    optly__context *context = optly__context_create(&fields);

    (void)state;
    for (int i = 0; i < 7; i++) {
        optly_event_context changed = fields;
        const char **strings[] = {&changed.revision,       &changed.account_id,
                                  &changed.client_version, &changed.project_id,
                                  &changed.client_name,    &changed.region};
        optly__context *other;

        if (i < 6)
            *strings[i] = "other";
        else
            changed.anonymize_ip = false;
        other = optly__context_create(&changed);
        assert_false(optly__context_equal(context, other));
        optly__context_release(other);
    }
    optly__context_release(context);
}

static void test_equal_fields_share_a_batch_whatever_bot_filtering(void **state)
{
    optly_event_context fields = some_fields();
    optly__context *a = optly__context_create(&fields), *b;

    (void)state;
    fields.bot_filtering = true;
    b = optly__context_create(&fields);

    assert_true(optly__context_equal(a, b));
    optly__context_release(a);
    optly__context_release(b);
}

/* The same bytes in all, but the border of the two parts lies elsewhere. */
static void test_fields_cannot_be_shifted_into_each_other(void **state)
{
    optly_event_context fields = some_fields();
    optly__context *a, *b;

    (void)state;
    fields.revision = "1";
    fields.account_id = "23";
    a = optly__context_create(&fields);
    fields.revision = "12";
    fields.account_id = "3";
    b = optly__context_create(&fields);

    assert_false(optly__context_equal(a, b));
    optly__context_release(a);
    optly__context_release(b);
}

static void test_endpoint_follows_the_region_in_any_case(void **state)
{
    static const struct {
        const char *region;
        uint32_t endpoint;
        bool is_known;
    } cases[] = {
        {"US", OPTLY__ENDPOINT_US, true}, {"us", OPTLY__ENDPOINT_US, true},
        {"EU", OPTLY__ENDPOINT_EU, true}, {"eU", OPTLY__ENDPOINT_EU, true},
        {"E", OPTLY__ENDPOINT_US, false}, {"EUR", OPTLY__ENDPOINT_US, false},
        {"", OPTLY__ENDPOINT_US, false},  {"AU", OPTLY__ENDPOINT_US, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        optly_event_context fields = some_fields();
        optly__context *context;

        fields.region = cases[i].region;
        context = optly__context_create(&fields);
        assert_int_equal(context->endpoint, cases[i].endpoint);
        assert_int_equal(context->region_is_known, cases[i].is_known);
        assert_string_equal(context->fields.region, cases[i].region);
        optly__context_release(context);
    }
}

static void test_last_release_frees(void **state)
{
    const optly_event_context fields = some_fields();
    optly__context *context;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    context = optly__context_retain(optly__context_create(&fields));
    optly__context_release(context);
    assert_int_equal(failing_allocator_live(), 1);
    optly__context_release(context);
    optly__context_release(NULL);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_create_without_memory_gives_null(void **state)
{
    static char revision[4096];
    optly_event_context fields = some_fields();

    (void)state;
    memset(revision, 'r', sizeof(revision) - 1);
    fields.revision = revision; /* too long for the stack */
    for (size_t n = 0;; n++) {
        optly__context *context;

        failing_allocator_install(n);
        context = optly__context_create(&fields);
        assert_int_equal(context == NULL, failing_allocator_has_failed());
        optly__context_release(context);
        assert_int_equal(failing_allocator_remove(), 0);
        if (context != NULL)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_and_tail_have_the_fields_in_order),
        cmocka_unit_test(test_strings_are_copied_and_escaped),
        cmocka_unit_test(test_every_field_on_the_wire_parts_contexts),
        cmocka_unit_test(
            test_equal_fields_share_a_batch_whatever_bot_filtering),
        cmocka_unit_test(test_fields_cannot_be_shifted_into_each_other),
        cmocka_unit_test(test_endpoint_follows_the_region_in_any_case),
        cmocka_unit_test(test_last_release_frees),
        cmocka_unit_test(test_create_without_memory_gives_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
