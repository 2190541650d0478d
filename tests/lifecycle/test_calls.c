/*
 * Every exported function, called in every state: the table says what it
 * answers, and no cell is left out. `--list` prints the functions, which
 * check_calls compares with the headers; `--table` prints the table.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lifecycle/states.h"

/*
 * What a call answers, one letter for each state, in the order of `life`:
 *
 *   O  OPTLY_OK, or the right value      I  OPTLY_ERR_INVALID
 *   S  OPTLY_SKIPPED: nothing is due     C  OPTLY_ERR_CLOSED
 *   T  OPTLY_ERR_TIMEOUT                 F  OPTLY_ERR_FORKED
 *   D  OPTLY_ERR_WOULD_DEADLOCK          U  OPTLY_ERR_UNSUPPORTED
 *   R  OPTLY_ERR_DROPPED
 *   .  O or S
 *   :  T or R: the worker may or may not have dropped it by then
 *   A  ends with an assert in a debug build, else returns, and leaks
 *   x  the header forbids it: not called
 */
typedef struct row {
    const char *name;
    const char *answers;
} row;

static const row rows[] = {
    /*                                         nul new run clg cld frk
     *    on_dispatch delivered dropped log counter gauge dispatch poll
     *    cancel settle start stop wake loop release pool blog result */
    {"optly_processor_start", /*              */ "IOICCF"
                                                 "DDDDDDDD"
                                                 "CDDDODxIOO"},
    {"optly_process_event", /*                */ "IOOCCF"
                                                 "OOOOOOOO"
                                                 "COOCOOxOOO"},
    {"optly_processor_flush", /*              */ "IOOTOF"
                                                 "DDDDDDDD"
                                                 ":DDDODxTOO"},
    {"optly_processor_close", /*              */ "IOOOOF"
                                                 "DDDDDDDD"
                                                 "xDDDODxTOO"},
    {"optly_processor_destroy", /*            */ "OOOxOO"
                                                 "AAAAAAAA"
                                                 "xAAAxAxxOO"},
    {"optly_processor_run_once", /*           */ "IOIICF"
                                                 "DDDDDDDD"
                                                 "IDDDODxIOO"},
    {"optly_processor_next_deadline_ms", /*   */ "SOO.SS"
                                                 "........"
                                                 "....O.x.OO"},
    {"optly_processor_on_event_dispatch", /*  */ "IOOOOF"
                                                 "OOOOOOOO"
                                                 "OOOOOOxOOO"},
    {"optly_processor_remove_on_event_dispatch", "IOOOOF"
                                                 "OOOOOOOO"
                                                 "OOOOOOxOOO"},
    {"optly_processor_on_delivery", /*        */ "IOOOOF"
                                                 "OOOOOOOO"
                                                 "OOOOOOxOOO"},
    {"optly_processor_remove_on_delivery", /* */ "IOOOOF"
                                                 "OOOOOOOO"
                                                 "OOOOOOxOOO"},
    {"optly_processor_stats", /*              */ "IOOOOF"
                                                 "OOOOOOOO"
                                                 "OOOOOOxOOO"},
};

/* The rest does not know any processor: it answers alike in every state, and
 * these refuse to be called with NULL. */
static const char *const refuse_null[] = {
    "optly_project_from_datafile",
    "optly_project_create",
    "optly_project_set_client",
    "optly_project_set_log",
    "optly_create_impression",
    "optly_create_conversion",
    "optly_user_event_restore",
    "optly_ring_queue_create",
    "optly_queue_add",
    "optly_function_dispatcher_create",
    "optly_queue_dispatcher_create",
    "optly_delivery_create",
    "optly_processor_create",
    "optly_stats_prometheus",
};

