#include "event/event_text.h"

#include <string.h>

size_t optly__event_text_size(const optly__text parts[OPTLY__PARTS])
{
    size_t size = 0;

    for (size_t i = 0; i < OPTLY__PARTS; i++)
        size += parts[i].len + 1;
    return size;
}

void optly__event_text_fill(optly_user_event *event,
                            const optly__text parts[OPTLY__PARTS])
{
    uint32_t offsets[OPTLY__PARTS];
    char *at = event->text;

    for (size_t i = 0; i < OPTLY__PARTS; i++) {
        offsets[i] = (uint32_t)(at - event->text);
        memcpy(at, parts[i].bytes, parts[i].len);
        at += parts[i].len;
        *at++ = '\0';
    }
    event->json_len = (uint32_t)parts[OPTLY__PART_JSON].len;
    event->entity_offset = offsets[OPTLY__PART_ENTITY_ID];
    event->visitor_offset = offsets[OPTLY__PART_VISITOR_ID];
}
