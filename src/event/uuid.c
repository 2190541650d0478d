#include "event/uuid.h"

#include "event/user_event.h"

static bool is_dash(int position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

void optly__uuid_write(char *text, const unsigned char *random)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *text++ = '-';
        *text++ = digits[random[i] >> 4];
        *text++ = digits[random[i] & 15];
    }
    text -= OPTLY__UUID_LEN;
    text[14] = '4';                                /* the version */
    text[19] = digits[8 | ((random[8] >> 4) & 3)]; /* the variant */
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
