/* A hash of bytes, eight at a time, and whether bytes are the same: for tables
 * of short keys, not for security. */
#ifndef OPTLY__HASH_H
#define OPTLY__HASH_H

#include <stdbool.h>
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

/* Keys are short: from 4 to 16 bytes two words tell, which may overlap. */
static inline bool optly__same_bytes(const char *a, const char *b, size_t len)
{
    uint64_t long_words[4];
    uint32_t words[4];

    if (len < 4 || len > 16)
        return memcmp(a, b, len) == 0;
    if (len >= 8) {
        memcpy(&long_words[0], a, 8);
        memcpy(&long_words[1], b, 8);
        memcpy(&long_words[2], a + len - 8, 8);
        memcpy(&long_words[3], b + len - 8, 8);
        return long_words[0] == long_words[1] && long_words[2] == long_words[3];
    }
    memcpy(&words[0], a, 4);
    memcpy(&words[1], b, 4);
    memcpy(&words[2], a + len - 4, 4);
    memcpy(&words[3], b + len - 4, 4);
    return words[0] == words[1] && words[2] == words[3];
}

#endif
