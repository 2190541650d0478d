/* Version 4 uuids as text. */
#ifndef OPTLY__UUID_H
#define OPTLY__UUID_H

#include <stdbool.h>

/* Writes 36 characters, lower case, no NUL, from 16 random bytes. */
void optly__uuid_write(char *text, const unsigned char *random);

/* Whether `text` has the form 8-4-4-4-12 of hexadecimal digits, any case. */
bool optly__uuid_is_valid(const char *text);

#endif
