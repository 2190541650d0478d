#include "fakes/auditor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/platform.h"

enum { UUID_LEN = 36, FIRST_ROOM = 1024, BURST = 64, PAUSE_NS = 50000 };

/* One event, by its uuid. */
typedef struct entry {
    char uuid[UUID_LEN + 1];
    uint64_t hash; /* of its JSON */
    size_t len, uuid_at;
    uint32_t seen, changed, delivered, dropped;
    bool offered, accepted;
} entry;

struct auditor {
    optly_processor *processor;
    pthread_t sampler;
    atomic_bool sampling;
    atomic_ullong violations;

    pthread_mutex_t lock;
    /* Guarded by `lock`: open addressing, `room` is a power of two. */
    entry **entries;
    size_t room, count;
    uint64_t accepted;
};

static atomic_ullong all_samples, all_violations;
static pid_t reporter;

/* --- the identity --- */

static void print_counts(void)
{
    const char *path = getenv("OPTLY_AUDIT_FILE");
    audit_counts counts = audit_counts_read();
    char line[128];
    int fd, len;

    if (getpid() != reporter)
        return; /* a child */
    len = snprintf(
        line, sizeof(line), "%s: %" PRIu64 " samples, %" PRIu64 " violations\n",
        program_invocation_short_name, counts.samples, counts.violations);
    (void)printf("audit: %s", line);
    fd = path != NULL && path[0] != '\0'
             ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)
             : -1;
    if (fd < 0)
        return;
    if (write(fd, line, (size_t)len) != len)
        (void)fprintf(stderr, "%s: not written\n", path);
    (void)close(fd);
}

audit_counts audit_counts_read(void)
{
    return (audit_counts){atomic_load(&all_samples),
                          atomic_load(&all_violations)};
}

bool audit_snapshot(const optly_stats *s)
{
    uint64_t rejected = 0, dropped = 0;
    bool holds;

    for (int i = 0; i < OPTLY_REASON_SLOTS; i++) {
        rejected += s->rejected[i];
        dropped += s->dropped[i];
    }
    holds = s->attempted == s->accepted + rejected &&
            s->accepted == s->delivered + dropped + s->pending &&
            s->pending == s->queued + s->in_flight + s->retry_wait;
    (void)atomic_fetch_add(&all_samples, 1);
    if (!holds)
        (void)atomic_fetch_add(&all_violations, 1);
    return holds;
}

static void take_samples(auditor *a)
{
    for (int i = 0; i < BURST; i++) {
        optly_stats stats = optly_stats_default();

        if (optly_processor_stats(a->processor, &stats) != OPTLY_OK ||
            !audit_snapshot(&stats))
            (void)atomic_fetch_add(&a->violations, 1);
    }
}

static void *run_sampler(void *user)
{
    const struct timespec pause = {0, PAUSE_NS};
    auditor *a = user;
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    do {
        take_samples(a);
        (void)nanosleep(&pause, NULL); /* the machine has other work, too */
    } while (atomic_load(&a->sampling));
    take_samples(a);
    return NULL;
}

/* --- the ledger; lock held --- */

uint64_t auditor_hash(const char *bytes, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
    return hash;
}

static entry **place_of(entry **entries, size_t room, const char *uuid)
{
    size_t at = (size_t)auditor_hash(uuid, UUID_LEN) & (room - 1);

    while (entries[at] != NULL && memcmp(entries[at]->uuid, uuid, UUID_LEN))
        at = (at + 1) & (room - 1);
    return &entries[at];
}

static void grow(auditor *a)
{
    size_t room = a->room > 0 ? a->room * 2 : FIRST_ROOM;
    entry **entries = calloc(room, sizeof(entry *));

    if (entries == NULL)
        abort();
    for (size_t i = 0; i < a->room; i++) {
        if (a->entries[i] != NULL)
            *place_of(entries, room, a->entries[i]->uuid) = a->entries[i];
    }
    free(a->entries);
    a->entries = entries;
    a->room = room;
}

/* Finds or makes an entry; what was never handed over has one, too. */
static entry *entry_of(auditor *a, const char *uuid)
{
    entry **at;

    if (a->count * 2 >= a->room)
        grow(a);
    at = place_of(a->entries, a->room, uuid);
    if (*at == NULL) {
        *at = calloc(1, sizeof(entry));
        if (*at == NULL)
            abort();
        memcpy((*at)->uuid, uuid, UUID_LEN);
        a->count++;
    }
    return *at;
}

/* --- what happens to events --- */

static void see_report(const optly_delivery_report *report, void *user)
{
    auditor *a = user;

    (void)pthread_mutex_lock(&a->lock);
    for (uint32_t i = 0; i < report->event_count; i++) {
        entry *known = entry_of(a, optly_user_event_uuid(report->events[i]));

        if (report->reason == OPTLY_DROP_NONE)
            known->delivered++;
        else
            known->dropped++;
    }
    (void)pthread_mutex_unlock(&a->lock);
}

