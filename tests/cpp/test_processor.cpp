// The processor: its life, its callbacks, and how long these live.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.hpp"

using namespace std::chrono_literals;

static constexpr auto patience = 10s;

static optly::dispatcher deliver_all()
{
    return optly::dispatcher::from_function(
               [](optly::batch) { return OPTLY_DELIVERED; })
        .value();
}

// A processor without a worker, for what a test's own thread drives.
static optly::processor make_processor()
{
    optly::processor_config config;

    config.use(deliver_all());
    return optly::processor::create(config).value();
}

TEST(events_arrive_with_a_worker)
{
    optly::project project = make_project();
    optly::processor_config config;
    std::string bodies;
    std::size_t events = 0;
    optly_close_report report = optly_close_report_default();

    config.batch_size = 2;
    config.use(optly::dispatcher::from_function([&](optly::batch batch) {
                   bodies += batch.body();
                   events += batch.events().size();
                   CHECK(batch.attempt() == 1 && batch.event_count() <= 2);
                   CHECK(batch.project_id() == "project");
                   CHECK(batch.account_id() == "account");
                   CHECK(batch.revision() == "7" && batch.region() == "US");
                   CHECK(batch.endpoint() == optly::region_endpoint("US"));
                   return OPTLY_DELIVERED;
               }).value());
    auto processor = optly::processor::create(config).value();
    CHECK(processor.start());
    for (const char *visitor : {"ann", "bob", "cid"})
        CHECK(processor.process(make_event(project, visitor)));
    CHECK(processor.flush(patience));

    CHECK(events == 3 && has(bodies, "\"cid\""));
    CHECK(processor.stats()->delivered == 3);
    CHECK(processor.close(patience, &report) && report.delivered == 3);
    CHECK(processor.process(make_event(project)) == OPTLY_ERR_CLOSED);
}

TEST(bad_settings_are_named_and_callbacks_given_back)
{
    auto token = std::make_shared<int>(0);
    std::weak_ptr<int> watch = token;
    optly::processor_config config;

    config.batch_size = 10001;
    config.on_log([token](optly_log_level, const char *) {});
    config.use(optly::dispatcher::from_function([token](optly::batch) {
                   return OPTLY_DELIVERED;
               }).value());
    token.reset();
    auto processor = optly::processor::create(config);
    CHECK(processor.status() == OPTLY_ERR_INVALID);
    CHECK(has(processor.message(), "batch_size"));
    CHECK(watch.expired()); // taken, also on failure
}

TEST(a_config_that_is_not_used_cleans_up)
{
    auto token = std::make_shared<int>(0);
    std::weak_ptr<int> watch = token;
    {
        optly::processor_config config;

        config.on_gauge([token](const char *, double) {});
        config.use(optly::dispatcher::from_function([token](optly::batch) {
                       return OPTLY_DELIVERED;
                   }).value());
        config.use(deliver_all()); // in the place of the first
        config.use(optly::queue::ring(10).value());
        token.reset();
        CHECK(watch.use_count() == 1);
    }
    CHECK(watch.expired());
}

TEST(an_empty_processor_refuses)
{
    optly::processor none;

    CHECK(none.start() == OPTLY_ERR_INVALID);
    CHECK(none.process(make_event(make_project())) == OPTLY_ERR_INVALID);
    CHECK(none.flush(1ms) == OPTLY_ERR_INVALID && !none.stats());
    CHECK(!none.on_delivery([](optly::delivery_report) {}));
    CHECK(none.remove_on_delivery(1) == OPTLY_ERR_INVALID);
    CHECK(!none.next_deadline());
    optly::processor one = make_processor();
    none = std::move(one);
    CHECK(none.get() != nullptr && none.close(0ms));
}

TEST(a_moved_processor_keeps_its_callbacks)
{
    optly::project project = make_project();
    int reports = 0;
    optly::processor first = make_processor();

    CHECK(first.on_delivery([&](optly::delivery_report) { reports++; }));
    optly::processor second(std::move(first));
    CHECK(!first && second.process(make_event(project)));
    CHECK(second.flush(patience) && reports == 1);
}

