/* What servers and networks do to one request, by name. */
#ifndef OPTLY_FAULTS_HTTP_TROUBLE_H
#define OPTLY_FAULTS_HTTP_TROUBLE_H

#include "faults/http_way.h"

typedef enum http_ending {
    HTTP_KEEP,  /* the connection goes on */
    HTTP_CLOSE, /* a clean end */
    HTTP_RESET,
    HTTP_HALF_CLOSE, /* says that no more will come, and waits */
    HTTP_HOLD,       /* waits for the client to give up */
    HTTP_DRIP,       /* a byte every 20 ms until then */
    HTTP_FLOOD       /* `flood` over and over until then */
} http_ending;

typedef struct http_trouble {
    const char *name;
    size_t reads; /* bytes of the request, if not all of it: SIZE_MAX */
    const char *answer;
    http_ending ending;
    bool slow;         /* lasts until the request's time is up */
    bool is_delivered; /* a status line of 2xx came through */
    bool may_drop;     /* a refusal, for which single events are dropped */
    bool is_misconfigured;
    const char *flood;
    size_t times; /* how often `answer` is sent; 0: once */
} http_trouble;

extern const http_trouble http_troubles[];
extern const size_t http_trouble_count;

/* Plays it, from before the request on; the way's ledger is told. False: the
 * connection is over. */
bool http_trouble_play(raw_connection *connection, const http_trouble *trouble);

#endif
