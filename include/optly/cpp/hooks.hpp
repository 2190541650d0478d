/* Where a processor's callbacks live. Not an interface of its own. */
#ifndef OPTLY_CPP_HOOKS_HPP
#define OPTLY_CPP_HOOKS_HPP

#include <atomic>
#include <memory>
#include <mutex>

#include <optly/cpp/dispatcher.hpp>
#include <optly/processor.h>

namespace optly
{
namespace detail
{

/** A callable of any type on the heap, called without exceptions. */
template <class... Arguments> class callback
{
  public:
    callback() noexcept = default;
    callback(callback &&from) noexcept
        : object_(std::exchange(from.object_, nullptr)), call_(from.call_),
          destroy_(from.destroy_)
    {
    }
    callback &operator=(callback &&from) noexcept
    {
        std::swap(object_, from.object_);
        std::swap(call_, from.call_);
        std::swap(destroy_, from.destroy_);
        return *this;
    }
    ~callback()
    {
        if (object_ != nullptr)
            destroy_(object_);
    }
    /** Empty when there is no memory. */
    template <class F> static callback of(F &&fn) noexcept
    {
        using function = std::decay_t<F>;
        callback made;

        made.object_ = detail::create<function>(std::forward<F>(fn));
        made.call_ = [](void *object, Arguments... arguments) noexcept {
            (*static_cast<function *>(object))(arguments...);
        };
        made.destroy_ = [](void *object) noexcept {
            delete static_cast<function *>(object);
        };
        return made;
    }
    void operator()(Arguments... arguments) const noexcept
    {
        if (object_ != nullptr)
            call_(object_, arguments...);
    }
    explicit operator bool() const noexcept
    {
        return object_ != nullptr;
    }

  private:
    void *object_ = nullptr;
    void (*call_)(void *, Arguments...) noexcept = nullptr;
    void (*destroy_)(void *) noexcept = nullptr;
};

/**
 * All callbacks of one processor. Shared by the handle and by the worker,
 * since a worker that is stuck in a callback outlives the handle.
 */
class hooks
{
  public:
    callback<optly_log_level, const char *> log;
    callback<const char *, double> counter_add, gauge_set;
    callback<> wake, worker_start, worker_stop;

    void retain() noexcept
    {
        references_.fetch_add(1, std::memory_order_relaxed);
    }
    void release() noexcept
    {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete this;
    }

    /** One handler of a batch or of a report. */
    template <class Argument> struct handler {
        callback<Argument> fn;
        handler *next = nullptr;
        int id = 0;
        std::atomic<int> users{1}; /* the list, and a call under way */

        explicit handler(callback<Argument> &&function) noexcept
            : fn(std::move(function))
        {
        }
        void release() noexcept
        {
            if (users.fetch_sub(1, std::memory_order_acq_rel) == 1)
                delete this;
        }
        /** A handler may remove itself. */
        static void call(Argument argument, void *user) noexcept
        {
            handler *self = static_cast<handler *>(user);

            self->users.fetch_add(1, std::memory_order_relaxed);
            self->fn(argument);
            self->release();
        }
    };

    template <class Argument> class handlers
    {
      public:
        ~handlers()
        {
            while (first_ != nullptr)
                std::exchange(first_, first_->next)->release();
        }
        /** Keeps what `add(user, &id)` has registered. */
        template <class F, class Add> result<int> add(F &&fn, Add add) noexcept
        {
            auto function = callback<Argument>::of(std::forward<F>(fn));
            handler<Argument> *made =
                function
                    ? detail::create<handler<Argument>>(std::move(function))
                    : nullptr;
            int id = 0;

            if (made == nullptr)
                return OPTLY_ERR_NO_MEMORY;
            std::lock_guard<std::mutex> hold(lock_);
            optly_status code = add(made, &id);
            if (code != OPTLY_OK) {
                made->release();
                return code;
            }
            made->id = id;
            made->next = first_;
            first_ = made;
            return result<int>(std::move(id));
        }
        /** After C has let go of it. */
        void forget(int id) noexcept
        {
            std::lock_guard<std::mutex> hold(lock_);
            handler<Argument> **at = &first_;

            while (*at != nullptr && (*at)->id != id)
                at = &(*at)->next;
            if (*at != nullptr)
                std::exchange(*at, (*at)->next)->release();
        }

      private:
        std::mutex lock_;
        handler<Argument> *first_ = nullptr;
    };

    handlers<const optly_log_event *> dispatch_handlers;
    handlers<const optly_delivery_report *> delivery_handlers;

    /* As C calls them; `user` is the hooks. */
    static void call_log(optly_log_level level, const char *message,
                         void *user) noexcept
    {
        static_cast<hooks *>(user)->log(level, message);
    }
    static void call_counter(const char *name, double delta,
                             void *user) noexcept
    {
        static_cast<hooks *>(user)->counter_add(name, delta);
    }
    static void call_gauge(const char *name, double value, void *user) noexcept
    {
        static_cast<hooks *>(user)->gauge_set(name, value);
    }
    static void call_wake(void *user) noexcept
    {
        static_cast<hooks *>(user)->wake();
    }
    static void call_worker_start(void *user) noexcept
    {
        static_cast<hooks *>(user)->worker_start();
    }
    /** The last that a worker calls: it gives its reference back. */
    static void call_worker_stop(void *user) noexcept
    {
        static_cast<hooks *>(user)->worker_stop();
        static_cast<hooks *>(user)->release();
    }

  private:
    std::atomic<int> references_{1};
};

} // namespace detail
} // namespace optly

#endif