TEST(an_assigned_processor_ends_the_one_before)
{
    auto token = std::make_shared<int>(0);
    std::weak_ptr<int> watch = token;
    optly::processor first = make_processor(), second = make_processor();

    CHECK(first.on_delivery([token](optly::delivery_report) {}));
    token.reset();
    first = std::move(second);
    CHECK(first && !second && watch.expired());
    optly::processor &same = first;
    first = std::move(same);
    CHECK(first && first.close(0ms));
}

TEST(handlers_see_batches_and_reports)
{
    optly::project project = make_project();
    optly::processor processor = make_processor();
    std::string seen;

    auto dispatch = processor.on_event_dispatch(
        [&seen, unique = std::make_unique<int>(1)](optly::batch batch) {
            CHECK(*unique == 1);
            for (optly::event_ref event : batch.events())
                seen += event.visitor_id();
        });
    auto delivery =
        processor.on_delivery([&seen](optly::delivery_report report) {
            CHECK(report.delivered() && report.reason() == OPTLY_DROP_NONE);
            CHECK(report.attempts() == 1 && report.http_status() == 0);
            for (optly::event_ref event : report.events())
                seen += "+" + std::string(event.visitor_id());
        });
    CHECK(dispatch && delivery);
    CHECK(processor.process(make_event(project, "ann")));
    CHECK(processor.flush(patience) && seen == "ann+ann");

    CHECK(processor.remove_on_event_dispatch(*dispatch));
    CHECK(processor.remove_on_delivery(*delivery));
    CHECK(processor.remove_on_delivery(*delivery) == OPTLY_ERR_NOT_FOUND);
    CHECK(processor.process(make_event(project)));
    CHECK(processor.flush(patience) && seen == "ann+ann");
}

TEST(a_handler_may_remove_itself)
{
    optly::project project = make_project();
    optly::processor processor = make_processor();
    auto token = std::make_shared<int>(0);
    std::weak_ptr<int> watch = token;
    int id = 0;

    auto added = processor.on_delivery(
        [&processor, &id, &watch, token](optly::delivery_report) {
            CHECK(processor.remove_on_delivery(id));
            CHECK(!watch.expired()); // still in use
            *token += 1;
        });
    token.reset();
    id = added.value();
    for (int i = 0; i < 2; i++) {
        CHECK(processor.process(make_event(project)));
        CHECK(processor.flush(patience));
        CHECK(watch.expired());
    }
}

TEST(callbacks_of_the_config_are_called)
{
    optly::project project = make_project();
    optly::processor_config config;
    std::mutex lock;
    std::string calls;
    auto note = [&](std::string_view what) {
        std::lock_guard<std::mutex> hold(lock);
        calls += what;
        calls += ' ';
    };
    int attempts = 0;

    config.retry_initial_ms = 1;
    config.on_log([&](optly_log_level level, const char *) {
        note(level >= OPTLY_LOG_WARNING ? "log" : "info");
    });
    config.on_counter([&](const char *name, double) { note(name); });
    config.on_gauge([&](const char *name, double) { note(name); });
    config.on_worker_start([&] { note("start"); });
    config.on_worker_stop([&] { note("stop"); });
    config.use(optly::dispatcher::from_function([&](optly::batch) {
                   return attempts++ == 0 ? OPTLY_RETRY : OPTLY_DELIVERED;
               }).value());
    {
        auto processor = optly::processor::create(config).value();

        CHECK(processor.start());
        CHECK(processor.start() == OPTLY_ERR_INVALID);
        CHECK(processor.process(make_event(project)));
        CHECK(processor.flush(patience));
    }
    for (const char *what : {"start ", "log ", "processor.accepted ",
                             "dispatcher.queueSize ", "stop "})
        CHECK(has(calls, what));
}

TEST(a_loop_of_the_host_is_woken_and_drives)
{
    optly::project project = make_project();
    optly::processor_config config;
    int wakes = 0;

    config.batch_size = 1;
    config.on_wake([&] { wakes++; });
    config.use(deliver_all());
    auto processor = optly::processor::create(std::move(config)).value();
    CHECK(!processor.next_deadline());
    CHECK(processor.process(make_event(project)));
    CHECK(wakes == 1 && processor.next_deadline() == 0ms);
    CHECK(processor.run_once(0ms));
    CHECK(processor.stats()->delivered == 1);
}

