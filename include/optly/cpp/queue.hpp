/* Queues in C++: see optly/queue.h. */
#ifndef OPTLY_CPP_QUEUE_HPP
#define OPTLY_CPP_QUEUE_HPP

#include <optly/cpp/user_event.hpp>
#include <optly/queue.h>

namespace optly
{

/** A queue that no processor has taken yet. */
class queue
{
  public:
    queue() noexcept = default;
    /** Takes over a queue of C's. */
    explicit queue(optly_queue taken) noexcept : plain_(taken)
    {
    }
    queue(queue &&from) noexcept : plain_(from.release())
    {
    }
    queue &operator=(queue &&from) noexcept
    {
        if (this != &from) {
            destroy();
            plain_ = from.release();
        }
        return *this;
    }
    ~queue()
    {
        destroy();
    }

    /** The default one: a ring in memory. */
    static result<queue> ring(std::size_t capacity) noexcept
    {
        optly_queue made = {nullptr, nullptr};
        optly_status code = optly_ring_queue_create(&made, capacity);

        return detail::make_result(code, queue(made), detail::no_error());
    }

    /**
     * A queue of the host's own: an object of class Q, made of `arguments`,
     * with these members, called as optly_queue_ops says:
     *
     *   optly_status add(user_event &event);  moves from it if it takes it,
     *                                         and only then
     *   size_t get(size_t from, span<optly_user_event *> events);
     *   size_t remove(span<optly_user_event *> events);
     *   size_t size();
     *   void settle(span<const optly_user_event *const> events,
     *               optly_drop_reason reason);              may be missing
     *
     * An exception out of `add` is OPTLY_ERR_NO_MEMORY; one out of another
     * member ends the program. One out of the constructor comes out here.
     */
    template <class Q, class... Arguments>
    static result<queue> make(Arguments &&...arguments)
    {
        Q *self = detail::create<Q>(std::forward<Arguments>(arguments)...);

        if (self == nullptr)
            return OPTLY_ERR_NO_MEMORY;
        return queue(optly_queue{&ops_of<Q>, self});
    }

    /** Takes the event only when it returns OPTLY_OK. */
    status add(user_event &&event) noexcept
    {
        optly_status code = optly_queue_add(&plain_, event.get());

        if (code == OPTLY_OK)
            (void)event.release();
        return code;
    }
    std::size_t get(std::size_t from, span<optly_user_event *> events) noexcept
    {
        return optly_queue_get(&plain_, from, events.data(), events.size());
    }
    /** The events are the caller's: put each into a user_event. */
    std::size_t remove(span<optly_user_event *> events) noexcept
    {
        return optly_queue_remove(&plain_, events.data(), events.size());
    }
    std::size_t size() noexcept
    {
        return optly_queue_size(&plain_);
    }
    optly_queue *get() noexcept
    {
        return &plain_;
    }
    optly_queue release() noexcept
    {
        return std::exchange(plain_, optly_queue{nullptr, nullptr});
    }
    explicit operator bool() const noexcept
    {
        return plain_.ops != nullptr;
    }

  private:
    void destroy() noexcept
    {
        if (plain_.ops != nullptr)
            optly_queue_destroy(&plain_);
    }

    template <class Q> struct calls {
        static optly_status add(void *self, optly_user_event *raw) noexcept
        {
            user_event event(raw);
            optly_status code = try_add(*static_cast<Q *>(self), event);

            if (code == OPTLY_OK && event)
                code = OPTLY_ERR_INVALID; /* it says so, but has it not */
            if (code != OPTLY_OK)
                (void)event.release(); /* still the caller's */
            return code;
        }
        static optly_status try_add(Q &self, user_event &event) noexcept
        {
#if defined(__cpp_exceptions)
            try {
                return self.add(event);
            } catch (...) {
                return OPTLY_ERR_NO_MEMORY;
            }
#else
            return self.add(event);
#endif
        }
        static std::size_t get(void *self, std::size_t from,
                               optly_user_event **events,
                               std::size_t max) noexcept
        {
            return static_cast<Q *>(self)->get(
                from, span<optly_user_event *>(events, max));
        }
        static std::size_t remove(void *self, optly_user_event **events,
                                  std::size_t max) noexcept
        {
            return static_cast<Q *>(self)->remove(
                span<optly_user_event *>(events, max));
        }
        static std::size_t size(void *self) noexcept
        {
            return static_cast<Q *>(self)->size();
        }
        static void settle(void *self, const optly_user_event *const *events,
                           std::size_t count, optly_drop_reason reason) noexcept
        {
            static_cast<Q *>(self)->settle(
                span<const optly_user_event *const>(events, count), reason);
        }
        static void destroy(void *self) noexcept
        {
            delete static_cast<Q *>(self);
        }
    };

    template <class Q, class = void> struct settle_of {
        static constexpr decltype(optly_queue_ops::settle) call = nullptr;
    };
    template <class Q>
    struct settle_of<
        Q, std::void_t<decltype(std::declval<Q &>().settle(
               span<const optly_user_event *const>(), OPTLY_DROP_NONE))>> {
        static constexpr decltype(optly_queue_ops::settle) call =
            &calls<Q>::settle;
    };

    template <class Q>
    static constexpr optly_queue_ops ops_of = {
        sizeof(optly_queue_ops), &calls<Q>::add,  &calls<Q>::get,
        &calls<Q>::remove,       &calls<Q>::size, settle_of<Q>::call,
        &calls<Q>::destroy,
    };

    optly_queue plain_ = {nullptr, nullptr};
};

} // namespace optly

#endif
