#include "fakes/census.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 4096 };

static bool put(uint64_t *hashes, size_t room, uint64_t state)
{
    size_t at = (size_t)(state & (room - 1));

    while (hashes[at] != 0 && hashes[at] != state)
        at = (at + 1) & (room - 1);
    if (hashes[at] == state)
        return false;
    hashes[at] = state;
    return true;
}

static void grow(census *c)
{
    size_t room = c->room > 0 ? c->room * 2 : FIRST_ROOM;
    uint64_t *hashes = calloc(room, sizeof(*hashes));

    if (hashes == NULL)
        abort();
    for (size_t i = 0; i < c->room; i++) {
        if (c->hashes[i] != 0)
            (void)put(hashes, room, c->hashes[i]);
    }
    free(c->hashes);
    c->hashes = hashes;
    c->room = room;
}

void census_add(census *c, uint64_t state)
{
    if (c->count * 2 >= c->room)
        grow(c);
    c->count += put(c->hashes, c->room, state != 0 ? state : 1);
}

void census_cleanup(census *c)
{
    free(c->hashes);
    memset(c, 0, sizeof(*c));
}
