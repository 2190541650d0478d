/*
 * libcurl is started once in a process, whoever comes first, and a fork in the
 * midst of it leaves a child that knows. Linked so that the start is the
 * test's.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include <optly/http_dispatcher.h>

#include "fakes/child.h"

CURLcode __real_curl_global_init(long flags);
CURLcode __wrap_curl_global_init(long flags);
int __real_sched_yield(void);
int __wrap_sched_yield(void);

/* What happens while libcurl starts, and how that ends. */
static void (*meanwhile)(void);
static CURLcode start_code;
static int starts;
static atomic_bool has_yielded;

CURLcode __wrap_curl_global_init(long flags)
{
    starts++;
    if (meanwhile != NULL)
        meanwhile();
    return start_code == CURLE_OK ? __real_curl_global_init(flags) : start_code;
}

int __wrap_sched_yield(void)
{
    atomic_store(&has_yielded, true);
    return __real_sched_yield();
}

static optly_status create_one(optly_error *err)
{
    optly_dispatcher dispatcher;
    optly_status status = optly_http_dispatcher_create(&dispatcher, NULL, err);

    if (status == OPTLY_OK)
        optly_dispatcher_destroy(&dispatcher);
    return status;
}

static int child_status;

static void fork_and_create(void)
{
    pid_t child = fork();

    if (child == 0) {
        optly_error err = {OPTLY_OK, ""};
        bool good = create_one(&err) == OPTLY_ERR_IO &&
                    strstr(err.message, "forked") != NULL;

        fake_leave_child(good ? 0 : 1);
    }
    child_status = -1;
    (void)waitpid(child, &child_status, 0);
}

static void test_a_child_of_the_start_is_told(void **state)
{
    optly_error err = {OPTLY_OK, ""};

    (void)state;
    meanwhile = fork_and_create;
    start_code = CURLE_FAILED_INIT;
    assert_int_equal(create_one(&err), OPTLY_ERR_IO);
    assert_non_null(strstr(err.message, "does not start"));
    assert_int_equal(child_status, 0);
    assert_int_equal(starts, 1);
}

static pthread_t other;
static optly_status status_of_the_other;

static void *create_too(void *user)
{
    (void)user;
    status_of_the_other = create_one(NULL);
    return NULL;
}

static void let_another_wait(void)
{
    assert_int_equal(pthread_create(&other, NULL, create_too, NULL), 0);
    while (!atomic_load(&has_yielded))
        (void)__real_sched_yield();
}

/* The start before this one failed, so that it is tried again. */
static void test_who_comes_meanwhile_waits_for_the_start(void **state)
{
    (void)state;
    starts = 0;
    meanwhile = let_another_wait;
    start_code = CURLE_OK;
    assert_int_equal(create_one(NULL), OPTLY_OK);
    (void)pthread_join(other, NULL);
    assert_int_equal(status_of_the_other, OPTLY_OK);
    assert_int_equal(create_one(NULL), OPTLY_OK);
    assert_int_equal(starts, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* In this order: libcurl starts once in a process. */
        cmocka_unit_test(test_a_child_of_the_start_is_told),
        cmocka_unit_test(test_who_comes_meanwhile_waits_for_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
