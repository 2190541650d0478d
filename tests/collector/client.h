/* A client of one request at a time, down at the socket, to see resets. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct answer {
    int status;           /* 0: none came */
    bool was_reset;       /* the peer sent a TCP reset */
    char text[64 * 1024]; /* head and body */
} answer;

/* Returns the answer's body, "" when there is none. */
const char *answer_body(const answer *a);

/* Sends `len` bytes with these headers, each ending in CR LF, and reads. */
void client_send(uint16_t port, const char *method, const char *path,
                 const char *headers, const void *body, size_t len,
                 answer *out);

/* Posts JSON. */
void client_post(uint16_t port, const char *path, const char *json,
                 answer *out);
void client_get(uint16_t port, const char *path, answer *out);

#endif
