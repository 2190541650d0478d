/* The wire format: what is good and what is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

static void test_what_is_optional_may_differ(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"\"variation_id\":\"501\"", "\"variation_id\":null"},
        {"\"enabled\":true", "\"enabled\":false,\"cmab_uuid\":\"\""},
        {"\"value\":true", "\"value\":-9007199254740992"},
        {"\"value\":true", "\"value\":\"\\u00e9 \xc3\xa9 \xf0\x9f\x98\x80\""},
        {"\"tags\":{", "\"tags\":{\"list\":[1,{\"a\":null}],"},
        {"{\"revision\"", " \n{ \"revision\""},
        {"\"value\":1.5}]", "\"value\":-1e-3}]"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(post_altered(f, cases[i].from, cases[i].to), 204);

    assert_int_equal(counts_of(f).batches, sizeof(cases) / sizeof(cases[0]));
}

#define TEN(x) x x x x x x x x x x
#define NESTED TEN(TEN("[")) "1" TEN(TEN("]")) /* 100 deep, and 6 around */

typedef struct malformed {
    const char *from, *to, *reason;
} malformed;

static const malformed malformed_cases[] = {
    {"{\"revision\"", "\"revision\"", "not JSON"},
    {"\"region\":\"US\"}", "\"region\":\"US\"}x", "not JSON"},
    {"\"ann\"", "\"a\xff\"", "not JSON"},
    {"\"ann\"", "\"a\xc0\x80\"", "not JSON"},
    {"\"ann\"", "\"a\xed\xa0\x80\"", "not JSON"},
    {"\"ann\"", "\"a\xe0\x80\x80\"", "not JSON"},
    {"\"ann\"", "\"a\xf0\x80\x80\x80\"", "not JSON"},
    {"\"ann\"", "\"a\xf4\x90\x80\x80\"", "not JSON"},
    {"\"ann\"", "\"a\xe2\x82\"", "not JSON"},
    {"\"ann\"", "\"a\n\"", "not JSON"},
    {"\"tags\":{", "\"tags\":{\"deep\":" NESTED ",", "not JSON"},
    {"\"ann\"", "\"\\x\"", "not JSON"},
    {"1.5}", "1.}", "not JSON"},
    {"1.5}", "01}", "not JSON"},
    {"1.5}", "NaN}", "not JSON"},
    {"\"revision\":\"7\",", "", "batch.revision is missing"},
    {"\"revision\":\"7\"", "\"revision\":7", "batch.revision has the wrong"},
    {"\"region\":\"US\"", "\"region\":\"US\",\"x\":1",
     "batch.x is not a known"},
    {"\"region\":\"US\"", "\"region\":\"US\",\"region\":\"\"",
     "batch.region is there twice"},
    {"\"enrich_decisions\":true", "\"enrich_decisions\":false",
     "batch.enrich_decisions is not true"},
    {"\"anonymize_ip\":true", "\"anonymize_ip\":\"true\"",
     "batch.anonymize_ip has the wrong type"},
    {"\"visitor_id\":\"ann\"", "\"visitor_id\":null",
     "visitors[0]: visitor.visitor_id has the wrong type"},
    {"\"attributes\":[],", "", "visitors[1]: visitor.attributes is missing"},
    {"\"type\":\"custom\"", "\"type\":\"other\"", "attribute.type is not"},
    {"\"value\":true", "\"value\":null", "attribute.value has the wrong type"},
    {"\"value\":true", "\"value\":1e300", "attribute.value is beyond 2^53"},
    {"\"entity_id\":\"31\"", "\"entity_id\":31", "attribute.entity_id has"},
    {"[{\"events\"", "[{\"decisions\":[],\"events\"",
     "visitors[1]: snapshot.decisions does not hold one decision"},
    {"\"snapshots\":[{\"events\"", "\"snapshots\":[],\"x\":[{\"events\"",
     "visitor.x is not a known field"},
    {"\"snapshots\":[{\"events\"", "\"snapshots\":[{\"events\":[]},{\"events\"",
     "visitors[1]: visitor.snapshots does not hold one snapshot"},
    {"\"events\":[{\"entity_id\":\"601\"",
     "\"events\":[{},{\"entity_id\":\"601\"",
     "visitors[1]: snapshot.events does not hold one event"},
    {"\"decisions\":[", "\"decisions\":[{},",
     "visitors[0]: snapshot.decisions does not hold one decision"},
    {"\"variation_id\":\"501\"", "\"variation_id\":501",
     "decision.variation_id has the wrong type"},
    {"\"variation_id\":\"501\"", "\"variation_id\":\"x5\"",
     "decision.variation_id is not all digits"},
    {"\"variation_id\":\"501\"", "\"variation_id\":\"\"",
     "decision.variation_id is not all digits"},
    {"\"rule_key\":\"r\",", "", "metadata.rule_key is missing"},
    {"\"enabled\":true", "\"enabled\":1", "metadata.enabled has the wrong"},
    {"\"entity_id\":\"401\"", "\"entity_id\":\"301\"",
     "event.entity_id is not the campaign_id"},
    {"\"campaign_activated\"", "\"purchase\"", "event.key is not campaign_"},
    {"1700000000000", "1700000000", "event.timestamp is not in ms"},
    {"1700000000000", "1700000000000000", "event.timestamp is not in ms"},
    {"1700000000000", "1.7e12", "event.timestamp is not in ms"},
    {"1700000000000", "\"1700000000000\"", "event.timestamp has the wrong"},
    {UUID_1, "0d2c5f5e3a514d0f8a3c0123456789ab", "event.uuid is not a"},
    {UUID_1, "0D2C5F5E-3A51-4D0F-8A3C-0123456789AB", "event.uuid is not a"},
    {UUID_1, "0d2c5f5e-3a51-4d0f-8a3c-0123456789ag", "event.uuid is not a"},
    {"\"tags\":{\"revenue\":9007199254740993,\"value\":1.5},", "\"tags\":{},",
     "event.tags is empty"},
    {"\"tags\":{\"revenue\":9007199254740993,", "\"tags\":{",
     "event.revenue is not in the tags"},
    {"\"value\":1.5},\"rev", "\"x\":1.5},\"rev",
     "event.value is not in the tags"},
    {"},\"revenue\":9007199254740993", "},\"revenue\":1.0",
     "event.revenue is not an integer"},
    {"},\"revenue\":9007199254740993", "},\"revenue\":\"1\"",
     "event.revenue has the wrong type"},
    {"\"uuid\":\"" UUID_1 "\"", "\"uuid\":\"" UUID_1 "\",\"tags\":{\"a\":1}",
     "event.tags is there with a decision"},
};

