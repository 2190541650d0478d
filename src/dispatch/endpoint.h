/* Endpoints: which URL a region has, and which URLs are acceptable. */
#ifndef OPTLY__ENDPOINT_H
#define OPTLY__ENDPOINT_H

#include <optly/processor.h>

/*
 * Checks that `url` is an http or https URL with a host and a valid port, no
 * user info, no fragment, no byte outside printable ASCII, 2,048 bytes at
 * most; http:// only to loopback (127.0.0.0/8, ::1, localhost) unless
 * `allow_plaintext`. OPTLY_ERR_INVALID names what is wrong; the message never
 * repeats the URL's user info.
 */
optly_status optly__endpoint_check(const char *url, bool allow_plaintext,
                                   optly_error *err);

/*
 * Checks "host", "host:port", "[v6]" or "[v6]:port" of `len` bytes. Returns
 * what is wrong with it, a constant, or NULL. `*loopback` tells whether the
 * host can only be this machine.
 */
const char *optly__authority_problem(const char *authority, size_t len,
                                     bool *loopback);

#endif
