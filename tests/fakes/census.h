/* Counts the different states that a simulation has come through. */
#ifndef OPTLY_FAKES_CENSUS_H
#define OPTLY_FAKES_CENSUS_H

#include <stddef.h>
#include <stdint.h>

typedef struct census {
    uint64_t *hashes; /* open addressing; 0 is free */
    size_t room, count;
} census;

/* `state` is a hash of one. */
void census_add(census *c, uint64_t state);
void census_cleanup(census *c);

#endif
