/* The processor in C++: see optly/processor.h. */
#ifndef OPTLY_CPP_PROCESSOR_HPP
#define OPTLY_CPP_PROCESSOR_HPP

#include <chrono>

#include <optly/cpp/hooks.hpp>
#include <optly/prometheus.h>

namespace optly
{

/** How events ended, borrowed during the call. */
class delivery_report
{
  public:
    delivery_report(const optly_delivery_report *report) noexcept
        : report_(report)
    {
    }
    bool delivered() const noexcept
    {
        return report_->reason == OPTLY_DROP_NONE;
    }
    optly_drop_reason reason() const noexcept
    {
        return report_->reason;
    }
    std::uint32_t attempts() const noexcept
    {
        return report_->attempts;
    }
    int http_status() const noexcept
    {
        return report_->http_status;
    }
    /** `for (optly::event_ref event : report.events())` */
    span<const optly_user_event *const> events() const noexcept
    {
        return span<const optly_user_event *const>(report_->events,
                                                   report_->event_count);
    }
    const optly_delivery_report *get() const noexcept
    {
        return report_;
    }

  private:
    const optly_delivery_report *report_;
};

/**
 * Settings of a processor: the fields of optly_processor_config by their
 * names, and these calls for what has to be kept alive. Callbacks live until
 * the processor and its worker are gone; they may be move-only. For one
 * processor; an exception out of a callback ends the program.
 */
class processor_config : public optly_processor_config
{
  public:
    processor_config() noexcept
        : optly_processor_config(optly_processor_config_default()),
          hooks_(detail::create<detail::hooks>())
    {
    }
    processor_config(const processor_config &) = delete;
    processor_config &operator=(const processor_config &) = delete;
    ~processor_config()
    {
        use(optly::dispatcher());
        use(optly::queue());
        if (hooks_ != nullptr)
            hooks_->release();
    }

    /** Takes the dispatcher. */
    void use(optly::dispatcher &&taken) noexcept
    {
        optly::dispatcher replaced(optly_processor_config::dispatcher);

        optly_processor_config::dispatcher = taken.release();
    }
    /** Takes the queue. */
    void use(optly::queue &&taken) noexcept
    {
        optly::queue replaced(optly_processor_config::queue);

        optly_processor_config::queue = taken.release();
    }
    /** `fn(optly_log_level, const char *)`, on any thread. */
    template <class F> void on_log(F &&fn) noexcept
    {
        keep(&detail::hooks::log, std::forward<F>(fn));
        log = &detail::hooks::call_log;
        log_user = hooks_;
    }
    /** `fn(const char *name, double delta)`, on the driver. */
    template <class F> void on_counter(F &&fn) noexcept
    {
        keep(&detail::hooks::counter_add, std::forward<F>(fn));
        use_metrics().counter_add = &detail::hooks::call_counter;
    }
    /** `fn(const char *name, double value)`, on the driver. */
    template <class F> void on_gauge(F &&fn) noexcept
    {
        keep(&detail::hooks::gauge_set, std::forward<F>(fn));
        use_metrics().gauge_set = &detail::hooks::call_gauge;
    }
    /** `fn()`, on any thread, for hosts with their own loop. */
    template <class F> void on_wake(F &&fn) noexcept
    {
        keep(&detail::hooks::wake, std::forward<F>(fn));
        optly_processor_config::on_wake = &detail::hooks::call_wake;
        wake_user = hooks_;
    }
    /** `fn()`, on the worker as it begins. */
    template <class F> void on_worker_start(F &&fn) noexcept
    {
        keep(&detail::hooks::worker_start, std::forward<F>(fn));
    }
    /** `fn()`, on the worker as it ends. */
    template <class F> void on_worker_stop(F &&fn) noexcept
    {
        keep(&detail::hooks::worker_stop, std::forward<F>(fn));
    }

  private:
    friend class processor;

    template <class Member, class F> void keep(Member member, F &&fn) noexcept
    {
        using function = std::decay_t<decltype(hooks_->*member)>;

        if (hooks_ == nullptr)
            return;
        hooks_->*member = function::of(std::forward<F>(fn));
        if (!(hooks_->*member))
            has_memory_ = false;
    }
    optly_metrics &use_metrics() noexcept
    {
        metrics_.struct_size = sizeof(metrics_);
        metrics_.user = hooks_;
        metrics = &metrics_;
        return metrics_;
    }

    detail::hooks *hooks_;
    optly_metrics metrics_ = {};
    bool has_memory_ = true;
};

/** Keeps events and hands them to a dispatcher in batches. Move-only. */
class processor
{
  public:
    /** An empty handle: every call on it fails. */
    processor() noexcept = default;
    processor(processor &&from) noexcept
        : plain_(std::exchange(from.plain_, nullptr)),
          hooks_(std::exchange(from.hooks_, nullptr))
    {
    }
    /** The one that was here ends as by its destructor. */
    processor &operator=(processor &&from) noexcept
    {
        processor taken(std::move(from));

        std::swap(plain_, taken.plain_);
        std::swap(hooks_, taken.hooks_);
        return *this;
    }
    /** Closes with no time first if that was not done; then callbacks go. */
    ~processor()
    {
        optly_processor_destroy(plain_);
        if (hooks_ != nullptr)
            hooks_->release();
    }

