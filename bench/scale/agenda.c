#include "agenda.h"

#include <stdlib.h>

#include "blocks/sample.h"

static bool comes_before(const struct entry *a, const struct entry *b)
{
    return a->at_ms < b->at_ms ||
           (a->at_ms == b->at_ms && a->number < b->number);
}

void agenda_add(struct agenda *agenda, struct entry new)
{
    size_t at = agenda->count++;

    if (agenda->count > agenda->room) {
        agenda->room = agenda->room > 0 ? 2 * agenda->room : 1024;
        agenda->entries =
            realloc(agenda->entries, agenda->room * sizeof(*agenda->entries));
        sample_check(agenda->entries != NULL, "realloc");
    }
    new.number = agenda->made++;
    while (at > 0 && comes_before(&new, &agenda->entries[(at - 1) / 2])) {
        agenda->entries[at] = agenda->entries[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    agenda->entries[at] = new;
}

bool agenda_take(struct agenda *agenda, struct entry *out)
{
    size_t at = 0, child;
    struct entry last;

    if (agenda->count == 0)
        return false;
    *out = agenda->entries[0];
    last = agenda->entries[--agenda->count];
    while ((child = 2 * at + 1) < agenda->count) {
        if (child + 1 < agenda->count &&
            comes_before(&agenda->entries[child + 1], &agenda->entries[child]))
            child++;
        if (!comes_before(&agenda->entries[child], &last))
            break;
        agenda->entries[at] = agenda->entries[child];
        at = child;
    }
    agenda->entries[at] = last;
    return true;
}

void agenda_cleanup(struct agenda *agenda)
{
    free(agenda->entries);
}
