#include "event/uuid.h"

#include <string.h>

#include "event/user_event.h"

static bool is_dash(int position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

/* The two digits of every byte. */
#define ROW(high)                                                              \
    high "0" high "1" high "2" high "3" high "4" high "5" high "6" high        \
         "7" high "8" high "9" high "a" high "b" high "c" high "d" high        \
         "e" high "f"
static const char byte_digits[] =
    ROW("0") ROW("1") ROW("2") ROW("3") ROW("4") ROW("5") ROW("6") ROW("7")
        ROW("8") ROW("9") ROW("a") ROW("b") ROW("c") ROW("d") ROW("e") ROW("f");

void optly__uuid_write(char *text, const unsigned char *random)
{
    static const unsigned char offsets[16] = {0,  2,  4,  6,  9,  11, 14, 16,
                                              19, 21, 24, 26, 28, 30, 32, 34};

    for (size_t i = 0; i < 16; i++)
        memcpy(text + offsets[i], byte_digits + 2 * (size_t)random[i], 2);
    text[8] = text[13] = text[18] = text[23] = '-';
    text[14] = '4';                          /* the version */
    text[19] = "89ab"[(random[8] >> 4) & 3]; /* the variant */
}

static bool is_hex(char digit)
{
    return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f') ||
           (digit >= 'A' && digit <= 'F');
}

bool optly__uuid_is_valid(const char *text)
{
    for (int i = 0; i < OPTLY__UUID_LEN; i++) {
        if (is_dash(i) ? text[i] != '-' : !is_hex(text[i]))
            return false;
    }
    return text[OPTLY__UUID_LEN] == '\0';
}
