#include <string.h>

#include "dispatch/http_response.h"

struct date {
    int year, month, day, hour, minute, second;
};

struct text {
    const char *at, *end;
};

static bool take(struct text *text, const char *expected)
{
    size_t len = strlen(expected);

    if ((size_t)(text->end - text->at) < len ||
        memcmp(text->at, expected, len) != 0)
        return false;
    text->at += len;
    return true;
}

static bool take_number(struct text *text, size_t digits, int *value)
{
    *value = 0;
    if ((size_t)(text->end - text->at) < digits)
        return false;
    for (; digits > 0; digits--, text->at++) {
        if (*text->at < '0' || *text->at > '9')
            return false;
        *value = *value * 10 + (*text->at - '0');
    }
    return true;
}

/* Takes one of `count` names and tells which. */
static bool take_name(struct text *text, const char *const *names, int count,
                      int *index)
{
    for (int i = 0; i < count; i++) {
        if (take(text, names[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool take_month(struct text *text, int *month)
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr",
                                        "May", "Jun", "Jul", "Aug",
                                        "Sep", "Oct", "Nov", "Dec"};

    return take_name(text, names, 12, month);
}

static bool take_time(struct text *text, struct date *date)
{
    return take_number(text, 2, &date->hour) && take(text, ":") &&
           take_number(text, 2, &date->minute) && take(text, ":") &&
           take_number(text, 2, &date->second);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", after the name of the day */
static bool read_fixed(struct text text, struct date *date)
{
    return take(&text, ", ") && take_number(&text, 2, &date->day) &&
           take(&text, " ") && take_month(&text, &date->month) &&
           take(&text, " ") && take_number(&text, 4, &date->year) &&
           take(&text, " ") && take_time(&text, date) && take(&text, " GMT") &&
           text.at == text.end;
}

/* "Sun Nov  6 08:49:37 1994", after the name of the day */
static bool read_asctime(struct text text, struct date *date)
{
    return take(&text, " ") && take_month(&text, &date->month) &&
           take(&text, " ") &&
           (take(&text, " ") ? take_number(&text, 1, &date->day)
                             : take_number(&text, 2, &date->day)) &&
           take(&text, " ") && take_time(&text, date) && take(&text, " ") &&
           take_number(&text, 4, &date->year) && text.at == text.end;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT", after the name of the day */
static bool read_old(struct text text, struct date *date)
{
    return take(&text, ", ") && take_number(&text, 2, &date->day) &&
           take(&text, "-") && take_month(&text, &date->month) &&
           take(&text, "-") && take_number(&text, 2, &date->year) &&
           take(&text, " ") && take_time(&text, date) && take(&text, " GMT") &&
           text.at == text.end;
}

/* Days since 1970-01-01 in the Gregorian calendar; months count from 0. */
static int64_t days_since_1970(int year, int month, int day)
{
    static const int before[] = {0,   31,  59,  90,  120, 151,
                                 181, 212, 243, 273, 304, 334};
    /* Leap days up to the end of February of this year. */
    int64_t past = month > 1 ? year : year - 1;
    int64_t leap_days = past / 4 - past / 100 + past / 400;

    return (int64_t)year * 365 + leap_days + before[month] + day -
           (1970LL * 365 + 1969 / 4 - 1969 / 100 + 1969 / 400 + 1);
}

static bool to_seconds(const struct date *date, int64_t *seconds)
{
    if (date->day < 1 || date->day > 31 || date->hour > 23 ||
        date->minute > 59 || date->second > 60)
        return false;
    *seconds = days_since_1970(date->year, date->month, date->day) * 86400 +
               (int64_t)date->hour * 3600 + (int64_t)date->minute * 60 +
               date->second;
    return *seconds >= 0;
}

/* A year of two digits is never more than 50 years ahead. */
static int full_year(int short_year, int64_t wall_s)
{
    int now = 1970 + (int)(wall_s / 31556952);
    int year = now - now % 100 + short_year;

    if (year > now + 50)
        return year - 100;
    return year + 50 < now ? year + 100 : year;
}

bool optly__http_date(const char *text, size_t len, int64_t wall_s,
                      int64_t *seconds)
{
    static const char *const long_days[] = {"Sunday",    "Monday",   "Tuesday",
                                            "Wednesday", "Thursday", "Friday",
                                            "Saturday"};
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
                                       "Thu", "Fri", "Sat"};
    struct text rest = {text, text + len};
    struct date date = {0, 0, 0, 0, 0, 0};
    int day;

    if (take_name(&rest, long_days, 7, &day)) {
        if (!read_old(rest, &date))
            return false;
        date.year = full_year(date.year, wall_s);
        return to_seconds(&date, seconds);
    }
    if (!take_name(&rest, days, 7, &day))
        return false;
    if (!read_fixed(rest, &date) && !read_asctime(rest, &date))
        return false;
    return to_seconds(&date, seconds);
}
