/*
 * optly-event in C++17: handles that clean up, texts and spans, lambdas as
 * callbacks, results instead of exceptions. Header-only, a thin layer over the
 * C interface, whose headers say what each call does, which threads may call
 * it, and how long things live. It also compiles without exceptions and RTTI.
 *
 * - Handles are move-only. One that was moved from, or default-constructed, is
 *   empty: calls on it fail with OPTLY_ERR_INVALID, or give nothing.
 * - `result<T>` has a value or an error; `status` an answer. Nothing throws,
 *   but for result::value_or_throw and the constructors of a host's own
 *   queues and dispatchers.
 * - Texts and lists are borrowed during the call. NUL-terminated texts are
 *   passed on as they are, a std::string_view is copied once, on the stack
 *   while it is short.
 * - Callbacks are kept until they cannot be called any more: also by a worker
 *   that was stuck in one while its processor was destroyed.
 * - No exception crosses into C. From a dispatcher it is a retry, from a
 *   queue's `add` a refusal; any other callback has nobody to answer to, and
 *   an exception out of it ends the program, as it would out of a thread.
 * - Structs of settings without callbacks, reports and counters are C's own.
 *   `get` gives the C handle, for all that C can do.
 */
#ifndef OPTLY_EVENT_HPP
#define OPTLY_EVENT_HPP

#include <optly/cpp/dispatcher.hpp>
#include <optly/cpp/processor.hpp>
#include <optly/cpp/project.hpp>
#include <optly/cpp/queue.hpp>
#include <optly/cpp/result.hpp>
#include <optly/cpp/span.hpp>
#include <optly/cpp/user_event.hpp>
#include <optly/event.h>

namespace optly
{

/** The version of the library that is linked. */
inline const char *version() noexcept
{
    return optly_version();
}

/** Before anything else: where the library's own memory comes from. The
 *  wrapper's callbacks are made by `new`. */
inline status set_allocator(const optly_allocator *allocator) noexcept
{
    return optly_set_allocator(allocator);
}

} // namespace optly

#endif
