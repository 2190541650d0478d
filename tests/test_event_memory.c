#include "event/event_memory.h"

#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "event/uuid.h"
#include "fakes/child.h"
#include "fakes/events.h"
#include "fakes/failing_allocator.h"
#include "project/project.h"

static void test_events_outlive_their_project(void **state)
{
    optly_project *project;
    optly_user_event *first, *second;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    first = fake_conversion(project, "first");
    second = fake_conversion(project, "second");
    optly_project_destroy(project);

    optly_user_event_destroy(first);
    assert_string_equal(optly_user_event_visitor_id(second), "second");
    assert_string_equal(optly_user_event_context(second).revision, "1");
    optly_user_event_destroy(second);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_project_outlives_its_references(void **state)
{
    optly_project *project;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = optly_project_retain(fake_project());
    optly_project_destroy(project);
    optly_user_event_destroy(fake_conversion(project, "v"));
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
    assert_null(optly_project_retain(NULL));
    optly_project_destroy(NULL);
}

/* Events of all sizes, so that chunks fill up and some get their own. */
static size_t size_of_event(size_t i)
{
    return 1024 + i * 7919 % 30000;
}

static void test_events_do_not_overlap(void **state)
{
    enum { EVENTS = 200 };
    static optly_user_event *events[EVENTS];
    optly_project *project;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    for (size_t i = 0; i < EVENTS; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "visitor-%03zu", i);
        events[i] = fake_conversion_of_size(project, id, size_of_event(i));
    }
    for (size_t i = 0; i < EVENTS; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "visitor-%03zu", i);
        assert_string_equal(optly_user_event_visitor_id(events[i]), id);
        assert_int_equal(strlen(optly_user_event_json(events[i])),
                         size_of_event(i));
    }
    for (size_t i = 0; i < EVENTS; i++)
        optly_user_event_destroy(events[i * 77 % EVENTS]);
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_lists_of_many_projects_are_freed(void **state)
{
    optly_project *projects[2];
    optly_user_event *first = NULL, **next = &first;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    projects[0] = fake_project();
    projects[1] = fake_project_of("2", "EU");
    for (size_t i = 0; i < 300; i++) {
        optly_user_event *event = fake_conversion_of_size(
            projects[i / 3 % 2], "v", i % 50 == 0 ? 20000 : 1024);

        *next = event;
        next = &event->next;
    }
    optly__user_event_list_destroy(NULL);
    optly__user_event_list_destroy(first);
    optly_project_destroy(projects[0]);
    optly_project_destroy(projects[1]);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_destroy_leaves_the_rest_of_a_list(void **state)
{
    optly_project *project = fake_project();
    optly_user_event *first = fake_conversion(project, "first");
    optly_user_event *second = fake_conversion(project, "second");

    (void)state;
    first->next = second;
    optly_user_event_destroy(first);
    assert_string_equal(optly_user_event_visitor_id(second), "second");
    optly_user_event_destroy(second);
    optly_user_event_destroy(NULL);
    optly_project_destroy(project);
}

#if !defined(OPTLY_PLAIN_EVENTS)
static void make_and_free(const optly_project *project, size_t count)
{
    optly_user_event **events = malloc(count * sizeof(*events));

    assert_non_null(events);
    for (size_t i = 0; i < count; i++)
        events[i] = fake_conversion(project, "v");
    for (size_t i = 0; i < count; i++)
        optly_user_event_destroy(events[i]);
    free(events);
}

static void test_steady_state_does_not_allocate(void **state)
{
    optly_project *project;
    optly_user_event *kept;
    size_t before;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    kept = fake_conversion(project, "kept");
    for (int i = 0; i < 3; i++)
        make_and_free(project, 500);
    before = failing_allocator_calls();
    for (int i = 0; i < 20; i++)
        make_and_free(project, 500);
    assert_int_equal(failing_allocator_calls(), before);
    optly_user_event_destroy(kept);
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_idle_pool_keeps_one_chunk(void **state)
{
    optly_project *project;
    size_t before;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    make_and_free(project, 1);
    before = failing_allocator_live();
    make_and_free(project, 1000);
    assert_int_equal(failing_allocator_live(), before);
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_spares_are_few_while_an_event_lives(void **state)
{
    optly_project *project;
    optly_user_event *kept;
    size_t before;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    kept = fake_conversion(project, "kept");
    before = failing_allocator_live();
    make_and_free(project, 5000);
    assert_in_range(failing_allocator_live(), before, before + 9);
    optly_user_event_destroy(kept);
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
}
#endif

static void test_client_and_log_are_fixed_by_the_first_event(void **state)
{
    optly_project *project = fake_project();
    optly_user_event *event;

    (void)state;
    assert_int_equal(optly_project_set_client(project, "host-sdk", NULL),
                     OPTLY_OK);
    assert_int_equal(optly_project_set_log(project, NULL, NULL), OPTLY_OK);
    event = fake_conversion(project, "v");
    assert_int_equal(optly_project_set_client(project, "late", "1"),
                     OPTLY_ERR_INVALID);
    assert_int_equal(optly_project_set_log(project, NULL, NULL),
                     OPTLY_ERR_INVALID);
    assert_string_equal(optly_user_event_context(event).client_name,
                        "host-sdk");
    assert_string_equal(optly_user_event_context(event).client_version,
                        OPTLY_VERSION_STRING);
    optly_user_event_destroy(event);
    optly_project_destroy(project);
}

static int compare_uuids(const void *a, const void *b)
{
    return memcmp(a, b, OPTLY__UUID_LEN);
}

static bool all_differ(char (*uuids)[OPTLY__UUID_LEN], size_t count)
{
    qsort(uuids, count, sizeof(*uuids), compare_uuids);
    for (size_t i = 1; i < count; i++) {
        if (memcmp(uuids[i - 1], uuids[i], OPTLY__UUID_LEN) == 0)
            return false;
    }
    return true;
}

enum { THREADS = 4, PER_THREAD = 1000 };

struct job {
    const optly_project *project;
    char (*uuids)[OPTLY__UUID_LEN]; /* PER_THREAD of them */
    optly_user_event *left;         /* for another thread to free */
};

/* Every other event is freed here, the rest elsewhere. */
static void *build_many(void *argument)
{
    struct job *job = argument;

    job->left = NULL;
    for (size_t i = 0; i < PER_THREAD; i++) {
        optly_user_event *event = fake_conversion(job->project, "v");

        memcpy(job->uuids[i], optly_user_event_uuid(event), OPTLY__UUID_LEN);
        if (i % 2 == 0) {
            optly_user_event_destroy(event);
        } else {
            event->next = job->left;
            job->left = event;
        }
    }
    return NULL;
}

static void test_threads_build_and_free_side_by_side(void **state)
{
    static char uuids[THREADS * PER_THREAD][OPTLY__UUID_LEN];
    pthread_t threads[THREADS];
    struct job jobs[THREADS];
    optly_project *project;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i].project = project;
        jobs[i].uuids = uuids + i * PER_THREAD;
        assert_int_equal(
            pthread_create(&threads[i], NULL, build_many, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        optly__user_event_list_destroy(jobs[i].left);
    }
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
    assert_true(all_differ(uuids, THREADS * PER_THREAD));
}

/* Writes uuids of new events to `fd`. */
static void send_uuids(const optly_project *project, int fd, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        optly_user_event *event = fake_conversion(project, "child");

        if (write(fd, optly_user_event_uuid(event), OPTLY__UUID_LEN) !=
            OPTLY__UUID_LEN)
            _exit(2);
        optly_user_event_destroy(event);
    }
}

static void test_uuids_of_a_forked_child_are_its_own(void **state)
{
    enum { COUNT = 300 };
    static char uuids[2 * COUNT][OPTLY__UUID_LEN];
    optly_project *project = fake_project();
    optly_user_event *inherited = fake_conversion(project, "parent");
    int ends[2], status = 1;
    size_t got = 0;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        send_uuids(project, ends[1], COUNT);
        if (strcmp(optly_user_event_visitor_id(inherited), "parent") != 0)
            _exit(3);
        optly_user_event_destroy(inherited);
        optly_project_destroy(project);
        fake_leave_child(0);
    }
    (void)close(ends[1]);
    for (size_t i = 0; i < COUNT; i++) {
        optly_user_event *event = fake_conversion(project, "parent");

        memcpy(uuids[COUNT + i], optly_user_event_uuid(event), OPTLY__UUID_LEN);
        optly_user_event_destroy(event);
    }
    while (got < sizeof(uuids) / 2) {
        ssize_t size =
            read(ends[0], (char *)uuids + got, sizeof(uuids) / 2 - got);

        assert_true(size > 0);
        got += (size_t)size;
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(all_differ(uuids, 2 * COUNT));
    optly_user_event_destroy(inherited);
    optly_project_destroy(project);
}

#if defined(OPTLY_PLAIN_EVENTS)
enum { IDLE_CHUNKS = 0 };
#else
enum { IDLE_CHUNKS = 1 };
#endif
enum { POOL_AND_CONTEXT = 2 };

/* Destroys both; returns what of the library is alive then. */
static size_t destroy_both(optly_project *project, optly_user_event *event)
{
    optly_user_event_destroy(event);
    optly_project_destroy(project);
    return failing_allocator_live();
}

/*
 * Gives up a project, or the last event of one, in a child: the lock of the
 * parent's pool is not to be touched, so that it remains, with its context and
 * its chunk.
 */
static void assert_child_leaks(optly_project *project, optly_user_event *event,
                               size_t expected)
{
    int status = 1;
    pid_t child = fork();

    if (child == 0)
        fake_leave_child(destroy_both(project, event) != expected);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_child_leaks_an_inherited_project(void **state)
{
    optly_project *project;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    optly_user_event_destroy(fake_conversion(project, "parent"));
    assert_child_leaks(project, NULL, POOL_AND_CONTEXT + IDLE_CHUNKS);
    optly_project_destroy(project);
    assert_int_equal(failing_allocator_remove(), 0);
}

static void test_child_leaks_an_inherited_event(void **state)
{
    optly_project *project;
    optly_user_event *event;

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    project = fake_project();
    event = fake_conversion(project, "parent");
    optly_project_destroy(project);
    assert_child_leaks(NULL, event, POOL_AND_CONTEXT + 1);
    optly_user_event_destroy(event);
    assert_int_equal(failing_allocator_remove(), 0);
}

/* A sanitizer's allocator has locks that a fork leaves held. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FORKS_SAFELY false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FORKS_SAFELY false
#endif
#endif
#if !defined(FORKS_SAFELY)
#define FORKS_SAFELY true
#endif

struct churn {
    const optly_project *project;
    _Atomic bool stop;
};

static void *churn(void *argument)
{
    struct churn *job = argument;

    while (!atomic_load(&job->stop))
        optly_user_event_destroy(fake_conversion(job->project, "busy"));
    return NULL;
}

/* The child must not meet a lock that the busy thread held. */
static int child_works(optly_project *project, optly_user_event *inherited)
{
    optly_user_event *event;

    (void)alarm(20);
    event = fake_conversion(project, "child");
    if (strcmp(optly_user_event_visitor_id(event), "child") != 0)
        return 1;
    inherited->next = event;
    optly__user_event_list_destroy(inherited);
    event = fake_conversion(project, "child");
    optly_project_destroy(project);
    optly_user_event_destroy(event);
    return 0;
}

static void test_child_builds_while_the_lock_was_held(void **state)
{
    enum { FORKS = 60 };
    optly_project *project = fake_project();
    struct churn job = {project, false};
    pthread_t thread;

    (void)state;
    if (!FORKS_SAFELY) {
        optly_project_destroy(project);
        skip();
    }
    assert_int_equal(pthread_create(&thread, NULL, churn, &job), 0);
    for (int i = 0; i < FORKS; i++) {
        optly_user_event *inherited = fake_conversion(project, "parent");
        int status = 1;
        pid_t child = fork();

        if (child == 0)
            fake_leave_child(child_works(project, inherited));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        optly_user_event_destroy(inherited);
    }
    atomic_store(&job.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    optly_project_destroy(project);
}

/* --- two threads that make the first event --- */

static optly__event_pool_slot *raced_slot;
static optly__context *raced_context;
static optly__event_pool *winner;

/* The other thread comes while the first one allocates. */
static void *allocate_after_the_other(size_t size, void *user)
{
    optly__event_pool_slot *slot = raced_slot;

    (void)user;
    raced_slot = NULL;
    if (slot != NULL)
        winner = optly__event_pool_get(slot, raced_context);
    return malloc(size);
}

static void release_memory(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static void test_of_two_first_pools_one_stays(void **state)
{
    const optly_allocator allocator = {allocate_after_the_other, release_memory,
                                       NULL};
    optly__event_pool *got;
    optly_project *project;
    optly_user_event *event;

    (void)state;
    assert_int_equal(optly_set_allocator(&allocator), OPTLY_OK);
    project = fake_project();
    raced_context = project->context;
    raced_slot = &project->state->pool;
    got = optly__event_pool_get(raced_slot, project->context);
    assert_non_null(winner);
    assert_ptr_equal(got, winner);
    event = fake_conversion(project, "v");
    assert_ptr_equal(atomic_load(&project->state->pool), winner);
    optly_user_event_destroy(event);
    optly_project_destroy(project);
    assert_int_equal(optly_set_allocator(NULL), OPTLY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_outlive_their_project),
        cmocka_unit_test(test_project_outlives_its_references),
        cmocka_unit_test(test_events_do_not_overlap),
        cmocka_unit_test(test_lists_of_many_projects_are_freed),
        cmocka_unit_test(test_destroy_leaves_the_rest_of_a_list),
#if !defined(OPTLY_PLAIN_EVENTS)
        cmocka_unit_test(test_steady_state_does_not_allocate),
        cmocka_unit_test(test_idle_pool_keeps_one_chunk),
        cmocka_unit_test(test_spares_are_few_while_an_event_lives),
#endif
        cmocka_unit_test(test_client_and_log_are_fixed_by_the_first_event),
        cmocka_unit_test(test_threads_build_and_free_side_by_side),
        cmocka_unit_test(test_uuids_of_a_forked_child_are_its_own),
        cmocka_unit_test(test_child_leaks_an_inherited_project),
        cmocka_unit_test(test_child_leaks_an_inherited_event),
        cmocka_unit_test(test_child_builds_while_the_lock_was_held),
        cmocka_unit_test(test_of_two_first_pools_one_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
