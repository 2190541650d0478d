/* Events and their builders in C++: see optly/user_event.h. */
#ifndef OPTLY_CPP_USER_EVENT_HPP
#define OPTLY_CPP_USER_EVENT_HPP

#include <optional>

#include <optly/cpp/project.hpp>
#include <optly/user_event.h>

namespace optly
{

/** Who did it. The attributes are a view: they have to outlive it. */
struct user {
    text id;
    pair_list attributes;
};

/** A visitor saw a variation. What is left out is as in optly_impression. */
struct impression {
    const optly_experiment *experiment = nullptr;
    const optly_variation *variation = nullptr;
    text flag_key, rule_key, rule_type;
    text cmab_uuid; /**< not set: left out */
    std::int64_t timestamp_ms = 0;
    text uuid;
    bool enabled = false;
};

/** A visitor did something. The tags are a view: they have to outlive it. */
struct conversion {
    text event_key;
    pair_list tags;
    std::int64_t timestamp_ms = 0;
    text uuid;
};

/** What an event holds; borrows it. "" and 0 for nullptr. */
class event_ref
{
  public:
    event_ref(const optly_user_event *event) noexcept : event_(event)
    {
    }
    std::string_view uuid() const noexcept
    {
        return detail::view(optly_user_event_uuid(event_));
    }
    std::string_view visitor_id() const noexcept
    {
        return detail::view(optly_user_event_visitor_id(event_));
    }
    std::string_view key() const noexcept
    {
        return detail::view(optly_user_event_key(event_));
    }
    std::string_view entity_id() const noexcept
    {
        return detail::view(optly_user_event_entity_id(event_));
    }
    /** The visitor object as it will be sent. */
    std::string_view json() const noexcept
    {
        const char *text = optly_user_event_json(event_);

        return text == nullptr
                   ? std::string_view()
                   : std::string_view(text, optly_user_event_json_len(event_));
    }
    /** The bytes that it counts for in a queue. */
    std::size_t size() const noexcept
    {
        return optly_user_event_size(event_);
    }
    std::int64_t timestamp_ms() const noexcept
    {
        return optly_user_event_timestamp_ms(event_);
    }
    bool is_impression() const noexcept
    {
        return optly_user_event_is_impression(event_);
    }
    optly_event_context context() const noexcept
    {
        return optly_user_event_context(event_);
    }
    /** The bytes needed; writes them if they fit. */
    std::size_t save(span<std::byte> buffer) const noexcept
    {
        return optly_user_event_save(event_, buffer.data(), buffer.size());
    }
    const optly_user_event *get() const noexcept
    {
        return event_;
    }

  private:
    const optly_user_event *event_;
};

/** A finished event, owned until a processor or a queue takes it. */
class user_event
{
  public:
    user_event() noexcept = default;
    /** Takes over an event of C's. */
    explicit user_event(optly_user_event *taken) noexcept : handle_(taken)
    {
    }
    static result<user_event> restore(span<const std::byte> bytes) noexcept
    {
        optly_error error = detail::no_error();
        optly_user_event *made = nullptr;
        optly_status code =
            optly_user_event_restore(&made, bytes.data(), bytes.size(), &error);

        return detail::make_result(code, user_event(made), error);
    }
    /** What it holds: `event->uuid()`. */
    event_ref operator*() const noexcept
    {
        return get();
    }
    struct arrow {
        event_ref event;
        const event_ref *operator->() const noexcept
        {
            return &event;
        }
    };
    arrow operator->() const noexcept
    {
        return {get()};
    }
    operator event_ref() const noexcept
    {
        return get();
    }
    optly_user_event *get() const noexcept
    {
        return handle_.get();
    }
    optly_user_event *release() noexcept
    {
        return handle_.release();
    }
    explicit operator bool() const noexcept
    {
        return static_cast<bool>(handle_);
    }

  private:
    detail::handle<optly_user_event, optly_user_event_destroy> handle_;
};

/** The strings are valid until the project's last reference is gone. */
inline optly_event_context create_event_context(const project &project) noexcept
{
    return optly_create_event_context(project.get());
}

namespace detail
{

inline optly_user to_c(scratch &scratch, const user &user) noexcept
{
    return {scratch.c_str(user.id, "user.id"),
            scratch.pairs(user.attributes, "user.attributes"),
            user.attributes.size()};
}

} // namespace detail

/** No value and `skipped()` when no impression is due. */
inline result<user_event>
create_impression(const project &project, const user &user,
                  const impression &impression) noexcept
{
    detail::scratch scratch;
    optly_impression plain = optly_impression_default();
    optly_user who = detail::to_c(scratch, user);
    optly_user_event *made = nullptr;

    plain.experiment = impression.experiment;
    plain.variation = impression.variation;
    plain.flag_key = scratch.c_str(impression.flag_key, "flag_key");
    plain.rule_key = scratch.c_str(impression.rule_key, "rule_key");
    plain.rule_type = scratch.c_str(impression.rule_type, "rule_type");
    plain.cmab_uuid = scratch.c_str(impression.cmab_uuid, "cmab_uuid");
    plain.timestamp_ms = impression.timestamp_ms;
    plain.uuid = scratch.c_str(impression.uuid, "uuid");
    plain.enabled = impression.enabled;
    if (scratch.failed())
        return *scratch.error();
    optly_status code = optly_create_impression(&made, project.get(), &who,
                                                &plain, scratch.error());
    return detail::make_result(code, user_event(made), *scratch.error());
}

inline result<user_event>
create_conversion(const project &project, const user &user,
                  const conversion &conversion) noexcept
{
    detail::scratch scratch;
    optly_conversion plain = optly_conversion_default();
    optly_user who = detail::to_c(scratch, user);
    optly_user_event *made = nullptr;

    plain.event_key = scratch.c_str(conversion.event_key, "event_key");
    plain.tags = scratch.pairs(conversion.tags, "tags");
    plain.tag_count = conversion.tags.size();
    plain.timestamp_ms = conversion.timestamp_ms;
    plain.uuid = scratch.c_str(conversion.uuid, "uuid");
    if (scratch.failed())
        return *scratch.error();
    optly_status code = optly_create_conversion(&made, project.get(), &who,
                                                &plain, scratch.error());
    return detail::make_result(code, user_event(made), *scratch.error());
}

} // namespace optly

#endif
