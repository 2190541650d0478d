/* What the host must not notice of the HTTP dispatcher. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "fakes/http_rig.h"

#define BODY "{\"visitors\":[{\"visitor_id\":\"v1\"}]}"

static void test_descriptors_are_back_after_destroy(void **state)
{
    size_t before = open_descriptors();
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    for (size_t i = 0; i < 20; i++)
        http_rig_dispatch(&rig, &event);
    assert_true(http_rig_drive(&rig, 20));
    assert_true(open_descriptors() > before);
    http_rig_stop(&rig);

    assert_int_equal(open_descriptors(), before);
}

/* Whether it is a socket of TCP that an exec would hand on. */
static bool is_inherited_connection(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
           address.ss_family == AF_INET &&
           (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
}

static void test_connections_are_not_inherited_by_programs(void **state)
{
    optly_log_event event;
    http_rig rig;

    (void)state;
    http_rig_start(&rig, raw_answer_204, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), BODY);
    assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_DELIVERED);

    for (int fd = 0; fd < 256; fd++)
        assert_false(is_inherited_connection(fd));
    http_rig_stop(&rig);
}

static void reset_while_reading(raw_connection *connection)
{
    char some[1000];

    if (raw_receive(connection, some, sizeof(some)))
        raw_reset(connection);
}

static void test_host_signals_stay_as_they_are(void **state)
{
    enum { BIG = 8 << 20 };
    char *body = malloc(BIG + 1);
    struct sigaction before, after;
    sigset_t mask_before, mask_after, pending;
    optly_log_event event;
    http_rig rig;

    (void)state;
    memset(body, 'x', BIG);
    body[BIG] = '\0';
    (void)sigaction(SIGPIPE, NULL, &before);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
    http_rig_start(&rig, reset_while_reading, NULL, NULL);
    event = fake_log_event(raw_server_url(rig.server), body);

    /* The default action of SIGPIPE would end this process. */
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(http_rig_send(&rig, &event).outcome, OPTLY_RETRY);

    (void)sigaction(SIGPIPE, NULL, &after);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    assert_true(before.sa_handler == after.sa_handler);
    for (int number = 1; number < NSIG; number++)
        assert_int_equal(sigismember(&mask_before, number),
                         sigismember(&mask_after, number));
    (void)sigpending(&pending);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    http_rig_stop(&rig);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors_are_back_after_destroy),
        cmocka_unit_test(test_connections_are_not_inherited_by_programs),
        cmocka_unit_test(test_host_signals_stay_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
