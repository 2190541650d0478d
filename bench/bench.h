/* What the measuring programs share: the event, the clocks, the output. */
#ifndef OPTLY_BENCH_H
#define OPTLY_BENCH_H

#include <optly/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The visitors take turns, so that no two events in a row are alike. */
enum { BENCH_VISITORS = 1024 };

/* Says what failed, and ends the program. */
_Noreturn void bench_die(const char *what);

/* Seconds of a clock, and of user and system time of the whole process. */
double bench_seconds(clockid_t clock);
double bench_cpu(void);

/* The whole number that `text` starts with; ends the program if there is none.
 */
long bench_number(const char *text);

/* One line of the output: `name value`. bench/harness reads it. */
void bench_print(const char *name, double value);

/* The id of the visitor of event `i`, once they are made; bench_project makes
 * them. */
void bench_make_visitors(void);
const char *bench_visitor(long i);

/* The project of datafile.json; the caller owns it. */
optly_project *bench_project(void);

/*
 * Makes event `i` of the mix: an impression if `i` is even, else a conversion.
 * All have 5 attributes, and the conversions 5 tags.
 */
optly_user_event *bench_event(const optly_project *project, long i);
optly_user_event *bench_impression(const optly_project *project, long i);
optly_user_event *bench_conversion(const optly_project *project, long i);

/* A dispatcher that takes the finished body and answers "delivered". */
optly_dispatcher bench_null_dispatcher(void);

/* Makes and starts a processor; ends the program if it cannot. */
optly_processor *bench_processor(const optly_processor_config *config);

/* Starts a thread that waits for ever: in a process that never had a second
 * one glibc's locks and allocator cost less than in any host. */
void bench_park_thread(void);

/* Resident memory of the process, in bytes. */
double bench_resident(void);

#endif
