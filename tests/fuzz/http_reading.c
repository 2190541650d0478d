#include "http_reading.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_WAIT_S = 600, MOST_DATE_LEN = 63 };

void http_reading_init(http_reading *reading)
{
    reading->seconds = reading->until_s = reading->date_s = -1;
    reading->is_ambiguous = false;
}

/* A date as its parts; read with tolerance, then printed as it should be. */
typedef struct parts {
    char day_name[16], month_name[8];
    int day, year, hour, minute, second;
} parts;

static int month_of(const char *name)
{
    static const char names[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov "
                                "Dec ";
    const char *found = strstr(names, name);

    return strlen(name) == 3 && found != NULL ? (int)(found - names) / 4 : -1;
}

static bool is_day(const char *name, bool is_long)
{
    static const char *const names[] = {"Sunday",    "Monday",   "Tuesday",
                                        "Wednesday", "Thursday", "Friday",
                                        "Saturday"};

    for (int i = 0; i < 7; i++) {
        if (is_long ? strcmp(name, names[i]) == 0
                    : strlen(name) == 3 && strncmp(name, names[i], 3) == 0)
            return true;
    }
    return false;
}

static bool read_fixed(const char *text, parts *p)
{
    char printed[128];

    if (sscanf(text, "%15[A-Za-z], %d %7[A-Za-z] %d %d:%d:%d", p->day_name,
               &p->day, p->month_name, &p->year, &p->hour, &p->minute,
               &p->second) != 7)
        return false;
    (void)snprintf(printed, sizeof(printed),
                   "%s, %02d %s %04d %02d:%02d:%02d GMT", p->day_name, p->day,
                   p->month_name, p->year, p->hour, p->minute, p->second);
    return strcmp(printed, text) == 0 && is_day(p->day_name, false) &&
           p->year <= 9999;
}

static bool read_asctime(const char *text, parts *p)
{
    char printed[128], padded[128];

    if (sscanf(text, "%15[A-Za-z] %7[A-Za-z] %d %d:%d:%d %d", p->day_name,
               p->month_name, &p->day, &p->hour, &p->minute, &p->second,
               &p->year) != 7)
        return false;
    (void)snprintf(printed, sizeof(printed), "%s %s %2d %02d:%02d:%02d %04d",
                   p->day_name, p->month_name, p->day, p->hour, p->minute,
                   p->second, p->year);
    (void)snprintf(padded, sizeof(padded), "%s %s %02d %02d:%02d:%02d %04d",
                   p->day_name, p->month_name, p->day, p->hour, p->minute,
                   p->second, p->year);
    return (strcmp(printed, text) == 0 || strcmp(padded, text) == 0) &&
           is_day(p->day_name, false) && p->year <= 9999;
}

static bool read_old(const char *text, parts *p)
{
    char printed[128];

    if (sscanf(text, "%15[A-Za-z], %d-%7[A-Za-z]-%d %d:%d:%d", p->day_name,
               &p->day, p->month_name, &p->year, &p->hour, &p->minute,
               &p->second) != 7)
        return false;
    (void)snprintf(printed, sizeof(printed),
                   "%s, %02d-%s-%02d %02d:%02d:%02d GMT", p->day_name, p->day,
                   p->month_name, p->year, p->hour, p->minute, p->second);
    return strcmp(printed, text) == 0 && is_day(p->day_name, true) &&
           p->year <= 99;
}

/* The last year with these two digits that is not more than 50 ahead. */
static int full_year(int digits, int64_t wall_s, bool *is_ambiguous)
{
    time_t now = (time_t)wall_s;
    struct tm broken;
    int year, best = -1000000;

    if (gmtime_r(&now, &broken) == NULL)
        return -1;
    year = broken.tm_year + 1900;
    for (int y = year - 60; y <= year + 50; y++) {
        if ((y % 100 + 100) % 100 == digits)
            best = y;
    }
    if (best >= year + 49 || best <= year - 49)
        *is_ambiguous = true;
    return best;
}

static bool to_seconds(const parts *p, int64_t *seconds)
{
    struct tm first = {.tm_year = p->year - 1900,
                       .tm_mon = month_of(p->month_name),
                       .tm_mday = 1};

    if (first.tm_mon < 0 || p->day < 1 || p->day > 31 || p->hour < 0 ||
        p->hour > 23 || p->minute < 0 || p->minute > 59 || p->second < 0 ||
        p->second > 60)
        return false;
    *seconds = (int64_t)timegm(&first) + (p->day - 1) * 86400 + p->hour * 3600 +
               p->minute * 60 + p->second;
    return *seconds >= 0;
}

bool http_reading_date(const char *value, size_t len, int64_t wall_s,
                       int64_t *seconds, bool *is_ambiguous)
{
    char text[MOST_DATE_LEN + 1];
    parts p;

    if (len > MOST_DATE_LEN || memchr(value, '\0', len) != NULL ||
        memchr(value, ':', len) == NULL)
        return false;
    memcpy(text, value, len);
    text[len] = '\0';
    memset(&p, 0, sizeof(p));
    if (read_fixed(text, &p) || read_asctime(text, &p))
        return to_seconds(&p, seconds);
    if (!read_old(text, &p))
        return false;
    p.year = full_year(p.year, wall_s, is_ambiguous);
    return to_seconds(&p, seconds);
}

/* Digits alone; anything from 600 on is 600. */
static int64_t read_seconds(const char *value, size_t len)
{
    size_t start = 0;
    int64_t seconds = 0;

    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return -1;
    }
    if (len == 0)
        return -1;
    while (start < len && value[start] == '0')
        start++;
    if (len - start > 3)
        return MOST_WAIT_S;
    for (size_t i = start; i < len; i++)
        seconds = seconds * 10 + (value[i] - '0');
    return seconds < MOST_WAIT_S ? seconds : MOST_WAIT_S;
}