    /** Takes the dispatcher, the queue and the callbacks of `config`. */
    static result<processor> create(processor_config &config) noexcept
    {
        optly_processor_config plain = config;
        optly_error error = detail::no_error();
        processor made;

        if (config.hooks_ == nullptr || !config.has_memory_)
            return OPTLY_ERR_NO_MEMORY;
        made.hooks_ = std::exchange(config.hooks_, nullptr);
        config.optly_processor_config::dispatcher = {nullptr, nullptr};
        config.optly_processor_config::queue = {nullptr, nullptr};
        plain.on_worker_start = &detail::hooks::call_worker_start;
        plain.on_worker_stop = &detail::hooks::call_worker_stop;
        plain.worker_user = made.hooks_;
        optly_status code =
            optly_processor_create(&made.plain_, &plain, &error);
        return detail::make_result(code, std::move(made), error);
    }
    static result<processor> create(processor_config &&config) noexcept
    {
        return create(config);
    }
    /** With all defaults. */
    static result<processor> create() noexcept
    {
        return create(processor_config());
    }

    /** Starts the worker; before it events only queue up. */
    status start() noexcept
    {
        optly_status code;

        if (plain_ == nullptr)
            return OPTLY_ERR_INVALID;
        hooks_->retain(); /* the worker's */
        code = optly_processor_start(plain_);
        if (code != OPTLY_OK)
            hooks_->release();
        return code;
    }
    /** Takes the event, whatever it returns. Any thread. */
    status process(user_event &&event) noexcept
    {
        return optly_process_event(plain_, event.release());
    }
    status flush(std::chrono::milliseconds timeout) noexcept
    {
        return optly_processor_flush(plain_, clamp(timeout));
    }
    /** Fills in `report` if there is one. */
    status close(std::chrono::milliseconds timeout,
                 optly_close_report *report = nullptr) noexcept
    {
        return optly_processor_close(plain_, clamp(timeout), report);
    }
    /** For a host with its own loop; a negative timeout waits for ever. */
    status run_once(std::chrono::milliseconds timeout) noexcept
    {
        constexpr std::int64_t most = std::numeric_limits<int>::max();
        std::int64_t ms = timeout.count();

        return optly_processor_run_once(
            plain_, ms < 0 ? -1 : static_cast<int>(ms < most ? ms : most));
    }
    /** When run_once should be called next; nothing: nothing is due. */
    std::optional<std::chrono::milliseconds> next_deadline() const noexcept
    {
        std::int64_t ms = optly_processor_next_deadline_ms(plain_);

        if (ms < 0)
            return std::nullopt;
        return std::chrono::milliseconds(ms);
    }

    /** `fn(batch)` before the first attempt of each batch; gives its id. */
    template <class F> result<int> on_event_dispatch(F &&fn) noexcept
    {
        if (plain_ == nullptr)
            return OPTLY_ERR_INVALID;
        return hooks_->dispatch_handlers.add(
            std::forward<F>(fn), [this](void *user, int *id) {
                return optly_processor_on_event_dispatch(
                    plain_,
                    &detail::hooks::handler<const optly_log_event *>::call,
                    user, id);
            });
    }
    status remove_on_event_dispatch(int id) noexcept
    {
        optly_status code =
            optly_processor_remove_on_event_dispatch(plain_, id);

        if (code == OPTLY_OK)
            hooks_->dispatch_handlers.forget(id);
        return code;
    }
    /** `fn(delivery_report)`, every accepted event once; gives its id. */
    template <class F> result<int> on_delivery(F &&fn) noexcept
    {
        if (plain_ == nullptr)
            return OPTLY_ERR_INVALID;
        return hooks_->delivery_handlers.add(std::forward<F>(fn), [this](
                                                                      void
                                                                          *user,
                                                                      int *id) {
            return optly_processor_on_delivery(
                plain_,
                &detail::hooks::handler<const optly_delivery_report *>::call,
                user, id);
        });
    }
    status remove_on_delivery(int id) noexcept
    {
        optly_status code = optly_processor_remove_on_delivery(plain_, id);

        if (code == OPTLY_OK)
            hooks_->delivery_handlers.forget(id);
        return code;
    }

    /** One exact snapshot. */
    result<optly_stats> stats() const noexcept
    {
        optly_stats snapshot = optly_stats_default();
        optly_status code = optly_processor_stats(plain_, &snapshot);

        return detail::make_result(code, std::move(snapshot),
                                   detail::no_error());
    }

    /** The C handle; still owned here, with its callbacks. */
    optly_processor *get() const noexcept
    {
        return plain_;
    }
    explicit operator bool() const noexcept
    {
        return plain_ != nullptr;
    }

  private:
    static std::uint32_t clamp(std::chrono::milliseconds timeout) noexcept
    {
        constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
        std::int64_t ms = timeout.count();

        return static_cast<std::uint32_t>(ms < 0 ? 0 : ms < most ? ms : most);
    }

    optly_processor *plain_ = nullptr;
    detail::hooks *hooks_ = nullptr;
};

/**
 * The counters as text: see optly/prometheus.h. Gives the length of the whole
 * text; without a value, `buffer` says why, as a comment.
 */
inline result<std::size_t>
stats_prometheus(span<char> buffer, const optly_stats &stats,
                 const optly_label *labels = nullptr) noexcept
{
    int length =
        optly_stats_prometheus(buffer.data(), buffer.size(), &stats, labels);

    if (length < 0)
        return static_cast<optly_status>(length);
    return static_cast<std::size_t>(length);
}

/** The endpoint of a region; nullptr for an unknown one. */
inline const char *region_endpoint(text region) noexcept
{
    detail::scratch scratch;

    return optly_region_endpoint(scratch.c_str(region, "region"));
}

} // namespace optly

#endif
