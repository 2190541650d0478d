#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "event/user_event.h"
#include "fakes/events.h"
#include "fakes/failing_allocator.h"

/* The bytes of an event; exactly as many, so that a read too far shows. */
struct bytes {
    unsigned char *at;
    size_t len;
};

static struct bytes save(const optly_user_event *event)
{
    struct bytes bytes;

    bytes.len = optly_user_event_save(event, NULL, 0);
    bytes.at = malloc(bytes.len);
    assert_non_null(bytes.at);
    assert_int_equal(optly_user_event_save(event, bytes.at, bytes.len),
                     bytes.len);
    return bytes;
}

static struct bytes save_some(void)
{
    optly_project *project = fake_project();
    optly_user_event *event = fake_conversion(project, "visitor");
    struct bytes bytes = save(event);

    optly_user_event_destroy(event);
    optly_project_destroy(project);
    return bytes;
}

static uint64_t sum_of(const unsigned char *bytes, size_t len)
{
    uint64_t sum = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    return sum;
}

/* Makes the checksum fit whatever was changed. */
static void seal(struct bytes bytes)
{
    uint64_t sum = sum_of(bytes.at, bytes.len - 8);

    for (size_t i = 0; i < 8; i++)
        bytes.at[bytes.len - 8 + i] = (unsigned char)(sum >> (8 * i));
}

static optly_status try_restore(const unsigned char *bytes, size_t len,
                                optly_error *err)
{
    optly_user_event *event = (optly_user_event *)(uintptr_t)1;
    optly_status status = optly_user_event_restore(&event, bytes, len, err);

    assert_int_equal(event == NULL, status != OPTLY_OK);
    optly_user_event_destroy(event);
    return status;
}

static void assert_same(const optly_user_event *a, const optly_user_event *b)
{
    optly_event_context x = optly_user_event_context(a),
                        y = optly_user_event_context(b);

    assert_string_equal(optly_user_event_json(a), optly_user_event_json(b));
    assert_int_equal(optly_user_event_json_len(a),
                     optly_user_event_json_len(b));
    assert_string_equal(optly_user_event_uuid(a), optly_user_event_uuid(b));
    assert_string_equal(optly_user_event_key(a), optly_user_event_key(b));
    assert_string_equal(optly_user_event_entity_id(a),
                        optly_user_event_entity_id(b));
    assert_string_equal(optly_user_event_visitor_id(a),
                        optly_user_event_visitor_id(b));
    assert_true(optly_user_event_timestamp_ms(a) ==
                optly_user_event_timestamp_ms(b));
    assert_int_equal(optly_user_event_is_impression(a),
                     optly_user_event_is_impression(b));
    assert_int_equal(x.bot_filtering, y.bot_filtering);
    assert_true(optly__context_equal(a->context, b->context));
}

static void test_restored_event_is_the_same(void **state)
{
    optly_project *project;

    (void)state;
    assert_int_equal(optly_project_from_datafile(&project, fake_datafile,
                                                 strlen(fake_datafile), NULL),
                     OPTLY_OK);
    for (int i = 0; i < 2; i++) {
        optly_conversion conversion = optly_conversion_default();
        const optly_user user = {"", NULL, 0};
        optly_user_event *event = NULL, *restored;
        struct bytes bytes;

        conversion.event_key = "event_3";
        if (i == 0)
            event = fake_impression(project, "v\xFF\"");
        else
            (void)optly_create_conversion(&event, project, &user, &conversion,
                                          NULL);
        bytes = save(event);
        assert_int_equal(
            optly_user_event_restore(&restored, bytes.at, bytes.len, NULL),
            OPTLY_OK);
        memset(bytes.at, 0, bytes.len);
        free(bytes.at);

        assert_same(event, restored);
        assert_true(optly_user_event_size(restored) >
                    optly_user_event_json_len(restored));
        optly_user_event_destroy(event);
        optly_user_event_destroy(restored);
    }
    optly_project_destroy(project);
}

static void test_a_restored_event_saves_as_the_same_bytes(void **state)
{
    struct bytes bytes = save_some(), again;
    optly_user_event *event;

    (void)state;
    assert_int_equal(
        optly_user_event_restore(&event, bytes.at, bytes.len, NULL), OPTLY_OK);
    again = save(event);

    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.at, bytes.at, bytes.len);
    optly_user_event_destroy(event);
    free(bytes.at);
    free(again.at);
}

/* The form is stable: these numbers may not move. */
static void test_form_is_little_endian_whatever_the_machine(void **state)
{
    struct bytes bytes = save_some();

    (void)state;
    assert_memory_equal(bytes.at, "OpEv\1\0\0\0", 8);
    assert_int_equal(bytes.at[8] | bytes.at[9] << 8, bytes.len);
    assert_int_equal(bytes.at[24], 2); /* anonymize_ip */
    assert_int_equal(bytes.at[32], strlen("purchase"));
    assert_int_equal(bytes.at[104], '{');
    free(bytes.at);
}