/* The value, trimmed, if the line begins with `name` and a colon. */
static const char *value_of(const char *name, const char *line, size_t *len)
{
    size_t start = strlen(name) + 1, end = *len;

    if (end < start || line[start - 1] != ':')
        return NULL;
    for (size_t i = 0; i + 1 < start; i++) {
        if (tolower((unsigned char)line[i]) != tolower((unsigned char)name[i]))
            return NULL;
    }
    while (start < end && strchr(" \t\r\n", line[start]) && line[start] != 0)
        start++;
    while (end > start && strchr(" \t\r\n", line[end - 1]) &&
           line[end - 1] != 0)
        end--;
    *len = end - start;
    return line + start;
}

void http_reading_line(http_reading *reading, const char *line, size_t len,
                       int64_t wall_s)
{
    size_t value_len = len;
    const char *value = value_of("Retry-After", line, &value_len);
    int64_t number;

    if (len >= 5 && strncmp(line, "HTTP/", 5) == 0) {
        http_reading_init(reading);
    } else if (value != NULL) {
        number = read_seconds(value, value_len);
        if (number > reading->seconds)
            reading->seconds = number;
        if (number < 0 &&
            http_reading_date(value, value_len, wall_s, &number,
                              &reading->is_ambiguous) &&
            number > reading->until_s)
            reading->until_s = number;
    } else {
        value_len = len;
        value = value_of("Date", line, &value_len);
        if (value == NULL)
            return;
        if (!http_reading_date(value, value_len, wall_s, &reading->date_s,
                               &reading->is_ambiguous))
            reading->date_s = -1;
    }
}

int64_t http_reading_wait_ms(const http_reading *reading, int64_t wall_s)
{
    int64_t now = reading->date_s >= 0 ? reading->date_s : wall_s;
    int64_t wait = reading->seconds > 0 ? reading->seconds : 0;

    if (reading->until_s >= 0 && reading->until_s - now > wait)
        wait = reading->until_s - now;
    return wait < MOST_WAIT_S ? wait * 1000 : MOST_WAIT_S * 1000;
}

optly_outcome http_reading_outcome(long status)
{
    static const int refused[] = {400, 413, 414, 415, 422, 431, 0};
    static const int retried[] = {408, 425, 429, 0};

    if (status < 200 || status > 599)
        return OPTLY_RETRY;
    for (int i = 0; refused[i] != 0; i++) {
        if (status == refused[i])
            return OPTLY_REFUSED;
    }
    for (int i = 0; retried[i] != 0; i++) {
        if (status == retried[i])
            return OPTLY_RETRY;
    }
    if (status / 100 == 5)
        return status == 501 || status == 505 ? OPTLY_MISCONFIGURED
                                              : OPTLY_RETRY;
    return status / 100 == 2 ? OPTLY_DELIVERED : OPTLY_MISCONFIGURED;
}
