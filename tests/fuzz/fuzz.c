#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t digest;

_Noreturn void fuzz_fail(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

void fuzz_note(uint64_t value)
{
    digest = (digest ^ value) * 0x9E3779B97F4A7C15ULL;
    digest ^= digest >> 29;
}

uint64_t fuzz_take_digest(void)
{
    uint64_t taken = digest;

    digest = 0;
    return taken;
}

static char *allocate(size_t len)
{
    char *text = malloc(len + 1);

    FUZZ_CHECK(text != NULL);
    text[len] = '\0';
    return text;
}

char *fuzz_text(fuzz_input *input, size_t *len)
{
    static const size_t limits[16] = {7,    8,    9,     15,   16, 31,
                                      32,   33,   63,    64,   65, 4095,
                                      4096, 4097, 65536, 65537};
    size_t wanted = fuzz_byte(input);
    char *text, *cut;

    if (wanted >= 240) {
        uint8_t fill = fuzz_byte(input);

        *len = limits[wanted - 240];
        text = allocate(*len);
        memset(text, fill != 0 ? fill : 'x', *len);
        return text;
    }
    if (wanted > fuzz_left(input))
        wanted = fuzz_left(input);
    *len = strnlen((const char *)input->at, wanted);
    cut = allocate(*len);
    memcpy(cut, input->at, *len);
    input->at += wanted;
    return cut;
}

char *fuzz_rest(fuzz_input *input, size_t *len)
{
    char *text;

    *len = fuzz_left(input) > 0
               ? strnlen((const char *)input->at, fuzz_left(input))
               : 0;
    text = allocate(*len);
    if (*len > 0)
        memcpy(text, input->at, *len);
    input->at = input->end;
    return text;
}
