#include "faults.h"

#include <string.h>

#include "deadline.h"

void collector_faults_init(collector_faults *faults)
{
    memset(faults, 0, sizeof(*faults));
    pthread_mutex_init(&faults->lock, NULL);
    collector_cond_init(&faults->cleared);
}

void collector_faults_cleanup(collector_faults *faults)
{
    pthread_cond_destroy(&faults->cleared);
    pthread_mutex_destroy(&faults->lock);
}

static bool is_valid(const collector_fault *fault)
{
    return (fault->status == 0 ||
            (fault->status >= 200 && fault->status <= 599)) &&
           fault->delay_ms <= COLLECTOR_MAX_DELAY_MS &&
           memchr(fault->retry_after, '\0', COLLECTOR_RETRY_AFTER_SIZE) !=
               NULL &&
           strpbrk(fault->retry_after, "\r\n") == NULL;
}

bool collector_faults_add(collector_faults *faults,
                          const collector_fault *fault)
{
    collector_fault *slot;
    bool has_room;

    if (!is_valid(fault))
        return false;
    pthread_mutex_lock(&faults->lock);
    has_room = faults->count < COLLECTOR_MAX_FAULTS;
    if (has_room) {
        slot = &faults->waiting[(faults->first + faults->count) %
                                COLLECTOR_MAX_FAULTS];
        *slot = *fault;
        if (slot->count == 0)
            slot->count = 1;
        faults->count++;
    }
    pthread_mutex_unlock(&faults->lock);
    return has_room;
}

void collector_faults_clear(collector_faults *faults, bool stop)
{
    pthread_mutex_lock(&faults->lock);
    faults->count = 0;
    faults->clearings++;
    faults->stopped = faults->stopped || stop;
    pthread_cond_broadcast(&faults->cleared);
    pthread_mutex_unlock(&faults->lock);
}

bool collector_faults_take(collector_faults *faults, collector_fault *out,
                           uint64_t *mark)
{
    bool found;

    memset(out, 0, sizeof(*out));
    pthread_mutex_lock(&faults->lock);
    *mark = faults->clearings;
    found = faults->count > 0;
    if (found) {
        *out = faults->waiting[faults->first];
        if (--faults->waiting[faults->first].count == 0) {
            faults->first = (faults->first + 1) % COLLECTOR_MAX_FAULTS;
            faults->count--;
        }
    }
    pthread_mutex_unlock(&faults->lock);
    return found;
}

void collector_faults_delay(collector_faults *faults, uint32_t delay_ms,
                            uint64_t mark)
{
    struct timespec deadline = collector_deadline(delay_ms);
    bool on_time = true;

    pthread_mutex_lock(&faults->lock);
    while (on_time && !faults->stopped && faults->clearings == mark)
        on_time =
            collector_cond_wait(&faults->cleared, &faults->lock, &deadline);
    pthread_mutex_unlock(&faults->lock);
}
