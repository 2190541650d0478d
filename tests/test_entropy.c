/* A system without randomness: linked with the generator replaced. */
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fakes/events.h"
#include "fakes/failing_allocator.h"
#include "platform/platform.h"

bool __wrap_optly__random_bytes(void *bytes, size_t size);

static bool has_entropy;
static unsigned char next_byte;

/* Each call gives other bytes than the ones before. */
bool __wrap_optly__random_bytes(void *bytes, size_t size)
{
    unsigned char *at = bytes;

    for (size_t i = 0; has_entropy && i < size; i++)
        at[i] = (unsigned char)(i / 16);
    if (has_entropy)
        at[0] = next_byte++;
    return has_entropy;
}

static optly_status try_conversion(const optly_project *project,
                                   const char *uuid, const optly_pair *tags,
                                   size_t tag_count)
{
    const optly_user user = {"v", NULL, 0};
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event = NULL;
    optly_status status;

    conversion.event_key = "purchase";
    conversion.uuid = uuid;
    conversion.tags = tags;
    conversion.tag_count = tag_count;
    status = optly_create_conversion(&event, project, &user, &conversion, NULL);
    assert_int_equal(event == NULL, status != OPTLY_OK);
    optly_user_event_destroy(event);
    return status;
}

static void test_no_uuid_is_made_up_without_randomness(void **state)
{
    static char text[20000];
    const optly_pair large[] = {optly_string("large", text)};
    optly_project *project;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    has_entropy = false;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    assert_int_equal(try_conversion(project, NULL, NULL, 0),
                     OPTLY_ERR_NO_ENTROPY);
    assert_int_equal(try_conversion(project, NULL, large, 1),
                     OPTLY_ERR_NO_ENTROPY);
    assert_int_equal(try_conversion(project,
                                    "01234567-89ab-4def-bedc-ba9876543210",
                                    NULL, 0),
                     OPTLY_OK);
    has_entropy = true;
    assert_int_equal(try_conversion(project, NULL, NULL, 0), OPTLY_OK);
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
}

/* 16 bytes each, in their order; then the generator is asked again. */
static void test_every_random_byte_is_used_once(void **state)
{
    optly_project *project = fake_project();

    (void)state;
    has_entropy = true;
    next_byte = 0xA0;
    for (int i = 0; i < 600; i++) {
        optly_user_event *event = fake_conversion(project, "v");
        const char *uuid = optly_user_event_uuid(event);
        char digits[3] = {uuid[2], uuid[3], '\0'}, expected[3];
        static const char hex[] = "0123456789abcdef";

        expected[0] = hex[i % 256 >> 4];
        expected[1] = hex[i % 16];
        expected[2] = '\0';
        assert_string_equal(digits, expected);
        if (i % 256 == 0)
            assert_int_equal(uuid[1], hex[i / 256]);
        optly_user_event_destroy(event);
    }
    optly_project_destroy(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_uuid_is_made_up_without_randomness),
        cmocka_unit_test(test_every_random_byte_is_used_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
