/* PEM files: enough of them to tell at create that one will not do. */
#ifndef OPTLY__PEM_H
#define OPTLY__PEM_H

#include <optly/status.h>

/* Requires a readable file of whole certificates. `field` names it. */
optly_status optly__pem_check_certificates(const char *path, const char *field,
                                           optly_error *err);

/* The same for certificates in memory. */
optly_status optly__pem_check_blob(const char *pem, size_t len,
                                   const char *field, optly_error *err);

/* Requires a readable file with a private key that needs no passphrase. */
optly_status optly__pem_check_key(const char *path, const char *field,
                                  optly_error *err);

/* Requires a directory that may be searched. */
optly_status optly__pem_check_directory(const char *path, const char *field,
                                        optly_error *err);

#endif