static void test_too_little_room_writes_nothing(void **state)
{
    optly_project *project = fake_project();
    optly_user_event *event = fake_conversion(project, "visitor");
    size_t needed = optly_user_event_save(event, NULL, 0);
    unsigned char *buffer = malloc(needed);

    (void)state;
    assert_non_null(buffer);
    memset(buffer, 0x5A, needed);
    assert_int_equal(optly_user_event_save(event, buffer, needed - 1), needed);
    for (size_t i = 0; i < needed; i++)
        assert_int_equal(buffer[i], 0x5A);
    assert_int_equal(optly_user_event_save(NULL, buffer, needed), 0);
    free(buffer);
    optly_user_event_destroy(event);
    optly_project_destroy(project);
}

static void test_every_flipped_bit_is_noticed(void **state)
{
    struct bytes bytes = save_some();

    (void)state;
    for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
        bytes.at[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        assert_int_equal(try_restore(bytes.at, bytes.len, NULL),
                         OPTLY_ERR_PARSE);
        bytes.at[bit / 8] ^= (unsigned char)(1u << (bit % 8));
    }
    assert_int_equal(try_restore(bytes.at, bytes.len, NULL), OPTLY_OK);
    free(bytes.at);
}

static void test_every_cut_is_noticed(void **state)
{
    struct bytes bytes = save_some();

    (void)state;
    for (size_t len = 0; len < bytes.len; len++) {
        unsigned char *cut = malloc(len > 0 ? len : 1);

        assert_non_null(cut);
        memcpy(cut, bytes.at, len);
        assert_int_equal(try_restore(cut, len, NULL), OPTLY_ERR_PARSE);
        free(cut);
    }
    free(bytes.at);
}

/* As above, but with a checksum that fits: only lengths and content help. */
static void test_sealed_cuts_are_noticed(void **state)
{
    struct bytes bytes = save_some();

    (void)state;
    for (size_t len = 24; len < bytes.len; len++) {
        struct bytes cut = {malloc(len), len};

        assert_non_null(cut.at);
        memcpy(cut.at, bytes.at, len);
        for (size_t i = 0; i < 8; i++)
            cut.at[8 + i] = (unsigned char)((uint64_t)len >> (8 * i));
        seal(cut);
        assert_int_equal(try_restore(cut.at, len, NULL), OPTLY_ERR_PARSE);
        free(cut.at);
    }
    free(bytes.at);
}

/* Never out of bounds, whatever the lengths say: a sanitizer looks on. */
static void test_sealed_lies_are_harmless(void **state)
{
    static const unsigned char lies[] = {0, 1, 0x7F, 0x80, 0xFF};
    struct bytes bytes = save_some();

    (void)state;
    for (size_t at = 0; at < bytes.len - 8; at++) {
        unsigned char truth = bytes.at[at];

        for (size_t i = 0; i < sizeof(lies); i++) {
            bytes.at[at] = lies[i];
            seal(bytes);
            (void)try_restore(bytes.at, bytes.len, NULL);
        }
        bytes.at[at] = truth;
    }
    free(bytes.at);
}

static void assert_sealed_change(size_t at, unsigned char value,
                                 optly_status expected)
{
    struct bytes bytes = save_some();
    optly_error err = {OPTLY_OK, ""};

    bytes.at[at] = value;
    seal(bytes);
    assert_int_equal(try_restore(bytes.at, bytes.len, &err), expected);
    assert_int_equal(err.status, expected);
    free(bytes.at);
}

static void test_newer_version_is_unsupported(void **state)
{
    (void)state;
    assert_sealed_change(4, 2, OPTLY_ERR_UNSUPPORTED);
    assert_sealed_change(7, 1, OPTLY_ERR_UNSUPPORTED);
    assert_sealed_change(4, 0, OPTLY_ERR_PARSE);
}

static void test_content_is_not_taken_on_trust(void **state)
{
    (void)state;
    assert_sealed_change(23, 0x80, OPTLY_ERR_PARSE);  /* a negative time */
    assert_sealed_change(22, 0x7F, OPTLY_ERR_PARSE);  /* after 9999 */
    assert_sealed_change(24, 8, OPTLY_ERR_PARSE);     /* an unknown flag */
    assert_sealed_change(68, 'x', OPTLY_ERR_PARSE);   /* the uuid */
    assert_sealed_change(104, '[', OPTLY_ERR_PARSE);  /* the JSON */
    assert_sealed_change(106, '\0', OPTLY_ERR_PARSE); /* the JSON */
}

/* The JSON goes into a batch as it stands; bytes that are not UTF-8 would have
 * the whole batch refused. */
