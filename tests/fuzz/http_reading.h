/* A second reading of the rules of HTTP that the library follows. */
#ifndef OPTLY_FUZZ_HTTP_READING_H
#define OPTLY_FUZZ_HTTP_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <optly/dispatcher.h>

/* What the lines of an answer said so far. */
typedef struct http_reading {
    int64_t seconds, until_s, date_s; /* -1: nothing */
    bool is_ambiguous; /* a year of two digits at the edge of its century */
} http_reading;

void http_reading_init(http_reading *reading);

/* Reads a line with or without its end; `wall_s` is the time now. */
void http_reading_line(http_reading *reading, const char *line, size_t len,
                       int64_t wall_s);

/* A date in one of HTTP's three forms. Sets `*is_ambiguous`, if it is. */
bool http_reading_date(const char *value, size_t len, int64_t wall_s,
                       int64_t *seconds, bool *is_ambiguous);

/* The wait in ms, from 0 to 600,000. */
int64_t http_reading_wait_ms(const http_reading *reading, int64_t wall_s);

/* What a status means. */
optly_outcome http_reading_outcome(long status);

#endif