optly_status auditor_offer(auditor *a, optly_user_event *event)
{
    const char *json = optly_user_event_json(event);
    size_t len = optly_user_event_json_len(event);
    const char *uuid = optly_user_event_uuid(event);
    const char *within = strstr(json, uuid);
    optly_status status;
    entry *fresh;

    if (within == NULL)
        abort();
    (void)pthread_mutex_lock(&a->lock);
    fresh = entry_of(a, uuid);
    if (fresh->offered)
        (void)atomic_fetch_add(&a->violations, 1); /* a uuid used twice */
    fresh->offered = true;
    fresh->hash = auditor_hash(json, len);
    fresh->len = len;
    fresh->uuid_at = (size_t)(within - json);
    (void)pthread_mutex_unlock(&a->lock);

    status = optly_process_event(a->processor, event);

    (void)pthread_mutex_lock(&a->lock);
    fresh->accepted = status == OPTLY_OK;
    a->accepted += status == OPTLY_OK;
    (void)pthread_mutex_unlock(&a->lock);
    return status;
}

void auditor_see_event(auditor *a, const char *uuid, uint64_t hash,
                       uint32_t times)
{
    entry *known;

    (void)pthread_mutex_lock(&a->lock);
    known = entry_of(a, uuid);
    known->seen += times;
    known->changed += known->hash != hash;
    (void)pthread_mutex_unlock(&a->lock);
}

/* One uuid that was found in a body; lock held. */
static void see_uuid(auditor *a, const char *body, size_t len, size_t at)
{
    entry *known = entry_of(a, body + at);

    known->seen++;
    if (at < known->uuid_at || len - (at - known->uuid_at) < known->len ||
        auditor_hash(body + at - known->uuid_at, known->len) != known->hash)
        known->changed++;
}

void auditor_see(auditor *a, const char *body, size_t len)
{
    static const char key[] = "\"uuid\":\"";
    const char *at = body, *end = body + len;

    (void)pthread_mutex_lock(&a->lock);
    while ((at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1))) {
        at += sizeof(key) - 1;
        if (end - at > UUID_LEN)
            see_uuid(a, body, len, (size_t)(at - body));
    }
    (void)pthread_mutex_unlock(&a->lock);
}

uint64_t auditor_accepted(auditor *a)
{
    uint64_t count;

    (void)pthread_mutex_lock(&a->lock);
    count = a->accepted;
    (void)pthread_mutex_unlock(&a->lock);
    return count;
}

/* --- its life --- */

auditor *auditor_create(void)
{
    auditor *a = calloc(1, sizeof(*a));

    if (a == NULL || pthread_mutex_init(&a->lock, NULL) != 0)
        abort();
    if (reporter == 0) {
        reporter = getpid();
        (void)atexit(print_counts);
    }
    return a;
}

void auditor_listen(auditor *a, optly_processor *processor)
{
    a->processor = processor;
    assert_int_equal(
        optly_processor_on_delivery(processor, see_report, a, NULL), OPTLY_OK);
}

void auditor_sample(auditor *a, optly_processor *processor)
{
    a->processor = processor;
    atomic_store(&a->sampling, true);
    assert_int_equal(pthread_create(&a->sampler, NULL, run_sampler, a), 0);
}

void auditor_watch(auditor *a, optly_processor *processor)
{
    auditor_listen(a, processor);
    auditor_sample(a, processor);
}

void auditor_rest(auditor *a)
{
    if (atomic_exchange(&a->sampling, false))
        (void)pthread_join(a->sampler, NULL);
}

static void check_entry(const entry *known)
{
    if (known->seen > 0 && !known->accepted)
        fail_msg("the server saw %s, which was not accepted", known->uuid);
    if (known->changed > 0)
        fail_msg("the server saw %s with other bytes", known->uuid);
    if (known->delivered > 0 && known->seen == 0)
        fail_msg("%s counts as delivered and was not seen", known->uuid);
    if (known->delivered + known->dropped != known->accepted)
        fail_msg("%s has %" PRIu32 " reports", known->uuid,
                 known->delivered + known->dropped);
}

void auditor_check(auditor *a)
{
    assert_int_equal(atomic_load(&a->violations), 0);
    for (size_t i = 0; i < a->room; i++) {
        if (a->entries[i] != NULL)
            check_entry(a->entries[i]);
    }
}

void auditor_destroy(auditor *a)
{
    auditor_rest(a);
    for (size_t i = 0; i < a->room; i++)
        free(a->entries[i]);
    free(a->entries);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}
