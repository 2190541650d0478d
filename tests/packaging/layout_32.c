/*
 * The layout of the public structs on a 32-bit system that aligns integers of
 * 64 bits by 8 bytes, ARM say. Compiled for one, on any machine; never run.
 */
#include "layouts.h"

_Static_assert(sizeof(void *) == 4 && _Alignof(int64_t) == 8, "such a system");

#define FIXED(type, last, size_64, size_32, padding_32)                        \
    _Static_assert(sizeof(type) == (size_32), "size of " #type);               \
    _Static_assert(END_OF(type, last) == (size_32) - (padding_32),             \
                   "padding of " #type);
#define GROWS(type, last, size_64, size_32, padding_32)                        \
    _Static_assert(sizeof(type) >= (size_32), "size of " #type);               \
    _Static_assert(END_OF(type, last) == (sizeof(type) > (size_32)             \
                                              ? sizeof(type)                   \
                                              : (size_32) - (padding_32)),     \
                   "padding of " #type);

LAYOUTS(FIXED, GROWS)
