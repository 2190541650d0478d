/* A stand whose events go to a scripted server on the loopback interface. */
#ifndef OPTLY_FAULTS_HTTP_STAND_H
#define OPTLY_FAULTS_HTTP_STAND_H

#include "fakes/http_rig.h"
#include "faults/fault_point.h"
#include "faults/stand.h"

/* What the server does. */
typedef struct http_plan {
    atomic_int failures; /* so many requests get `failure` first */
    const char *failure; /* NULL: the connection closes */
    bool hangs_up;       /* after each answer */
    bool refuses_7;      /* what visitor 7 is in */
    bool never_answers;
} http_plan;

/* The raw_script of a plan, its user; answers with 204 what it is not to. */
void http_plan_serve(raw_connection *connection);

/* One header of the host's; libcurl is started by the test. */
optly_http_config http_stand_config(void);

/* As stand_init, but part of a batch does not wait for more. */
void http_stand_init(stand *s);

/* Has `s` send to a server of its own by `config`, and opens it. */
raw_server *http_stand_open(stand *s, http_plan *plan,
                            const optly_http_config *config);

/* Drives within the point until all is settled; where all calls fail from it
 * on, until it has failed a few times. */
void http_stand_send(stand *s, fault_point *point);

#endif
