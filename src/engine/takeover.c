/*
 * Foreign code, and what happens when it does not come back: the driver leaves
 * a mark before it goes there, and a closing thread may take the engine over
 * meanwhile.
 */
#include "engine/engine.h"

#include <assert.h>

void optly__engine_leave(optly__engine *engine, optly__place place)
{
    optly__mutex_lock(&engine->lock);
    engine->place = place;
    if (place == OPTLY__IN_CALLBACK)
        engine->callback_thread = optly__thread_self();
    optly__mutex_unlock(&engine->lock);
}

bool optly__engine_enter(optly__engine *engine)
{
    bool ours;

    optly__mutex_lock(&engine->lock);
    ours = optly__engine_is_ours(engine);
    if (ours)
        engine->place = OPTLY__IN_ENGINE;
    optly__mutex_unlock(&engine->lock);
    return ours;
}

bool optly__engine_is_ours(const optly__engine *engine)
{
    return !engine->taken_over || optly__thread_is_self(engine->taker);
}

void optly__engine_take_over(optly__engine *engine)
{
    assert(engine->place != OPTLY__IN_ENGINE);
    engine->taken_over = true;
    engine->taker = optly__thread_self();
}

void optly__engine_count_waiting(optly__engine *engine)
{
    optly__ledger *ledger = &engine->ledger;

    optly__ledger_count(ledger, engine->hand_stage, engine->hand_count,
                        engine->hand_reason);
    engine->hand_count = 0;
    engine->counted = true;
    optly__ledger_count(ledger, OPTLY__QUEUED, ledger->stats.queued,
                        OPTLY_DROP_CLOSED);
    optly__ledger_count(ledger, OPTLY__RETRY_WAIT, ledger->stats.retry_wait,
                        OPTLY_DROP_CLOSED);
}
