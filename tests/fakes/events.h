/* A small project and events of it, for tests that only need some. */
#ifndef OPTLY_FAKES_EVENTS_H
#define OPTLY_FAKES_EVENTS_H

#include <optly/event.h>

/*
 * Account "acc", project "proj", region "US", all decisions sent: attributes
 * device (1001), plan (1002), age (1003), score (1004), beta (1005); events
 * purchase (2001), sign_up (2002).
 */
optly_project *fake_project(void);

/* The same with another revision and region: another context. */
optly_project *fake_project_of(const char *revision, const char *region);

/* One attribute, device; variation 4001 of experiment 3001 in layer 3000. */
optly_user_event *fake_impression(const optly_project *project,
                                  const char *visitor_id);

/* The event purchase with the attributes device and the tag revenue. */
optly_user_event *fake_conversion(const optly_project *project,
                                  const char *visitor_id);

/* A purchase whose JSON has `json_len` bytes, which must be at least 1024. */
optly_user_event *fake_conversion_of_size(const optly_project *project,
                                          const char *visitor_id,
                                          size_t json_len);

/*
 * A datafile of version "4": attributes attribute_0 (id 1000) to attribute_19,
 * events event_0 (id 2000) to event_9, experiments, a group, rollouts, a
 * holdout; sendFlagDecisions and botFiltering are set.
 */
extern const char fake_datafile[];

#endif
