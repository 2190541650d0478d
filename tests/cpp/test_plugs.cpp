// Queues and dispatchers of the host's own, as C++ classes.
#include <deque>
#include <vector>

#include "check.hpp"

using namespace std::chrono_literals;

namespace
{

struct log {
    int settled = 0, destroyed = 0, cancelled = 0, polls = 0, wakes = 0;
};

class own_queue
{
  public:
    explicit own_queue(log &log) : log_(log)
    {
    }
    ~own_queue()
    {
        log_.destroyed++;
    }
    optly_status add(optly::user_event &event)
    {
        if (events_.size() == 3)
            return OPTLY_ERR_QUEUE_FULL;
        events_.push_back(std::move(event));
        return OPTLY_OK;
    }
    std::size_t get(std::size_t from, optly::span<optly_user_event *> events)
    {
        std::size_t count = 0;

        while (count < events.size() && from + count < events_.size()) {
            events[count] = events_[from + count].get();
            count++;
        }
        return count;
    }
    std::size_t remove(optly::span<optly_user_event *> events)
    {
        std::size_t count = 0;

        while (count < events.size() && !events_.empty()) {
            events[count++] = events_.front().release();
            events_.pop_front();
        }
        return count;
    }
    std::size_t size()
    {
        return events_.size();
    }
    void settle(optly::span<const optly_user_event *const> events,
                optly_drop_reason reason)
    {
        CHECK(reason == OPTLY_DROP_NONE);
        log_.settled += static_cast<int>(events.size());
    }

  private:
    log &log_;
    std::deque<optly::user_event> events_;
};

// As small as it may be, and one that cannot take anything.
struct broken_queue {
    optly_status add(optly::user_event &)
    {
#if defined(__cpp_exceptions)
        throw 1;
#else
        return OPTLY_ERR_NO_MEMORY;
#endif
    }
    std::size_t get(std::size_t, optly::span<optly_user_event *>)
    {
        return 0;
    }
    std::size_t remove(optly::span<optly_user_event *>)
    {
        return 0;
    }
    std::size_t size()
    {
        return 0;
    }
};

// Keeps deliveries and completes them when it is polled.
class polling
{
  public:
    explicit polling(log &log) : log_(log)
    {
    }
    ~polling()
    {
        log_.destroyed++;
    }
    void dispatch(optly::batch, optly::delivery delivery)
    {
        kept_.push_back(std::move(delivery));
    }
    void poll(int)
    {
        log_.polls++;
        for (optly::delivery &delivery : kept_)
            delivery.complete(OPTLY_DELIVERED, 204);
        kept_.clear();
    }
    void wake()
    {
        log_.wakes++;
    }
    void cancel()
    {
        log_.cancelled++;
    }

  private:
    log &log_;
    std::vector<optly::delivery> kept_;
};

// Loses every other delivery.
struct forgetful {
    int *attempts;

    void dispatch(optly::batch, optly::delivery delivery)
    {
        if (++*attempts % 2 == 1) {
#if defined(__cpp_exceptions)
            if (*attempts == 3)
                throw 1;
#endif
            return;
        }
        optly_dispatch_result result = optly_dispatch_result_default();
        result.outcome = OPTLY_DELIVERED;
        delivery.complete(result);
        delivery.complete(OPTLY_REFUSED); // it is complete already: ignored
    }
};

} // namespace

TEST(a_queue_of_ones_own_is_used_and_settled)
{
    log log;
    optly::project project = make_project();
    {
        optly::processor_config config;

        config.use(optly::queue::make<own_queue>(log).value());
        config.use(optly::dispatcher::from_function([](optly::batch) {
                       return OPTLY_DELIVERED;
                   }).value());
        auto processor = optly::processor::create(config).value();
        for (int i = 0; i < 3; i++)
            CHECK(processor.process(make_event(project)));
        CHECK(processor.process(make_event(project)) == OPTLY_ERR_QUEUE_FULL);
        CHECK(processor.flush(10s));
        CHECK(log.settled == 3 && log.destroyed == 0);
    }
    CHECK(log.destroyed == 1);
}

TEST(queues_work_by_themselves)
{
    optly::project project = make_project();
    optly::queue ring = optly::queue::ring(2).value();
    optly_user_event *events[4] = {};
    optly::user_event third = make_event(project);

    CHECK(ring.add(make_event(project, "ann")));
    CHECK(ring.add(make_event(project, "bob")));
    CHECK(ring.add(std::move(third)) == OPTLY_ERR_QUEUE_FULL);
    CHECK(third && ring.size() == 2); // still the caller's
    CHECK(ring.get(1, events) == 1);
    CHECK(optly::event_ref(events[0]).visitor_id() == "bob");
    CHECK(ring.remove(events) == 2);
    for (int i = 0; i < 2; i++)
        CHECK(optly::user_event(events[i])->key() == "purchase");

    optly::queue moved(std::move(ring));
    CHECK(!ring && moved && moved.get()->ops != nullptr);
    CHECK(moved.add(std::move(third)));
    ring = std::move(moved);
    CHECK(ring.size() == 1);
    CHECK(!optly::queue::ring(0));
}

