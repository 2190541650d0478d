/* What the blocks of code in the documents may use: see check_code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <optly/event.h>

/* Things of the host's own. */
optly_outcome send_it(const optly_log_event *batch,
                      optly_dispatch_result *result, void *user);
void serve_requests(void);

#define SNIPPET                                                                \
    void snippet(optly_project *project, optly_processor *processor,           \
                 optly_user_event *event, optly_user user,                     \
                 optly_processor_config config, optly_http_config http,        \
                 optly_error error, const char *datafile, size_t len,          \
                 void *host);                                                  \
    void snippet(optly_project *project, optly_processor *processor,           \
                 optly_user_event *event, optly_user user,                     \
                 optly_processor_config config, optly_http_config http,        \
                 optly_error error, const char *datafile, size_t len,          \
                 void *host)
