/* The counters as text: every field, every size of buffer, labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <optly/event.h>

enum { ROOM = 16 * 1024, FIRST_VALUE = 1000001 };

static char text[ROOM];

static int render(const optly_stats *stats, const optly_label *labels)
{
    return optly_stats_prometheus(text, sizeof(text), stats, labels);
}

static bool has(const char *line)
{
    return strstr(text, line) != NULL;
}

/* Every counter of the struct, whatever its name, has a value of its own. */
static size_t number_fields(optly_stats *stats)
{
    uint64_t *fields = &stats->attempted;
    size_t count =
        (sizeof(*stats) - offsetof(optly_stats, attempted)) / sizeof(*fields);

    *stats = optly_stats_default();
    for (size_t i = 0; i < count; i++)
        fields[i] = FIRST_VALUE + i;
    return count;
}

static void test_every_field_is_rendered(void **state)
{
    optly_stats stats;
    size_t count = number_fields(&stats);
    int len = render(&stats, NULL);

    (void)state;
    assert_int_equal(len, strlen(text));

    for (size_t i = 0; i < count; i++) {
        char value[32];

        snprintf(value, sizeof(value), " %zu\n", FIRST_VALUE + i);
        if (!has(value))
            fail_msg("field %zu of optly_stats is not rendered", i);
    }
}

static void test_fields_have_the_names_that_are_promised(void **state)
{
    optly_stats stats = optly_stats_default();

    (void)state;
    stats.attempted = 21;
    stats.accepted = 18446744073709551615u;
    stats.rejected[OPTLY_REJECT_TOO_LARGE] = 2;
    stats.dropped[OPTLY_DROP_EXPIRED] = 3;
    stats.retry_wait = 4;
    stats.payload_bytes = 5;
    (void)render(&stats, NULL);

    assert_true(has("# HELP optly_events_attempted_total Events handed over.\n"
                    "# TYPE optly_events_attempted_total counter\n"
                    "optly_events_attempted_total 21\n"));
    assert_true(has("\noptly_events_accepted_total 18446744073709551615\n"));
    assert_true(has("\noptly_events_rejected_total{reason=\"too_large\"} 2\n"));
    assert_true(has("\noptly_events_dropped_total{reason=\"expired\"} 3\n"));
    assert_true(has("\n# TYPE optly_events_retry_wait gauge\n"
                    "optly_events_retry_wait 4\n"));
    assert_true(has("\noptly_payload_bytes_total 5\n"));
}

static void test_reasons_are_there_before_they_count(void **state)
{
    optly_stats stats = optly_stats_default();

    (void)state;
    (void)render(&stats, NULL);

    assert_true(has("_rejected_total{reason=\"queue_full\"} 0\n"));
    assert_true(has("_dropped_total{reason=\"abandoned\"} 0\n"));
    assert_false(has("reason=\"06\"")); /* no rejection of that number yet */
}

static void test_no_size_is_overrun_and_the_length_stays(void **state)
{
    const optly_label labels[] = {{"host", "h\"1"}, {NULL, NULL}};
    optly_stats stats;
    int len;

    (void)state;
    (void)number_fields(&stats);
    len = render(&stats, labels);
    assert_true(len > 0 && len < ROOM);
    assert_int_equal(optly_stats_prometheus(NULL, 0, &stats, labels), len);

    for (size_t size = 1; size <= (size_t)len + 2; size++) {
        size_t kept = size <= (size_t)len ? size - 1 : (size_t)len;
        char *buffer = malloc(size); /* sanitizers see each byte beyond */

        assert_non_null(buffer);
        memset(buffer, 0x55, size);
        assert_int_equal(optly_stats_prometheus(buffer, size, &stats, labels),
                         len);
        assert_memory_equal(buffer, text, kept);
        assert_int_equal(buffer[kept], '\0');
        free(buffer);
    }
}

static void test_a_byte_beyond_the_size_stays(void **state)
{
    optly_stats stats = optly_stats_default();
    char buffer[101];

    (void)state;
    memset(buffer, 0x55, sizeof(buffer));
    (void)optly_stats_prometheus(buffer, 100, &stats, NULL);

    assert_int_equal(buffer[99], '\0');
    assert_int_equal(buffer[100], 0x55);
}

