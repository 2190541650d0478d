/* libcurl as a whole: started once, and fit for the purpose. */
#ifndef OPTLY__HTTP_LIBRARY_H
#define OPTLY__HTTP_LIBRARY_H

#include <optly/status.h>

/*
 * Starts libcurl unless that was done, or is the host's affair, and checks
 * that it has TLS and resolves names without blocking. It is never ended.
 * Any thread. OPTLY_ERR_IO or OPTLY_ERR_UNSUPPORTED.
 */
optly_status optly__http_library_start(bool host_owns_it, optly_error *err);

#endif