static char letter_of(int answer)
{
    switch (answer) {
    case OPTLY_OK:
        return 'O';
    case OPTLY_SKIPPED:
        return 'S';
    case OPTLY_ERR_INVALID:
        return 'I';
    case OPTLY_ERR_CLOSED:
        return 'C';
    case OPTLY_ERR_TIMEOUT:
        return 'T';
    case OPTLY_ERR_DROPPED:
        return 'R';
    case OPTLY_ERR_FORKED:
        return 'F';
    case OPTLY_ERR_WOULD_DEADLOCK:
        return 'D';
    case OPTLY_ERR_UNSUPPORTED:
        return 'U';
    default:
        return '?';
    }
}

static bool refuses_null(const char *name)
{
    for (size_t i = 0; i < sizeof(refuse_null) / sizeof(*refuse_null); i++) {
        if (strcmp(refuse_null[i], name) == 0)
            return true;
    }
    return false;
}

/* Without HTTP it is there, and refuses. */
static char http_letter(life at)
{
#if defined(OPTLY_TEST_HTTP)
    return at == WITH_NULL ? 'I' : 'O';
#else
    return at == WITH_NULL ? 'I' : 'U';
#endif
}

static char expected(const char *name, life at)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].answers[at];
    }
    if (strcmp(name, "optly_set_allocator") == 0)
        return 'I'; /* half an allocator; a whole one is not for now */
    if (strcmp(name, "optly_http_dispatcher_create") == 0)
        return http_letter(at);
    return at == WITH_NULL && refuses_null(name) ? 'I' : 'O';
}

/* In a child, since it may end there. Returns 'A' if it is as promised. */
static char call_that_may_abort(const call *c, life at)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)alarm(20);
        (void)close(2); /* what assert says */
        _exit(state_call(at, c) == OPTLY_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
               ? 'A'
               : '?';
}

static char call_cell(const call *c, life at, char wanted)
{
    char letter;

    if (wanted == 'x')
        return 'x';
    if (wanted == 'A')
        return call_that_may_abort(c, at);
    letter = letter_of(state_call(at, c));
    if (wanted == '.' && (letter == 'O' || letter == 'S'))
        return '.';
    if (wanted == ':' && (letter == 'T' || letter == 'R'))
        return ':';
    return letter;
}

static void test_every_call_in_every_state(void **state)
{
    int cells = 0, forbidden = 0, wrong = 0, functions = 0;

    (void)state;
    for (const call *c = calls; c->name != NULL; c++, functions++) {
        for (int at = 0; at < STATES; at++) {
            char wanted = expected(c->name, (life)at);
            char got = call_cell(c, (life)at, wanted);

            cells++;
            forbidden += wanted == 'x';
            if (got == wanted)
                continue;
            wrong++;
            print_error("%s in state \"%s\": '%c', should be '%c'\n", c->name,
                        state_names[at], got, wanted);
        }
    }
    print_message("%d functions in %d states: %d cells, %d called, %d that "
                  "the headers forbid\n",
                  functions, STATES, cells, cells - forbidden, forbidden);
    assert_int_equal(wrong, 0);
}

static void test_each_row_is_whole_and_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        bool known = false;

        assert_int_equal(strlen(rows[i].answers), STATES);
        for (const call *c = calls; c->name != NULL; c++)
            known = known || strcmp(c->name, rows[i].name) == 0;
        assert_true(known);
    }
}

static void list(void)
{
    for (const call *c = calls; c->name != NULL; c++)
        (void)printf("%s\n", c->name);
}

static void print_table(void)
{
    for (const call *c = calls; c->name != NULL; c++) {
        (void)printf("%-42s", c->name);
        for (int at = 0; at < STATES; at++)
            (void)putchar(expected(c->name, (life)at));
        (void)putchar('\n');
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row_is_whole_and_known),
        cmocka_unit_test(test_every_call_in_every_state),
    };

    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        list();
    else if (argc == 2 && strcmp(argv[1], "--table") == 0)
        print_table();
    else
        return cmocka_run_group_tests(tests, NULL, NULL);
    return 0;
}
