/**
 * @file
 * The library's version and the name it gives as the client of its events.
 */
#ifndef OPTLY_VERSION_H
#define OPTLY_VERSION_H

#include <optly/export.h>

OPTLY_BEGIN_DECLS

/** The first number of the version of these headers. */
#define OPTLY_VERSION_MAJOR 0
/** The second number. */
#define OPTLY_VERSION_MINOR 1
/** The third number. */
#define OPTLY_VERSION_PATCH 0
/** The three numbers as text. */
#define OPTLY_VERSION_STRING "0.1.0"

/** The `client_name` of a batch, unless the project names another. */
#define OPTLY_CLIENT_NAME "c-sdk"

/** Returns the version of the library that is linked, as "0.1.0". Any thread.
 */
OPTLY_API const char *optly_version(void);

OPTLY_END_DECLS

#endif
