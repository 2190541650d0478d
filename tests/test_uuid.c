#include "event/uuid.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void test_random_bytes_become_a_version_4_uuid(void **state)
{
    const unsigned char random[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB,
                                      0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98,
                                      0x76, 0x54, 0x32, 0x10};
    char text[37] = "####################################";

    (void)state;
    optly__uuid_write(text, random);

    assert_string_equal(text, "01234567-89ab-4def-bedc-ba9876543210");
}

static void test_version_and_variant_hold_for_any_bytes(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        unsigned char random[16];
        char text[37] = "";

        memset(random, byte, sizeof(random));
        optly__uuid_write(text, random);

        assert_true(optly__uuid_is_valid(text));
        assert_int_equal(text[14], '4');
        assert_non_null(strchr("89ab", text[19]));
    }
}

static void test_form_of_given_uuids_is_checked(void **state)
{
    static const char good[] = "01234567-89ab-4def-bedc-ba9876543210";
    char text[40];

    (void)state;
    assert_true(optly__uuid_is_valid(good));
    assert_true(optly__uuid_is_valid("01234567-89AB-1DEF-0EDC-BA9876543210"));
    assert_false(optly__uuid_is_valid(""));
    assert_false(optly__uuid_is_valid("0123456789ab4defbedcba9876543210"));
    assert_false(optly__uuid_is_valid("01234567-89ab-4def-bedc-ba98765432100"));
    for (size_t i = 0; i < 36; i++) {
        memcpy(text, good, sizeof(good));
        text[i] = good[i] == '-' ? '0' : 'g';
        assert_false(optly__uuid_is_valid(text));
        text[i] = '\0';
        assert_false(optly__uuid_is_valid(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_bytes_become_a_version_4_uuid),
        cmocka_unit_test(test_version_and_variant_hold_for_any_bytes),
        cmocka_unit_test(test_form_of_given_uuids_is_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
