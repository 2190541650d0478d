/*
 * What the fuzz targets share. A target is a program with the function below:
 * it gets bytes from libFuzzer, or from the files of its corpus, which replay.c
 * reads for any compiler. It checks properties by FUZZ_CHECK.
 */
#ifndef OPTLY_FUZZ_H
#define OPTLY_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

#define FUZZ_CHECK(condition)                                                  \
    ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

/* Adds to the digest of an execution: replay.c runs each input twice, and the
 * digests have to agree. */
void fuzz_note(uint64_t value);
uint64_t fuzz_take_digest(void);

/* An input that is read from its beginning. At its end it yields zeros. */
typedef struct fuzz_input {
    const uint8_t *at, *end;
} fuzz_input;

static inline fuzz_input fuzz_input_of(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, data + size};

    return input;
}

static inline size_t fuzz_left(const fuzz_input *input)
{
    return (size_t)(input->end - input->at);
}

static inline uint8_t fuzz_byte(fuzz_input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

/* `size` bytes, 8 at most, as a little-endian number. */
static inline uint64_t fuzz_number(fuzz_input *input, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)fuzz_byte(input) << (8 * i);
    return value;
}

/*
 * A string in an allocation of just its size, so that a byte beyond it is
 * noticed. Its first byte is its length; from 240 on it stands for a length at
 * a limit of the library, filled with the byte that follows. Owned by the
 * caller. `*len` is what strlen says.
 */
char *fuzz_text(fuzz_input *input, size_t *len);

/* The rest of the input, NUL-terminated, in the same way. */
char *fuzz_rest(fuzz_input *input, size_t *len);

#endif
