/*
 * What the engine has to say to the log. The hook is foreign code and may
 * block, on a lock of the host's say, so lines are kept until the engine's
 * state is whole and the driver may be replaced.
 */
#include "engine/engine.h"

#include <stdarg.h>
#include <stdio.h>

void optly__engine_note(optly__engine *engine, optly_log_level level,
                        const char *format, ...)
{
    optly__note *note;
    va_list arguments;

    if (engine->config.log.log == NULL || engine->note_count == OPTLY__NOTES)
        return;
    note = &engine->notes[engine->note_count++];
    note->level = level;
    va_start(arguments, format);
    (void)vsnprintf(note->text, sizeof(note->text), format, arguments);
    va_end(arguments);
}

bool optly__engine_tell(optly__engine *engine)
{
    const optly__log *log = &engine->config.log;
    uint32_t count = engine->note_count;

    if (count == 0)
        return true;
    optly__engine_leave(engine, OPTLY__IN_CALLBACK);
    for (uint32_t i = 0; i < count; i++)
        log->log(engine->notes[i].level, engine->notes[i].text, log->user);
    if (!optly__engine_enter(engine))
        return false;
    engine->note_count = 0;
    return true;
}
