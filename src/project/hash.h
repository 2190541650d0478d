/* A hash of bytes, eight at a time: for tables, not for security. */
#ifndef OPTLY__HASH_H
#define OPTLY__HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t optly__hash_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

static inline uint64_t optly__hash(const char *bytes, size_t len)
{
    uint64_t hash = len, word;

    for (; len >= sizeof(word); len -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        hash = optly__hash_mix(hash, word);
        bytes += sizeof(word);
    }
    word = 0;
    if (len >= 4) {
        uint32_t first, last; /* two halves, which may overlap */

        memcpy(&first, bytes, sizeof(first));
        memcpy(&last, bytes + len - sizeof(last), sizeof(last));
        word = (uint64_t)first << 32 | last;
    } else {
        for (size_t i = 0; i < len; i++)
            word = word << 8 | (unsigned char)bytes[i];
    }
    return optly__hash_mix(hash, word);
}

#endif
