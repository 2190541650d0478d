// The C++ header: a visitor sees a variation and buys; two batches leave.
// With a URL they go there by HTTP, else to a function of this program.
#include <iostream>
#include <string>
#include <vector>

#include <optly/event.hpp>

using namespace std::chrono_literals;

static constexpr std::string_view datafile = R"({
    "version": "4", "accountId": "1", "projectId": "2", "revision": "3",
    "attributes": [{"id": "4", "key": "device"}],
    "events": [{"id": "5", "key": "purchase"}],
    "experiments": [{"id": "6", "key": "checkout", "layerId": "7",
                     "variations": [{"id": "8", "key": "short"}]}]})";

// Nothing throws: a result has a value, or says why not.
static optly::result<optly::processor> make_processor(const char *url)
{
    optly::processor_config config;

    config.endpoint = url; // the C struct's fields, by their names
    config.batch_size = 100;
    config.on_log(
        [](optly_log_level, const char *line) { std::cerr << line << '\n'; });
    if (url == nullptr) {
        auto dispatcher = optly::dispatcher::from_function(
            [](optly::batch batch, optly_dispatch_result &result) {
                std::cout << "batch of " << batch.event_count() << ", "
                          << batch.body().size() << " bytes\n";
                result.http_status = 204;
                return OPTLY_DELIVERED;
            });
        if (!dispatcher)
            return dispatcher.status().code();
        config.use(std::move(*dispatcher));
    }
    return optly::processor::create(config);
}

// Builders take literals, std::string and std::string_view alike.
static void visit(const optly::project &project, optly::processor &processor,
                  std::string_view id)
{
    const optly::pair attributes[] = {{"device", "phone"}};
    const std::vector<optly::pair> tags = {{"revenue", 4999}, {"qty", 1}};
    const optly::user user = {id, attributes};
    optly::impression saw;
    optly::conversion bought;

    saw.experiment = project.experiment("checkout");
    saw.variation = project.variation("checkout", "short");
    saw.rule_type = "experiment";
    bought.event_key = "purchase";
    bought.tags = tags;
    if (auto event = optly::create_impression(project, user, saw))
        if (auto status = processor.process(*std::move(event)); !status)
            std::cerr << status.text() << '\n';
    if (auto event = optly::create_conversion(project, user, bought))
        if (auto status = processor.process(*std::move(event)); !status)
            std::cerr << status.text() << '\n';
}

int main(int argc, char **argv)
{
    auto project = optly::project::from_datafile(datafile);
    auto processor = make_processor(argc > 1 ? argv[1] : nullptr);
    optly_close_report report = optly_close_report_default();
    std::size_t delivered = 0;

    if (!project || !processor) {
        std::cerr << project.message() << processor.message() << '\n';
        return 2;
    }
    // On the processor's thread; kept until the processor is gone.
    auto handler = processor->on_delivery([&](optly::delivery_report ended) {
        if (ended.delivered())
            delivered += ended.events().size();
    });
    if (!handler || !processor->start())
        return 2;
    for (int i = 0; i < 100; i++)
        visit(*project, *processor, "visitor-" + std::to_string(i));
    if (auto status = processor->close(30s, &report); !status)
        std::cerr << status.text() << '\n';
    std::cout << report.delivered << " delivered\n";
    return delivered == 200 && report.delivered == 200 ? 0 : 1;
}
