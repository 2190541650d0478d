/* Dispatchers in C++: see optly/dispatcher.h and optly/http_dispatcher.h. */
#ifndef OPTLY_CPP_DISPATCHER_HPP
#define OPTLY_CPP_DISPATCHER_HPP

#include <memory>

#include <optly/cpp/queue.hpp>
#include <optly/http_dispatcher.h>

namespace optly
{

/** One batch, borrowed: valid until its delivery is complete. */
class batch
{
  public:
    batch(const optly_log_event *log) noexcept : log_(log)
    {
    }
    std::string_view endpoint() const noexcept
    {
        return detail::view(log_->endpoint);
    }
    std::string_view body() const noexcept
    {
        return std::string_view(log_->body, log_->body_len);
    }
    std::uint32_t event_count() const noexcept
    {
        return log_->event_count;
    }
    std::uint32_t attempt() const noexcept
    {
        return log_->attempt;
    }
    std::string_view account_id() const noexcept
    {
        return detail::view(log_->account_id);
    }
    std::string_view project_id() const noexcept
    {
        return detail::view(log_->project_id);
    }
    std::string_view revision() const noexcept
    {
        return detail::view(log_->revision);
    }
    std::string_view region() const noexcept
    {
        return detail::view(log_->region);
    }
    /** `for (optly::event_ref event : batch.events())` */
    span<const optly_user_event *const> events() const noexcept
    {
        return span<const optly_user_event *const>(log_->events,
                                                   log_->event_count);
    }
    const optly_log_event *get() const noexcept
    {
        return log_;
    }

  private:
    const optly_log_event *log_;
};

/**
 * One attempt under way, to be completed once, from any thread. One that is
 * destroyed before completes as OPTLY_RETRY, so that no batch is forgotten.
 */
class delivery
{
  public:
    /** Takes over a delivery of C's. */
    explicit delivery(optly_delivery taken) noexcept : plain_(taken)
    {
    }
    delivery(delivery &&from) noexcept : plain_(from.release())
    {
    }
    delivery &operator=(delivery &&from) noexcept
    {
        if (this != &from) {
            complete(OPTLY_RETRY);
            plain_ = from.release();
        }
        return *this;
    }
    ~delivery()
    {
        complete(OPTLY_RETRY);
    }

    /**
     * For dispatchers that wrap another: a delivery whose result comes to
     * `fn(const optly_dispatch_result &)`, once. An exception out of it ends
     * the program.
     */
    template <class F> static result<delivery> create(F fn) noexcept
    {
        F *kept = detail::create<F>(std::move(fn));
        optly_delivery made = {nullptr, 0};
        optly_status code = OPTLY_ERR_NO_MEMORY;

        if (kept != nullptr)
            code = optly_delivery_create(&made, &receive<F>, kept);
        if (code != OPTLY_OK)
            delete kept;
        return detail::make_result(code, delivery(made), detail::no_error());
    }

    void complete(const optly_dispatch_result &result) noexcept
    {
        if (plain_.core != nullptr)
            optly_delivery_complete(release(), &result);
    }
    void complete(optly_outcome outcome, int http_status = 0) noexcept
    {
        optly_dispatch_result result = optly_dispatch_result_default();

        result.outcome = outcome;
        result.http_status = http_status;
        complete(result);
    }
    /** Gives it away: to be completed by optly_delivery_complete. */
    optly_delivery release() noexcept
    {
        return std::exchange(plain_, optly_delivery{nullptr, 0});
    }

  private:
    template <class F>
    static void receive(const optly_dispatch_result *result,
                        void *user) noexcept
    {
        std::unique_ptr<F> fn(static_cast<F *>(user));

        (*fn)(*result);
    }

    optly_delivery plain_;
};

/** A dispatcher that no processor has taken yet. */
class dispatcher
{
  public:
    dispatcher() noexcept = default;
    /** Takes over a dispatcher of C's. */
    explicit dispatcher(optly_dispatcher taken) noexcept : plain_(taken)
    {
    }
    dispatcher(dispatcher &&from) noexcept : plain_(from.release())
    {
    }
    dispatcher &operator=(dispatcher &&from) noexcept
    {
        if (this != &from) {
            destroy();
            plain_ = from.release();
        }
        return *this;
    }
    ~dispatcher()
    {
        destroy();
    }

    /**
     * Of a function, kept until the dispatcher is destroyed:
     *
     *   optly_outcome fn(batch)
     *   optly_outcome fn(batch, optly_dispatch_result &)
     *
     * It may block; the driver then waits with it. An exception out of it is
     * OPTLY_RETRY, and the log says so.
     */
    template <class F> static result<dispatcher> from_function(F fn) noexcept
    {
        F *kept = detail::create<F>(std::move(fn));
        optly_dispatcher made = {nullptr, nullptr};

        if (kept == nullptr)
            return OPTLY_ERR_NO_MEMORY;
        optly_status code =
            optly_function_dispatcher_create(&made, &call<F>, kept, &forget<F>);
        return detail::make_result(code, dispatcher(made), detail::no_error());
    }

