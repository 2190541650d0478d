/* The text of an event: its JSON and the id strings behind it. */
#ifndef OPTLY__EVENT_TEXT_H
#define OPTLY__EVENT_TEXT_H

#include "event/user_event.h"

/* A string with its length; not NUL-terminated. */
typedef struct optly__text {
    const char *bytes;
    size_t len;
} optly__text;

/* In the order in which they lie in an event. */
enum {
    OPTLY__PART_JSON,
    OPTLY__PART_UUID, /* OPTLY__UUID_LEN bytes */
    OPTLY__PART_KEY,
    OPTLY__PART_ENTITY_ID,
    OPTLY__PART_VISITOR_ID,
    OPTLY__PARTS
};

/* The bytes that the parts need in an event, each with its NUL. */
size_t optly__event_text_size(const optly__text parts[OPTLY__PARTS]);

/* Copies the parts, and sets the length and the offsets that concern them. */
void optly__event_text_fill(optly_user_event *event,
                            const optly__text parts[OPTLY__PARTS]);

#endif
