/* Who reads the environment, and when: getenv is the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "fakes/http_rig.h"

extern char **environ;

/* Guarded by `lock`, since the resolver has threads of its own. */
static optly__mutex lock;
static char names[64][48];
static size_t name_count;

/* Stands before the C library's, also for libcurl. */
char *getenv(const char *name)
{
    size_t len = strlen(name);

    optly__mutex_lock(&lock);
    if (name_count < 64)
        (void)snprintf(names[name_count++], sizeof(names[0]), "%s", name);
    optly__mutex_unlock(&lock);
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
            return *entry + len + 1;
    }
    return NULL;
}

static size_t count_proxy_names(void)
{
    size_t count = 0;

    optly__mutex_lock(&lock);
    for (size_t i = 0; i < name_count; i++)
        count += strcasestr(names[i], "proxy") != NULL;
    optly__mutex_unlock(&lock);
    return count;
}

static int make_lock(void **state)
{
    (void)state;
    return optly__mutex_init(&lock) ? 0 : -1;
}

/* Makes a dispatcher and sends with it; says how often the environment was
 * asked for a proxy in create, and for anything afterwards. */
static void send_some(bool use_env_proxy, size_t *in_create, size_t *later)
{
    optly_http_config config = optly_http_config_default();
    optly_log_event event;
    http_rig rig;

    config.use_env_proxy = use_env_proxy;
    name_count = 0;
    http_rig_start(&rig, raw_answer_204, NULL, &config);
    *in_create = count_proxy_names();
    name_count = 0;
    event = fake_log_event(raw_server_url(rig.server), "{}");
    for (size_t i = 0; i < 20; i++)
        http_rig_dispatch(&rig, &event);
    assert_true(http_rig_drive(&rig, 20));
    optly__mutex_lock(&lock);
    *later = name_count;
    optly__mutex_unlock(&lock);
    http_rig_stop(&rig);
}

static void test_proxy_variables_are_not_even_looked_at(void **state)
{
    size_t in_create, later;

    (void)state;
    send_some(false, &in_create, &later);

    assert_int_equal(in_create, 0);
    assert_int_equal(later, 0);
}

static void test_environment_is_read_in_create_only(void **state)
{
    size_t in_create, later;

    (void)state;
    send_some(true, &in_create, &later);

    assert_true(in_create >= 5);
    assert_int_equal(later, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxy_variables_are_not_even_looked_at),
        cmocka_unit_test(test_environment_is_read_in_create_only),
    };

    return cmocka_run_group_tests(tests, make_lock, NULL);
}