    /**
     * Of an object of class D, made of `arguments`, with these members, called
     * as optly_dispatcher_ops says:
     *
     *   void dispatch(batch batch, delivery delivery);
     *   void poll(int timeout_ms);   may be missing; else with wake
     *   void wake();
     *   void cancel();               may be missing
     *
     * An exception out of `dispatch` is a retry, unless the delivery was kept;
     * one out of another member ends the program. One out of the constructor
     * comes out here.
     */
    template <class D, class... Arguments>
    static result<dispatcher> make(Arguments &&...arguments)
    {
        D *self = detail::create<D>(std::forward<Arguments>(arguments)...);

        if (self == nullptr)
            return OPTLY_ERR_NO_MEMORY;
        return dispatcher(optly_dispatcher{&ops_of<D>, self});
    }

    /** Runs `inner`, which may block, on threads of its own. */
    static result<dispatcher>
    queued(dispatcher inner,
           const optly_queue_dispatcher_config &config =
               optly_queue_dispatcher_config_default()) noexcept
    {
        optly_error error = detail::no_error();
        optly_dispatcher made = {nullptr, nullptr};
        optly_status code = optly_queue_dispatcher_create(
            &made, inner.release(), &config, &error);

        return detail::make_result(code, dispatcher(made), error);
    }

    /** The default one; the strings of `config` are copied. */
    static result<dispatcher>
    http(const optly_http_config &config = optly_http_config_default()) noexcept
    {
        optly_error error = detail::no_error();
        optly_dispatcher made = {nullptr, nullptr};
        optly_status code =
            optly_http_dispatcher_create(&made, &config, &error);

        return detail::make_result(code, dispatcher(made), error);
    }

    optly_dispatcher *get() noexcept
    {
        return &plain_;
    }
    optly_dispatcher release() noexcept
    {
        return std::exchange(plain_, optly_dispatcher{nullptr, nullptr});
    }
    explicit operator bool() const noexcept
    {
        return plain_.ops != nullptr;
    }

  private:
    void destroy() noexcept
    {
        if (plain_.ops != nullptr)
            optly_dispatcher_destroy(&plain_);
    }

    template <class F>
    static optly_outcome answer(F &fn, const optly_log_event *log,
                                optly_dispatch_result &result)
    {
        if constexpr (std::is_invocable_v<F &, batch, optly_dispatch_result &>)
            return fn(batch(log), result);
        else
            return fn(batch(log));
    }
    template <class F>
    static optly_outcome call(const optly_log_event *log,
                              optly_dispatch_result *result,
                              void *user) noexcept
    {
        F &fn = *static_cast<F *>(user);
#if defined(__cpp_exceptions)
        try {
            return answer(fn, log, *result);
        } catch (...) {
            *result = optly_dispatch_result_default();
            std::strncpy(result->detail, "an exception in the dispatcher",
                         sizeof(result->detail) - 1);
            return OPTLY_RETRY;
        }
#else
        return answer(fn, log, *result);
#endif
    }
    template <class F> static void forget(void *user) noexcept
    {
        delete static_cast<F *>(user);
    }

    template <class D> struct calls {
        static void dispatch(void *self, const optly_log_event *log,
                             optly_delivery raw) noexcept
        {
#if defined(__cpp_exceptions)
            try {
                static_cast<D *>(self)->dispatch(batch(log), delivery(raw));
            } catch (...) {
                /* Its delivery was completed on the way out, or is kept. */
            }
#else
            static_cast<D *>(self)->dispatch(batch(log), delivery(raw));
#endif
        }
        static void poll(void *self, int timeout_ms) noexcept
        {
            static_cast<D *>(self)->poll(timeout_ms);
        }
        static void wake(void *self) noexcept
        {
            static_cast<D *>(self)->wake();
        }
        static void cancel(void *self) noexcept
        {
            static_cast<D *>(self)->cancel();
        }
    };

    using call_fn = void (*)(void *);
    template <class D, class = void> struct cancel_of {
        static constexpr call_fn cancel = nullptr;
    };
    template <class D>
    struct cancel_of<D, std::void_t<decltype(std::declval<D &>().cancel())>> {
        static constexpr call_fn cancel = &calls<D>::cancel;
    };
    template <class D, class = void> struct poll_of {
        static constexpr void (*poll)(void *, int) = nullptr;
        static constexpr call_fn wake = nullptr;
    };
    template <class D>
    struct poll_of<D, std::void_t<decltype(std::declval<D &>().poll(0))>> {
        static constexpr void (*poll)(void *, int) = &calls<D>::poll;
        static constexpr call_fn wake = &calls<D>::wake;
    };

    template <class D>
    static constexpr optly_dispatcher_ops ops_of = {
        sizeof(optly_dispatcher_ops),
        &calls<D>::dispatch,
        poll_of<D>::poll,
        poll_of<D>::wake,
        cancel_of<D>::cancel,
        &forget<D>,
    };

    optly_dispatcher plain_ = {nullptr, nullptr};
};

} // namespace optly

#endif
