// Results, texts, pairs and spans.
#include <array>
#include <memory>
#include <vector>

#include "check.hpp"

TEST(handles_move_and_do_not_copy)
{
    static_assert(!std::is_copy_constructible_v<optly::project>);
    static_assert(!std::is_copy_constructible_v<optly::user_event>);
    static_assert(!std::is_copy_constructible_v<optly::queue>);
    static_assert(!std::is_copy_constructible_v<optly::dispatcher>);
    static_assert(!std::is_copy_constructible_v<optly::delivery>);
    static_assert(!std::is_copy_constructible_v<optly::processor>);
    static_assert(!std::is_copy_constructible_v<optly::result<int>>);
    static_assert(std::is_nothrow_move_assignable_v<optly::project>);
    static_assert(std::is_nothrow_move_assignable_v<optly::processor>);
    static_assert(sizeof(optly::project) == sizeof(void *));
    static_assert(sizeof(optly::user_event) == sizeof(void *));

    optly::project first = make_project();
    optly::project second = std::move(first);

    CHECK(!first && second);
    CHECK(first.id() == "" && first.event("purchase") == nullptr);
    first = std::move(second);
    CHECK(first.id() == "project");
}

TEST(a_result_owns_its_value)
{
    auto token = std::make_shared<int>(5);
    std::weak_ptr<int> watch = token;
    {
        optly::result<std::shared_ptr<int>> one(std::move(token));
        optly::result<std::shared_ptr<int>> two = std::move(one);
        optly::result<std::shared_ptr<int>> three(OPTLY_ERR_CLOSED);

        CHECK(two && **two == 5 && *two.value() == 5);
        three = std::move(two);
        CHECK(three.has_value() && watch.use_count() == 1);
        CHECK(three.status() == OPTLY_OK && *three.message() == '\0');
        two = optly::result<std::shared_ptr<int>>(OPTLY_ERR_CLOSED);
        CHECK(!two && watch.use_count() == 1);
        CHECK(two.status() == OPTLY_ERR_CLOSED && !two.skipped());
        CHECK(two.message() == std::string_view(two.status().text()));
    }
    CHECK(watch.expired());
}

TEST(a_failure_says_which_field)
{
    optly_project_config config = optly_project_config_default();

    config.project_id = "p";
    auto project = optly::project::create(config);
    CHECK(!project && project.status() == OPTLY_ERR_INVALID);
    CHECK(has(project.message(), "account_id"));
    auto parsed = optly::project::from_datafile("{\"version\":");
    CHECK(parsed.status() == OPTLY_ERR_PARSE);
    CHECK(!optly::project::from_datafile(std::string_view()));
}

#if defined(__cpp_exceptions)
TEST(who_wants_exceptions_gets_them)
{
    int caught = 0;

    try {
        (void)optly::project::from_datafile("[]").value_or_throw();
    } catch (const optly::exception &e) {
        caught = e.status() == OPTLY_ERR_PARSE && *e.what() != '\0';
    }
    CHECK(caught == 1);
    CHECK(optly::result<int>(5).value_or_throw() == 5);
}
#endif

TEST(statuses_compare_and_have_a_text)
{
    constexpr optly::status ok, full(OPTLY_ERR_QUEUE_FULL);

    static_assert(ok && !full && full == OPTLY_ERR_QUEUE_FULL && ok != full);
    CHECK(full.text() ==
          std::string_view(optly_status_text(OPTLY_ERR_QUEUE_FULL)));
    CHECK(full.code() == OPTLY_ERR_QUEUE_FULL);
}

TEST(terminated_texts_are_passed_on_and_views_copied)
{
    optly::detail::scratch scratch;
    const char *literal = "literal";
    std::string string = "string";
    std::string_view view = std::string_view("viewer").substr(0, 4);
    std::string long_one(5000, 'x');

    CHECK(scratch.c_str(literal, "f") == literal);
    CHECK(scratch.c_str(string, "f") == string.c_str());
    CHECK(scratch.c_str(view, "f") == std::string_view("view"));
    CHECK(scratch.c_str(std::string_view(long_one), "f") == long_one);
    CHECK(scratch.c_str(std::string_view(), "f") == std::string_view(""));
    CHECK(scratch.c_str({}, "f") == nullptr && !scratch.failed());
}

