/* A collector for each test, and batches to send to it. */
#ifndef COLLECTOR_FIXTURE_H
#define COLLECTOR_FIXTURE_H

#include "client.h"
#include "collector.h"

#define UUID_1 "0d2c5f5e-3a51-4d0f-8a3c-0123456789ab"
#define UUID_2 "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"

/* One impression (UUID_1) and one conversion (UUID_2). */
extern const char good[];

typedef struct fixture {
    collector *c;
    uint16_t port;
    answer a;
} fixture;

/* Set-up and tear-down of a test, in cmocka's form. */
int set_up(void **state);
int set_up_with(void **state, const collector_config *config);
int tear_down(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Posts to /v1/events; returns the status and leaves the answer in `f->a`. */
int post(fixture *f, const char *body);

/* Posts `good` with the first `from` replaced by `to`. */
int post_altered(fixture *f, const char *from, const char *to);

/* Asks for a fault, which must be accepted. */
void add_fault(fixture *f, const char *json);

collector_counts counts_of(fixture *f);

#endif
