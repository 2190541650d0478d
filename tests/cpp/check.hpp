// A small test harness: no exceptions, no RTTI, nothing but what it needs.
#ifndef OPTLY_TESTS_CHECK_HPP
#define OPTLY_TESTS_CHECK_HPP

#include <cstdio>
#include <cstdlib>

#include <optly/event.hpp>

// Ends the program where a claim does not hold.
#define CHECK(claim)                                                           \
    ((claim) ? (void)0                                                         \
             : (std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__,          \
                             __LINE__, #claim),                                \
                std::exit(1)))

struct test {
    const char *name;
    void (*run)();
    test *next;
    static inline test *first = nullptr;

    test(const char *claim, void (*body)())
        : name(claim), run(body), next(first)
    {
        first = this;
    }
};

// TEST(the_claim) { ... }
#define TEST(claim)                                                            \
    static void claim();                                                       \
    static test claim##_test(#claim, claim);                                   \
    static void claim()

// A project with the attributes device, age, beta, score and the event
// purchase, which sends all decisions.
inline optly::project make_project()
{
    static const optly_attribute_definition attributes[] = {
        {"1", "device"}, {"2", "age"}, {"3", "beta"}, {"4", "score"}};
    static const optly_event_definition purchase = {"9", "purchase"};
    optly_project_config config = optly_project_config_default();

    config.project_id = "project";
    config.account_id = "account";
    config.revision = "7";
    config.attributes = attributes;
    config.attribute_count = 4;
    config.events = &purchase;
    config.event_count = 1;
    config.send_flag_decisions = true;
    return optly::project::create(config).value();
}

inline optly::user_event make_event(const optly::project &project,
                                    optly::text visitor = "ann")
{
    optly::conversion purchase;

    purchase.event_key = "purchase";
    return optly::create_conversion(project, {visitor, {}}, purchase).value();
}

inline bool has(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

#endif