TEST(a_nul_within_is_refused_by_name)
{
    using namespace std::string_view_literals;
    optly::project project = make_project();
    optly::conversion purchase;

    purchase.event_key = "purchase";
    CHECK(optly::create_conversion(project, {""sv, {}}, purchase));
    auto event = optly::create_conversion(project, {"a\0b"sv, {}}, purchase);
    CHECK(event.status() == OPTLY_ERR_INVALID);
    CHECK(has(event.message(), "user.id: has a NUL"));
    const std::string within("x\0y", 3);
    purchase.uuid = within;
    event = optly::create_conversion(project, {"a", {}}, purchase);
    CHECK(has(event.message(), "uuid: "));
    CHECK(project.event("purchase\0"sv) == nullptr);
}

TEST(pairs_take_what_C_takes)
{
    const optly::pair pairs[] = {
        {"null", nullptr},
        {"bool", true},
        {"int", 42},
        {"unsigned", 7u},
        {"long", -5ll},
        {"huge", ~0ull},
        {"double", 0.5},
        {"float", 0.25f},
        {"text", "literal"},
        {"string", std::string("s")},
        {"view", std::string_view("v")},
        {"json", optly::json{"{}"}},
    };
    const optly_value_type types[] = {OPTLY_NULL,   OPTLY_BOOL,   OPTLY_INT64,
                                      OPTLY_INT64,  OPTLY_INT64,  OPTLY_DOUBLE,
                                      OPTLY_DOUBLE, OPTLY_DOUBLE, OPTLY_STRING,
                                      OPTLY_STRING, OPTLY_STRING, OPTLY_JSON};

    for (std::size_t i = 0; i < std::size(pairs); i++)
        CHECK(pairs[i].value().type == types[i]);
    CHECK(pairs[1].value().as.boolean && pairs[2].value().as.integer == 42);
    CHECK(pairs[4].value().as.integer == -5);
    CHECK(pairs[5].value().as.number > 1e19 && pairs[7].value().as.number > 0);
}

TEST(lists_come_from_arrays_and_containers)
{
    const optly::pair array[] = {{"a", 1}, {"b", 2}};
    std::array<optly::pair, 1> fixed = {{{"a", 1}}};
    std::vector<optly::pair> vector(3, optly::pair("a", 1));
    const optly_pair plain[] = {optly_int("a", 1)};
    optly::detail::scratch scratch;

    CHECK(optly::pair_list(array).size() == 2);
    CHECK(optly::pair_list(fixed).size() == 1);
    CHECK(optly::pair_list(vector).pairs() == vector.data());
    CHECK(optly::pair_list(optly::span<const optly::pair>(array)).size() == 2);
    CHECK(scratch.pairs(plain, "f") == plain); // as they are
    CHECK(scratch.pairs(optly::pair_list(), "f") == nullptr);
    static_assert(
        !std::is_constructible_v<optly::pair_list, std::vector<optly::pair>>);

    std::vector<optly::pair> many(1001, optly::pair("a", 1));
    CHECK(scratch.pairs(many, "tags") == nullptr);
    CHECK(scratch.error()->status == OPTLY_ERR_TOO_LARGE);
    CHECK(has(scratch.error()->message, "tags"));
}

TEST(spans_view_arrays)
{
    int numbers[] = {1, 2, 3};
    std::vector<int> vector = {4, 5};
    optly::span<const int> one(numbers), two(vector), none;
    int sum = 0;

    for (int number : one)
        sum += number;
    CHECK(sum == 6 && one.size() == 3 && two[1] == 5 && none.empty());
    CHECK(two.data() == vector.data());
}
