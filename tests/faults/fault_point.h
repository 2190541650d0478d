/*
 * Runs a scenario over and over, each time with another of its calls failing:
 * the first alone, the second alone and so on; then the first and all after
 * it, the second and all after it, and so on, until nothing is left to fail.
 *
 *     static void lose_nothing(fault_point *point)
 *     {
 *         ... set up ...
 *         fault_begin(point);
 *         ... what may fail; it may begin and end several times ...
 *         fault_end(point);
 *         ... all works again: check it, and free all ...
 *     }
 */
#ifndef OPTLY_FAULTS_FAULT_POINT_H
#define OPTLY_FAULTS_FAULT_POINT_H

#include <stdbool.h>
#include <stddef.h>

#include <optly/status.h>

/* Whether a sanitizer is at work, which needs memory of its own. */
#if defined(__has_feature)
#define FAULT_HAS(feature) __has_feature(feature)
#else
#define FAULT_HAS(feature) 0
#endif
#if FAULT_HAS(address_sanitizer) || FAULT_HAS(thread_sanitizer) ||             \
    defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAULT_IS_SANITIZED 1
#else
#define FAULT_IS_SANITIZED 0
#endif

/* What fails. */
typedef struct fault_source {
    /* From here on `count` calls succeed, and then one fails or all. */
    void (*arm)(size_t count, bool for_good);
    /* Whether one did since then. */
    bool (*has_failed)(void);
    /* From here on none fails. */
    void (*disarm)(void);
    /* What a scenario must leave as it was; may be NULL. */
    size_t (*live)(void);
} fault_source;

/* The allocator of fakes/failing_allocator.h, which has to be installed. */
extern const fault_source fault_memory;

typedef struct fault_point {
    const fault_source *source;
    size_t number; /* the calls that succeed before */
    bool for_good; /* all later ones fail, too */
    bool hit;      /* a call was made to fail; whole after the end */
} fault_point;

typedef void (*fault_scenario)(fault_point *point);

void fault_begin(fault_point *point);
void fault_end(fault_point *point);

/* Whether a call has failed since it began. */
bool fault_has_hit(const fault_point *point);

/* A call failed for the lack of memory and only then: OK if none was hit. */
void fault_expect(const fault_point *point, optly_status status,
                  optly_status otherwise);

/*
 * Runs all points of `scenario` and fails the test when one hangs for a
 * minute, leaves something behind, or no point was found. Prints how many
 * there were under `name`, and returns that.
 */
size_t fault_run(const fault_source *source, const char *name,
                 fault_scenario scenario);

/* Prints the sum of what ran in this program. */
void fault_print_total(const char *what);

#endif
