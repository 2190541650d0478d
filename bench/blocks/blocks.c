#include "blocks/list.h"

#include <string.h>

const block *const all_blocks[] = {
    &block_event_10,
    &block_event_100,
    &block_event_1000,
    &block_event_blocked,
    &block_impression,
    &block_conversion,
    &block_attributes_0,
    &block_attributes_5,
    &block_attributes_50,
    &block_writer,
    &block_writer_escapes,
    &block_double_short,
    &block_double_17,
    &block_double_integral,
    &block_integer,
    &block_uuid,
    &block_ring,
    &block_join,
    &block_engine_idle,
    &block_engine_event,
    NULL,
};

const block *block_find(const char *name)
{
    for (const block *const *at = all_blocks; *at != NULL; at++) {
        if (strcmp((*at)->name, name) == 0)
            return *at;
    }
    return NULL;
}