static void test_labels_are_escaped_and_come_first(void **state)
{
    const optly_label labels[] = {
        {"a", "back\\slash"}, {"B_2", "\"q\"\n\xC3\xA9\xFF"},
        {"none", NULL},       {NULL, "ends here"},
        {"d", "d"},
    };
    optly_stats stats = optly_stats_default();

    (void)state;
    assert_true(render(&stats, labels) > 0);

    assert_true(has("\noptly_events_pending{a=\"back\\\\slash\",B_2=\"\\\"q\\\""
                    "\\n\xC3\xA9\xEF\xBF\xBD\",none=\"\"} 0\n"));
    assert_true(has("none=\"\",reason=\"closed\"} 0\n"));
    assert_false(has("d=\"d\""));
}

static void expect_refusal(const optly_label *labels, optly_status status,
                           const char *reason)
{
    optly_stats stats = optly_stats_default();

    assert_int_equal(render(&stats, labels), status);
    assert_int_equal(strncmp(text, "# labels", 8), 0);
    if (!has(reason))
        fail_msg("\"%s\" is not in \"%s\"", reason, text);
    /* One line of comment, and nothing that a scraper would take for data. */
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void test_bad_names_are_refused_by_number(void **state)
{
    static const char *const bad[] = {"",         "9x",  "a-b",    "a b",
                                      "\xC3\xA9", "__x", "reason", "ok"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const optly_label labels[] = {{"ok", "1"}, {bad[i], "2"}, {NULL, NULL}};

        expect_refusal(labels, OPTLY_ERR_INVALID, "labels[1].name: ");
    }
}

static void test_limits_are_named(void **state)
{
    static char long_name[300], long_value[4200], names[33][8];
    optly_label one[] = {{"a", long_value}, {NULL, NULL}};
    optly_label many[34] = {{NULL, NULL}};
    optly_stats stats = optly_stats_default();

    (void)state;
    memset(long_name, 'n', sizeof(long_name) - 1);
    memset(long_value, 'v', 4097);
    expect_refusal(one, OPTLY_ERR_TOO_LARGE, "labels[0].value: more than 4096");
    long_value[4096] = '\0';
    assert_true(render(&stats, one) > 4096);
    one[0].name = long_name;
    expect_refusal(one, OPTLY_ERR_TOO_LARGE, "labels[0].name: more than 256");

    for (int i = 0; i < 33; i++) {
        snprintf(names[i], sizeof(names[i]), "l%d", i);
        many[i].name = names[i];
    }
    expect_refusal(many, OPTLY_ERR_TOO_LARGE, "labels: more than 32");
    many[32].name = NULL;
    assert_true(render(&stats, many) > 0);
}

static void test_a_reason_is_cut_as_well(void **state)
{
    const optly_label labels[] = {{"9", "1"}, {NULL, NULL}};
    optly_stats stats = optly_stats_default();
    char small[8];

    (void)state;
    assert_int_equal(
        optly_stats_prometheus(small, sizeof(small), &stats, labels),
        OPTLY_ERR_INVALID);
    assert_string_equal(small, "# label");
    assert_int_equal(optly_stats_prometheus(NULL, 0, &stats, labels),
                     OPTLY_ERR_INVALID);
}

static void test_wrong_arguments_are_refused(void **state)
{
    struct {
        optly_stats stats;
        uint64_t newer;
    } later = {optly_stats_default(), 0};
    optly_stats stats = optly_stats_default();

    (void)state;
    assert_int_equal(render(NULL, NULL), OPTLY_ERR_INVALID);
    assert_true(has("# stats: is NULL\n"));
    assert_int_equal(optly_stats_prometheus(NULL, 10, &stats, NULL),
                     OPTLY_ERR_INVALID);
    stats.struct_size = 0;
    assert_int_equal(render(&stats, NULL), OPTLY_ERR_INVALID);

    later.stats.struct_size = sizeof(later);
    assert_true(render(&later.stats, NULL) > 0);
    later.newer = 1;
    assert_int_equal(render(&later.stats, NULL), OPTLY_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_is_rendered),
        cmocka_unit_test(test_fields_have_the_names_that_are_promised),
        cmocka_unit_test(test_reasons_are_there_before_they_count),
        cmocka_unit_test(test_no_size_is_overrun_and_the_length_stays),
        cmocka_unit_test(test_a_byte_beyond_the_size_stays),
        cmocka_unit_test(test_labels_are_escaped_and_come_first),
        cmocka_unit_test(test_bad_names_are_refused_by_number),
        cmocka_unit_test(test_limits_are_named),
        cmocka_unit_test(test_a_reason_is_cut_as_well),
        cmocka_unit_test(test_wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
