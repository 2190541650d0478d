#include "event/user_event.h"

static const optly_event_context no_context = {.revision = "",
                                               .account_id = "",
                                               .client_version = "",
                                               .project_id = "",
                                               .client_name = "",
                                               .region = ""};

void optly_user_event_destroy(optly_user_event *event)
{
    if (event == NULL)
        return;
    event->next = NULL;
    optly__user_event_list_destroy(event);
}

const char *optly_user_event_uuid(const optly_user_event *event)
{
    return event != NULL ? event->text + event->json_len + 1 : "";
}

const char *optly_user_event_visitor_id(const optly_user_event *event)
{
    return event != NULL ? event->text + event->visitor_offset : "";
}

const char *optly_user_event_key(const optly_user_event *event)
{
    return event != NULL
               ? event->text + event->json_len + 1 + OPTLY__UUID_LEN + 1
               : "";
}

const char *optly_user_event_entity_id(const optly_user_event *event)
{
    return event != NULL ? event->text + event->entity_offset : "";
}

const char *optly_user_event_json(const optly_user_event *event)
{
    return event != NULL ? event->text : "";
}

size_t optly_user_event_json_len(const optly_user_event *event)
{
    return event != NULL ? event->json_len : 0;
}

size_t optly_user_event_size(const optly_user_event *event)
{
    return event != NULL ? event->size : 0;
}

int64_t optly_user_event_timestamp_ms(const optly_user_event *event)
{
    return event != NULL ? event->timestamp_ms : 0;
}

bool optly_user_event_is_impression(const optly_user_event *event)
{
    return event != NULL && event->is_impression != 0;
}

optly_event_context optly_user_event_context(const optly_user_event *event)
{
    return event != NULL ? event->context->fields : no_context;
}
