/*
 * The event that everything here is measured with: five attributes (two
 * strings, an integer, a double, a bool) and the bot filtering of the project;
 * a conversion has five tags, revenue and value among them; an impression has
 * one decision. About 865 bytes of JSON when both come in turn.
 */
#ifndef OPTLY_BENCH_SAMPLE_H
#define OPTLY_BENCH_SAMPLE_H

#include <optly/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every function ends the program if it cannot do what it says. */
void sample_check(bool holds, const char *what);

/* A project with 1,000 attributes, of which the first five are the event's. */
optly_project *sample_project(void);

/* The same with another revision or region: another context. */
optly_project *sample_project_of(const char *revision, const char *region);

/* Events of visitor number `number`, which are 64. */
optly_user_event *sample_impression(const optly_project *project,
                                    size_t number);
optly_user_event *sample_conversion(const optly_project *project,
                                    size_t number);

/* An impression if `number` is even, else a conversion. */
optly_user_event *sample_event(const optly_project *project, size_t number);

/* A conversion without tags that has `count` attributes, 1,000 at most. */
optly_user_event *sample_with_attributes(const optly_project *project,
                                         size_t count);

/* A dispatcher whose every attempt is delivered at once. */
optly_dispatcher sample_dispatcher(void);

#ifdef __cplusplus
}
#endif

#endif
