/*
 * Batches that are read beyond the end of their engine: by a dispatcher's
 * thread that is stuck when the dispatcher is destroyed. Such a batch's block
 * comes to own the events and all else that it points to; the reader and the
 * engine share it, and the later one frees it.
 */
#include "engine/engine.h"

#include <assert.h>
#include <stddef.h>

#include "base/memory.h"

static void release(optly__kept *kept)
{
    optly__block *block =
        (optly__block *)((char *)kept - offsetof(optly__block, kept));

    if (atomic_fetch_sub(&block->holders, 1) > 1)
        return;
    optly__user_event_list_destroy(block->first);
    optly__context_release(block->context);
    optly__free(block);
}

optly__kept *optly__batch_detach(optly__batch *batch)
{
    optly__block *block = batch->block;

    assert(!batch->detached);
    batch->detached = true;
    block->kept.release = release;
    atomic_init(&block->holders, 2);
    block->first = batch->first;
    /* The group's need not be the one that the events keep alive. */
    block->context = optly__context_retain(batch->group->context);
    return &block->kept;
}

void optly__batch_discard(optly__group_table *table, optly__batch *batch)
{
    if (batch->detached) {
        release(&batch->block->kept);
        batch->block = NULL;
    } else {
        optly__user_event_list_destroy(batch->first);
    }
    optly__batch_destroy(table, batch);
}

optly__kept *optly__engine_detach(optly__delivery_core *core, uint64_t id)
{
    optly__engine *engine = (optly__engine *)core;
    optly__slot *slot = &engine->slots[id % engine->config.max_in_flight];
    optly__kept *kept = NULL;

    optly__mutex_lock(&engine->lock);
    if (slot->batch != NULL && slot->id == id && !slot->completed) {
        slot->completed = true; /* whatever comes later is ignored */
        kept = optly__batch_detach(slot->batch);
    }
    optly__mutex_unlock(&engine->lock);
    return kept;
}