#if defined(__cpp_exceptions)
TEST(an_exception_of_a_dispatcher_is_a_retry)
{
    optly::project project = make_project();
    optly::processor_config config;
    std::string lines;
    int attempts = 0;

    config.retry_initial_ms = 1;
    config.on_log([&](optly_log_level, const char *line) { lines += line; });
    config.use(
        optly::dispatcher::from_function([&](optly::batch) -> optly_outcome {
            if (attempts++ == 0)
                throw std::bad_alloc();
            return OPTLY_DELIVERED;
        }).value());
    auto processor = optly::processor::create(config).value();
    CHECK(processor.process(make_event(project)));
    CHECK(processor.flush(patience));

    CHECK(attempts == 2 && processor.stats()->delivered == 1);
    CHECK(has(lines, "an exception in the dispatcher"));
}

// Nobody could be told: it ends the program, as an exception of a thread does.
TEST(an_exception_of_a_callback_ends_the_program)
{
    pid_t child = fork();
    int how = 0;

    if (child == 0) {
        optly::project project = make_project();
        optly::processor processor = make_processor();

        // A signal, so that no checker of leaks runs in the child.
        std::set_terminate([] { kill(getpid(), SIGKILL); });
        (void)processor.on_delivery([](optly::delivery_report) { throw 1; });
        (void)processor.process(make_event(project));
        try {
            (void)processor.flush(patience);
        } catch (...) {
            _exit(1); // it crossed the library
        }
        _exit(2);
    }
    CHECK(waitpid(child, &how, 0) == child);
    CHECK(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}
#endif

namespace
{

// Says when its last copy is gone.
struct lifetime {
    std::mutex lock;
    std::condition_variable changed;
    bool entered = false, may_leave = false, over = false;

    void set(bool lifetime::*what)
    {
        std::lock_guard<std::mutex> hold(lock);
        this->*what = true;
        changed.notify_all();
    }
    bool await(bool lifetime::*what)
    {
        std::unique_lock<std::mutex> hold(lock);
        return changed.wait_for(hold, patience, [&] { return this->*what; });
    }
};

} // namespace

TEST(callbacks_outlive_a_processor_whose_worker_hangs_in_one)
{
    lifetime life;
    std::shared_ptr<lifetime> token(
        &life, [](lifetime *one) { one->set(&lifetime::over); });
    optly::project project = make_project();
    {
        optly::processor_config config;

        config.batch_size = 1;
        config.use(deliver_all());
        config.on_worker_stop([token] { CHECK(!token->over); });
        auto processor = optly::processor::create(config).value();
        CHECK(processor.on_delivery([token](optly::delivery_report) {
            token->set(&lifetime::entered);
            CHECK(token->await(&lifetime::may_leave));
        }));
        token.reset();
        CHECK(processor.start() && processor.process(make_event(project)));
        CHECK(life.await(&lifetime::entered));
    }
    CHECK(!life.over); // the handler is still running
    life.set(&lifetime::may_leave);
    CHECK(life.await(&lifetime::over));
}

TEST(counters_are_rendered)
{
    char text[8192];
    const optly_label labels[] = {{"host", "a"}, {nullptr, nullptr}};
    const optly_label bad[] = {{"1", "a"}, {nullptr, nullptr}};
    optly_stats stats = optly_stats_default();

    stats.pending = 3;
    auto length = optly::stats_prometheus(text, stats, labels);
    CHECK(length && *length == std::string_view(text).size());
    CHECK(has(text, "optly_events_pending{host=\"a\"} 3\n"));
    length = optly::stats_prometheus(text, stats, bad);
    CHECK(length.status() == OPTLY_ERR_INVALID && has(text, "labels[0]"));
}

TEST(the_library_has_a_version)
{
    CHECK(optly::version() == std::string_view(OPTLY_VERSION_STRING));
    CHECK(optly::region_endpoint(std::string_view("EU")) ==
          std::string_view(OPTLY_EVENT_ENDPOINT_EU));
    CHECK(optly::region_endpoint("XX") == nullptr);
    CHECK(optly::set_allocator(nullptr)); // as it was
}
