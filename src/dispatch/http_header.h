/* Which headers a host may add. */
#ifndef OPTLY__HTTP_HEADER_H
#define OPTLY__HTTP_HEADER_H

/*
 * Says what is wrong with "Name: value", a constant; NULL: nothing. The name
 * must be a token that is not the library's own to set, the value not empty
 * and of printable ASCII.
 */
const char *optly__header_problem(const char *line);

/* The same for a value alone. */
const char *optly__header_value_problem(const char *value);

#endif