static void test_malformed_batch_gets_400_and_the_reason(void **state)
{
    size_t n = sizeof(malformed_cases) / sizeof(malformed_cases[0]);
    fixture *f = *state;
    char reason[COLLECTOR_REASON_SIZE];

    for (size_t i = 0; i < n; i++) {
        const malformed *m = &malformed_cases[i];

        assert_int_equal(post_altered(f, m->from, m->to), 400);
        if (strstr(answer_body(&f->a), m->reason) == NULL)
            fail_msg("wanted \"%s\", got %s", m->reason, answer_body(&f->a));
        assert_true(collector_reason(f->c, 0, reason));
        assert_non_null(strstr(reason, m->reason));
    }

    assert_int_equal(counts_of(f).malformed, n);
    assert_int_equal(counts_of(f).events, 0);
    assert_false(collector_reason(f->c, COLLECTOR_REASONS, reason));
}

static void test_a_batch_is_never_empty(void **state)
{
    static const char empty[] =
        "{\"revision\":\"\",\"account_id\":\"\",\"client_version\":\"\","
        "\"visitors\":[%s],\"project_id\":\"\",\"client_name\":\"\","
        "\"anonymize_ip\":false,\"enrich_decisions\":true,\"region\":\"\"}";
    static const struct {
        const char *visitors, *reason;
    } cases[] = {{"", "batch.visitors is empty"},
                 {"{\"attributes\":[],\"snapshots\":[],\"visitor_id\":\"\"}",
                  "visitor.snapshots does not hold one"},
                 {"{\"attributes\":[],\"snapshots\":[{\"events\":[]}],"
                  "\"visitor_id\":\"\"}",
                  "snapshot.events does not hold one"}};
    fixture *f = *state;
    char body[1024];

    for (size_t i = 0; i < 3; i++) {
        snprintf(body, sizeof(body), empty, cases[i].visitors);
        assert_int_equal(post(f, body), 400);
        assert_non_null(strstr(answer_body(&f->a), cases[i].reason));
    }
}

static void test_odd_bodies_and_headers_get_400(void **state)
{
    static const char *const headers[] = {
        "", "Content-Type: text/plain\r\n",
        "Content-Type: application/json\r\nContent-Encoding: br\r\n",
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"};
    fixture *f = *state;
    char deep[4096];

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        client_send(f->port, "POST", "/v1/events", headers[i], good,
                    strlen(good), &f->a);
        assert_int_equal(f->a.status, 400);
    }
    memset(deep, '[', sizeof(deep));
    deep[sizeof(deep) - 1] = '\0';
    assert_int_equal(post(f, deep), 400);
    assert_int_equal(post(f, ""), 400);
    assert_int_equal(post(f, "[]"), 400);
    assert_int_equal(post(f, "{}"), 400);
    assert_int_equal(counts_of(f).malformed, 8);

    client_send(f->port, "POST", "/v1/events",
                "Content-Type: Application/JSON; charset=utf-8\r\n", good,
                strlen(good), &f->a);
    assert_int_equal(f->a.status, 204);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_optional_may_differ),
        TEST(test_malformed_batch_gets_400_and_the_reason),
        TEST(test_a_batch_is_never_empty),
        TEST(test_odd_bodies_and_headers_get_400),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
