/* zlib fails at work, and bodies that it could not take. */
#include <setjmp.h>
#include <stdarg.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "dispatch/gzip.h"
#include "fakes/failing_allocator.h"

int __real_deflate(z_stream *stream, int flush);
int __wrap_deflate(z_stream *stream, int flush);
uLong __real_deflateBound(z_stream *stream, uLong len);
uLong __wrap_deflateBound(z_stream *stream, uLong len);

static bool fails;
static uLong shown_bound; /* 0: the real one */

int __wrap_deflate(z_stream *stream, int flush)
{
    return fails ? Z_BUF_ERROR : __real_deflate(stream, flush);
}

uLong __wrap_deflateBound(z_stream *stream, uLong len)
{
    return shown_bound != 0 ? shown_bound : __real_deflateBound(stream, len);
}

static void expect(bool done)
{
    void *out = NULL;
    size_t len = 0;

    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    assert_int_equal(optly__gzip(6, "{}", 2, &out, &len), done);
    if (done)
        failing_allocator_free(out);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_what_zlib_does_not_finish_is_no_body(void **state)
{
    (void)state;
    expect(true);
    fails = true;
    expect(false);
    fails = false;
}

/* zlib counts in unsigned. What would be left of these numbers then is enough
 * for the two bytes, so that nothing but a check refuses them. */
static void test_too_much_for_zlib_is_refused(void **state)
{
    const uLong too_much = (uLong)UINT_MAX + 1;
    void *out;
    size_t len;

    (void)state;
    if (SIZE_MAX == UINT_MAX)
        skip();
    shown_bound = 1000;
    expect(true);
    assert_false(optly__gzip(6, "{}", too_much + 2, &out, &len));
    shown_bound = too_much + 1000;
    expect(false);
    shown_bound = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_zlib_does_not_finish_is_no_body),
        cmocka_unit_test(test_too_much_for_zlib_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
