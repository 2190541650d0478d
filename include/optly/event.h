/**
 * @file
 * optly-event: makes experimentation events and delivers them in batches. This
 * header brings in all of the public interface.
 */
#ifndef OPTLY_EVENT_H
#define OPTLY_EVENT_H

#include <optly/dispatcher.h>
#include <optly/http_dispatcher.h>
#include <optly/processor.h>
#include <optly/project.h>
#include <optly/prometheus.h>
#include <optly/queue.h>
#include <optly/status.h>
#include <optly/user_event.h>
#include <optly/value.h>
#include <optly/version.h>

#endif
