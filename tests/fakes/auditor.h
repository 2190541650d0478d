/*
 * An auditor of a processor: a thread of its own holds the counters against
 * the accounting identity all the while, and a ledger holds each uuid: who
 * handed it over, what the server saw of it, and how it was reported.
 *
 * What all auditors of a program have sampled is printed when it ends, and
 * appended to the file that OPTLY_AUDIT_FILE names.
 */
#ifndef OPTLY_FAKES_AUDITOR_H
#define OPTLY_FAKES_AUDITOR_H

#include <optly/event.h>

typedef struct auditor auditor;

/* What was sampled, in this program. */
typedef struct audit_counts {
    uint64_t samples, violations;
} audit_counts;

auditor *auditor_create(void);

/* Reads the books of `processor` from here on, and sees its reports. */
void auditor_watch(auditor *a, optly_processor *processor);

/* Only the one or the other: the samples for books that are kept elsewhere, the
 * reports for a host that may have no second thread. */
void auditor_sample(auditor *a, optly_processor *processor);
void auditor_listen(auditor *a, optly_processor *processor);

/* optly_process_event on the processor that is watched, booked. Any thread. */
optly_status auditor_offer(auditor *a, optly_user_event *event);

/* A server has read this body whole: books each uuid in it, and whether the
 * event's JSON is the one that was handed over, byte for byte. Any thread. */
void auditor_see(auditor *a, const char *body, size_t len);

/* The same of one event that a server has read `times` times; `hash` is
 * auditor_hash of its JSON. */
void auditor_see_event(auditor *a, const char *uuid, uint64_t hash,
                       uint32_t times);
uint64_t auditor_hash(const char *bytes, size_t len);

/* Ends the sampling; before the processor is destroyed. */
void auditor_rest(auditor *a);

/*
 * With the processor gone. Fails the test unless every sample held the
 * identity, what was seen was accepted and had the same bytes, what was
 * delivered was seen, each accepted event was reported exactly once and no
 * other was. With nothing dropped all three are the same.
 */
void auditor_check(auditor *a);

/* Events that were accepted; any thread. */
uint64_t auditor_accepted(auditor *a);

void auditor_destroy(auditor *a);

/* Whether one snapshot holds the identity; counts as a sample. */
bool audit_snapshot(const optly_stats *stats);
audit_counts audit_counts_read(void);

#endif
