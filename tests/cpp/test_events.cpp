// Projects and events.
#include <vector>

#include "check.hpp"

static constexpr std::string_view datafile =
    R"({"version":"4","accountId":"1","projectId":"2","revision":"3",
        "sdkKey":"key","environmentKey":"prod","anonymizeIP":true,
        "attributes":[{"id":"4","key":"device"}],
        "events":[{"id":"5","key":"purchase"}],
        "experiments":[{"id":"6","key":"test","layerId":"7",
                        "variations":[{"id":"8","key":"a"}]}]})";

TEST(a_project_tells_what_it_read)
{
    auto project = optly::project::from_datafile(datafile).value();
    std::string_view key = "purchase,more";

    CHECK(project.id() == "2" && project.account_id() == "1");
    CHECK(project.revision() == "3" && project.region() == "US");
    CHECK(project.sdk_key() == "key" && project.environment_key() == "prod");
    CHECK(project.anonymize_ip() && !project.bot_filtering());
    CHECK(!project.send_flag_decisions());
    CHECK(project.attribute_id("device") == std::string_view("4"));
    CHECK(project.event(key.substr(0, 8))->id == std::string_view("5"));
    CHECK(project.experiment("test")->layer_id == std::string_view("7"));
    CHECK(project.variation("test", "a")->id == std::string_view("8"));
    CHECK(project.variation("test", "b") == nullptr);
    CHECK(project.set_client("me", std::string_view("1.2")));
    CHECK(optly::create_event_context(project).client_name ==
          std::string_view("me"));
}

TEST(a_shared_project_lives_as_long_as_its_last_reference)
{
    optly::project first = make_project();
    optly::project second = first.share();

    CHECK(first.get() == second.get());
    first = optly::project();
    CHECK(make_event(second)->key() == "purchase");
    optly::project raw(second.release());
    CHECK(!second && raw.id() == "project");
}

TEST(a_conversion_has_its_attributes_and_tags)
{
    optly::project project = make_project();
    std::string_view long_text = "phone and more";
    const optly::pair attributes[] = {{"device", long_text.substr(0, 5)},
                                      {"age", 42},
                                      {"beta", true},
                                      {"score", 0.5}};
    std::vector<optly::pair> tags;
    optly::conversion purchase;

    tags.emplace_back("revenue", 4999);
    tags.emplace_back("cart", optly::json{R"({"sku":[1]})"});
    purchase.event_key = "purchase";
    purchase.tags = tags;
    purchase.timestamp_ms = 1234567890123;
    purchase.uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    auto event =
        optly::create_conversion(project, {"ann", attributes}, purchase)
            .value();

    CHECK(event->uuid() == "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    CHECK(event->visitor_id() == "ann" && event->key() == "purchase");
    CHECK(event->entity_id() == "9" && !event->is_impression());
    CHECK(event->timestamp_ms() == 1234567890123);
    CHECK(event->size() > event->json().size());
    CHECK(event->context().revision == std::string_view("7"));
    CHECK(has(event->json(), R"("value":"phone")"));
    CHECK(has(event->json(), R"("value":42)"));
    CHECK(has(event->json(), R"("value":true)"));
    CHECK(has(event->json(), R"("value":0.5)"));
    CHECK(has(event->json(), R"("revenue":4999)"));
    CHECK(has(event->json(), R"("cart":{"sku":[1]})"));
}

TEST(plain_pairs_do_as_well)
{
    optly::project project = make_project();
    const optly_pair attributes[] = {optly_string("device", "watch")};
    optly::conversion purchase;

    purchase.event_key = "purchase";
    auto event =
        optly::create_conversion(project, {"ann", attributes}, purchase);
    CHECK(event && has((*event)->json(), R"("value":"watch")"));
}

TEST(an_impression_has_its_decision)
{
    auto project = optly::project::from_datafile(datafile).value();
    optly::impression saw;

    saw.experiment = project.experiment("test");
    saw.variation = project.variation("test", "a");
    saw.flag_key = std::string_view("flag");
    saw.rule_key = "rule";
    saw.rule_type = "experiment";
    saw.cmab_uuid = "cmab";
    saw.enabled = true;
    auto event = optly::create_impression(project, {"ann", {}}, saw).value();

    CHECK(event->is_impression());
    for (std::string_view part :
         {R"("flag_key":"flag")", R"("rule_key":"rule")",
          R"("rule_type":"experiment")", R"("cmab_uuid":"cmab")",
          R"("enabled":true)", R"("variation_id":"8")"})
        CHECK(has(event->json(), part));
}

TEST(an_impression_that_is_not_due_is_skipped)
{
    auto project = optly::project::from_datafile(datafile).value();
    auto event = optly::create_impression(project, {"ann", {}}, {});

    CHECK(!event && event.skipped());
}

TEST(an_unknown_event_is_not_found)
{
    optly::conversion other;

    other.event_key = std::string_view("other");
    auto event = optly::create_conversion(make_project(), {"ann", {}}, other);
    CHECK(event.status() == OPTLY_ERR_NOT_FOUND && !event.skipped());
}

TEST(an_event_is_saved_and_restored)
{
    optly::user_event event = make_event(make_project());
    std::vector<std::byte> bytes(event->save({}));

    CHECK(event->save(bytes) == bytes.size());
    auto again = optly::user_event::restore(bytes).value();
    CHECK(again->json() == event->json() && again->uuid() == event->uuid());
    bytes.resize(bytes.size() - 1);
    CHECK(optly::user_event::restore(bytes).status() == OPTLY_ERR_PARSE);
}

TEST(what_builders_leave_out_goes_to_the_log)
{
    optly::project project = make_project();
    std::string lines;
    auto log = [&](optly_log_level, const char *line) { lines += line; };
    const optly::pair attributes[] = {{"unknown_key", 1}};
    optly::conversion purchase;

    purchase.event_key = "purchase";
    CHECK(project.set_log(log));
    CHECK(optly::create_conversion(project, {"ann", attributes}, purchase));
    CHECK(has(lines, "unknown_key"));
}

TEST(an_empty_event_has_nothing)
{
    optly::user_event none;

    CHECK(!none && none->uuid() == "" && none->json() == "");
    CHECK(none->size() == 0 && none->timestamp_ms() == 0);
}