static void test_json_that_needs_repair_is_noticed(void **state)
{
    struct bytes bytes = save_some();
    const char *key = "\"visitor_id\":\"";
    char *value = memmem(bytes.at, bytes.len, key, strlen(key));

    (void)state;
    assert_non_null(value);
    value += strlen(key);
    memcpy(value, "\\u0041v", strlen("visitor"));
    seal(bytes);
    assert_int_equal(try_restore(bytes.at, bytes.len, NULL), OPTLY_OK);
    memcpy(value, "\\ud800v", strlen("visitor"));
    seal(bytes);
    assert_int_equal(try_restore(bytes.at, bytes.len, NULL), OPTLY_ERR_PARSE);
    memcpy(value, "visit\xFFr", strlen("visitor"));
    seal(bytes);
    assert_int_equal(try_restore(bytes.at, bytes.len, NULL), OPTLY_ERR_PARSE);
    free(bytes.at);
}

static void test_a_nul_inside_a_string_is_noticed(void **state)
{
    struct bytes bytes = save_some();

    (void)state;
    bytes.at[bytes.len - 9] = '\0'; /* the end of the region */
    seal(bytes);
    assert_int_equal(try_restore(bytes.at, bytes.len, NULL), OPTLY_ERR_PARSE);
    free(bytes.at);
}

/* Puts `count` spaces at `at`, where a length at `len_at` grows with them. */
static struct bytes insert_spaces(struct bytes bytes, size_t at, size_t len_at,
                                  size_t count)
{
    struct bytes longer = {malloc(bytes.len + count), bytes.len + count};
    size_t len = bytes.at[len_at] | (size_t)bytes.at[len_at + 1] << 8 |
                 (size_t)bytes.at[len_at + 2] << 16;

    assert_non_null(longer.at);
    memcpy(longer.at, bytes.at, at);
    memset(longer.at + at, ' ', count);
    memcpy(longer.at + at + count, bytes.at + at, bytes.len - at);
    for (size_t i = 0; i < 4; i++) {
        longer.at[8 + i] = (unsigned char)(longer.len >> (8 * i));
        longer.at[len_at + i] = (unsigned char)((len + count) >> (8 * i));
    }
    seal(longer);
    return longer;
}

static void test_limits_hold_for_saved_events_too(void **state)
{
    struct bytes bytes = save_some();
    size_t json_len = bytes.at[28] | (size_t)bytes.at[29] << 8;

    (void)state;
    for (size_t len = 1048576; len <= 1048577; len++) {
        struct bytes longer = insert_spaces(bytes, 105, 28, len - json_len);

        assert_int_equal(try_restore(longer.at, longer.len, NULL),
                         len == 1048576 ? OPTLY_OK : OPTLY_ERR_PARSE);
        free(longer.at);
    }
    for (size_t len = 4096; len <= 4097; len++) {
        size_t region_at = bytes.len - 8 - strlen("US");
        struct bytes longer =
            insert_spaces(bytes, region_at, 32 + 4 * 8, len - strlen("US"));

        assert_int_equal(try_restore(longer.at, longer.len, NULL),
                         len == 4096 ? OPTLY_OK : OPTLY_ERR_PARSE);
        free(longer.at);
    }
    free(bytes.at);
}

static void test_null_arguments_are_invalid(void **state)
{
    optly_user_event *event;

    (void)state;
    assert_int_equal(optly_user_event_restore(NULL, "", 0, NULL),
                     OPTLY_ERR_INVALID);
    assert_int_equal(optly_user_event_restore(&event, NULL, 0, NULL),
                     OPTLY_ERR_INVALID);
}

static void test_restore_survives_every_failed_allocation(void **state)
{
    struct bytes bytes = save_some();
    optly_status status = OPTLY_ERR_NO_MEMORY;

    (void)state;
    for (size_t n = 0; status != OPTLY_OK; n++) {
        failing_allocator_install(n);
        status = try_restore(bytes.at, bytes.len, NULL);
        assert_int_equal(status, failing_allocator_has_failed()
                                     ? OPTLY_ERR_NO_MEMORY
                                     : OPTLY_OK);
        assert_int_equal(failing_allocator_remove(), 0);
    }
    free(bytes.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restored_event_is_the_same),
        cmocka_unit_test(test_a_restored_event_saves_as_the_same_bytes),
        cmocka_unit_test(test_form_is_little_endian_whatever_the_machine),
        cmocka_unit_test(test_too_little_room_writes_nothing),
        cmocka_unit_test(test_every_flipped_bit_is_noticed),
        cmocka_unit_test(test_every_cut_is_noticed),
        cmocka_unit_test(test_sealed_cuts_are_noticed),
        cmocka_unit_test(test_sealed_lies_are_harmless),
        cmocka_unit_test(test_newer_version_is_unsupported),
        cmocka_unit_test(test_content_is_not_taken_on_trust),
        cmocka_unit_test(test_json_that_needs_repair_is_noticed),
        cmocka_unit_test(test_a_nul_inside_a_string_is_noticed),
        cmocka_unit_test(test_limits_hold_for_saved_events_too),
        cmocka_unit_test(test_null_arguments_are_invalid),
        cmocka_unit_test(test_restore_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
