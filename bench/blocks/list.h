/* The blocks by file; only blocks.c and the files themselves need it. */
#ifndef OPTLY_BENCH_LIST_H
#define OPTLY_BENCH_LIST_H

#include "blocks/blocks.h"

/* build.c */
extern const block block_impression, block_conversion, block_attributes_0,
    block_attributes_5, block_attributes_50;
/* text.c */
extern const block block_writer, block_writer_escapes, block_double_short,
    block_double_17, block_double_integral, block_integer, block_uuid;
/* engine.c */
extern const block block_ring, block_join, block_engine_idle,
    block_engine_event;
/* path.c */
extern const block block_event_10, block_event_100, block_event_1000;
/* blocked.c */
extern const block block_event_blocked;

#endif