TEST(an_exception_of_add_is_a_refusal)
{
    optly::queue queue = optly::queue::make<broken_queue>().value();
    optly::user_event event = make_event(make_project());

    CHECK(queue.get()->ops->settle == nullptr);
    CHECK(queue.add(std::move(event)) == OPTLY_ERR_NO_MEMORY);
    CHECK(event && event->visitor_id() == "ann");
}

// Says OK and does not take the event.
struct lax_queue : broken_queue {
    optly_status add(optly::user_event &)
    {
        return OPTLY_OK;
    }
};

TEST(an_event_that_add_does_not_take_stays_the_callers)
{
    optly::queue queue = optly::queue::make<lax_queue>().value();
    optly::user_event event = make_event(make_project());

    CHECK(queue.add(std::move(event)) == OPTLY_ERR_INVALID);
    CHECK(event && event->visitor_id() == "ann");
}

TEST(a_dispatcher_with_poll_completes_later)
{
    log log;
    optly::project project = make_project();
    {
        optly::processor_config config;

        config.use(optly::dispatcher::make<polling>(log).value());
        auto processor = optly::processor::create(config).value();
        CHECK(processor.process(make_event(project)));
        CHECK(processor.flush(10s) && log.polls > 0);
        CHECK(processor.stats()->delivered == 1);
    }
    CHECK(log.destroyed == 1);
}

TEST(members_that_are_missing_are_null)
{
    log log;
    int attempts = 0;
    auto full = optly::dispatcher::make<polling>(log).value();
    auto small = optly::dispatcher::make<forgetful>(&attempts).value();

    CHECK(full.get()->ops->poll && full.get()->ops->wake);
    full.get()->ops->cancel(full.get()->self);
    full.get()->ops->wake(full.get()->self);
    CHECK(log.cancelled == 1 && log.wakes == 1);
    CHECK(!small.get()->ops->poll && !small.get()->ops->wake);
    CHECK(!small.get()->ops->cancel);
    small = std::move(full);
    CHECK(!full && small && log.destroyed == 0);
    small = optly::dispatcher();
    CHECK(log.destroyed == 1);
}

TEST(a_delivery_that_is_lost_is_a_retry)
{
    int attempts = 0;
    optly::project project = make_project();
    optly::processor_config config;

    config.retry_initial_ms = 1;
    config.use(optly::dispatcher::make<forgetful>(&attempts).value());
    auto processor = optly::processor::create(config).value();
    for (int i = 1; i <= 2; i++) {
        CHECK(processor.process(make_event(project)));
        CHECK(processor.flush(10s));
        CHECK(attempts == 2 * i);
    }
    CHECK(processor.stats()->retries == 2);
    CHECK(processor.stats()->delivered == 2);
}

TEST(a_wrapping_dispatcher_hears_of_the_result)
{
    int status = 0;
    auto delivery =
        optly::delivery::create([&](const optly_dispatch_result &result) {
            status = result.http_status;
        }).value();

    delivery.complete(OPTLY_DELIVERED, 204);
    CHECK(status == 204);
    {
        auto lost =
            optly::delivery::create([&](const optly_dispatch_result &result) {
                status = result.outcome;
            }).value();
        delivery = std::move(lost);
    }
    CHECK(status == 204); // moved, so not lost yet
    delivery = optly::delivery(optly_delivery{nullptr, 0});
    CHECK(status == OPTLY_RETRY);
    optly_delivery raw =
        optly::delivery::create([&](const optly_dispatch_result &result) {
            status = result.outcome;
        })
            .value()
            .release();
    optly_delivery_complete(raw, nullptr);
    CHECK(status == OPTLY_RETRY);
}

TEST(a_queue_dispatcher_runs_the_inner_one_on_threads)
{
    optly::project project = make_project();
    optly_queue_dispatcher_config queued =
        optly_queue_dispatcher_config_default();
    optly::processor_config config;
    auto inner = [] {
        return optly::dispatcher::from_function(
                   [](optly::batch, optly_dispatch_result &result) {
                       result.http_status = 200;
                       return OPTLY_DELIVERED;
                   })
            .value();
    };

    queued.threads = 65;
    auto refused = optly::dispatcher::queued(inner(), queued);
    CHECK(!refused && has(refused.message(), "threads"));
    queued.threads = 2;
    config.use(optly::dispatcher::queued(inner(), queued).value());
    auto processor = optly::processor::create(config).value();
    CHECK(processor.process(make_event(project)));
    CHECK(processor.flush(10s));
}

TEST(http_is_made_or_says_why_not)
{
    optly_http_config config = optly_http_config_default();

    config.timeout_ms = 600001;
    auto http = optly::dispatcher::http(config);
    CHECK(!http);
    CHECK(http.status() == OPTLY_ERR_UNSUPPORTED || // built without it
          has(http.message(), "timeout_ms"));
}
