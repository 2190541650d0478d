/* Projects in C++: see optly/project.h for what each call does. */
#ifndef OPTLY_CPP_PROJECT_HPP
#define OPTLY_CPP_PROJECT_HPP

#include <optly/cpp/scratch.hpp>
#include <optly/project.h>

namespace optly
{

/**
 * One reference to a revision of a project. Move-only; `share` makes another
 * reference. All const members may be called by any number of threads.
 */
class project
{
  public:
    /** An empty handle: every call on it fails or gives nothing. */
    project() noexcept = default;
    /** Takes over a reference of C's. */
    explicit project(optly_project *taken) noexcept : handle_(taken)
    {
    }

    static result<project> from_datafile(std::string_view json) noexcept
    {
        optly_error error = detail::no_error();
        optly_project *made = nullptr;
        optly_status code = optly_project_from_datafile(
            &made, json.data() != nullptr ? json.data() : "", json.size(),
            &error);

        return detail::make_result(code, project(made), error);
    }

    /** Start from optly_project_config_default; its strings are copied. */
    static result<project> create(const optly_project_config &config) noexcept
    {
        optly_error error = detail::no_error();
        optly_project *made = nullptr;
        optly_status code = optly_project_create(&made, &config, &error);

        return detail::make_result(code, project(made), error);
    }

    /** One more reference, for a thread that outlives this one. */
    project share() const noexcept
    {
        return project(optly_project_retain(get()));
    }

    /** Before the first event; an empty text keeps what is there. */
    status set_client(text name, text version) noexcept
    {
        detail::scratch scratch;
        const char *c_name = scratch.c_str(name, "name");
        const char *c_version = scratch.c_str(version, "version");

        if (scratch.failed())
            return scratch.error()->status;
        return optly_project_set_client(get(), c_name, c_version);
    }

    /**
     * Before the first event: where the builders say what they leave out.
     * Calls `log(level, message)` on the threads that build. `log` is borrowed
     * and has to outlive the project and its other references.
     */
    template <class F> status set_log(F &log) noexcept
    {
        return optly_project_set_log(
            get(), &call_log<F>,
            const_cast<void *>(static_cast<const void *>(&log)));
    }

    /* What was read; valid until the last reference is gone. */

    std::string_view id() const noexcept
    {
        return detail::view(optly_project_id(get()));
    }
    std::string_view account_id() const noexcept
    {
        return detail::view(optly_project_account_id(get()));
    }
    std::string_view revision() const noexcept
    {
        return detail::view(optly_project_revision(get()));
    }
    std::string_view region() const noexcept
    {
        return detail::view(optly_project_region(get()));
    }
    std::string_view sdk_key() const noexcept
    {
        return detail::view(optly_project_sdk_key(get()));
    }
    std::string_view environment_key() const noexcept
    {
        return detail::view(optly_project_environment_key(get()));
    }
    bool anonymize_ip() const noexcept
    {
        return optly_project_anonymize_ip(get());
    }
    bool bot_filtering() const noexcept
    {
        return optly_project_bot_filtering(get());
    }
    bool send_flag_decisions() const noexcept
    {
        return optly_project_send_flag_decisions(get());
    }

    /* Look-ups by key: nullptr for an unknown one. */

    const char *attribute_id(text key) const noexcept
    {
        detail::scratch scratch;

        return optly_project_attribute_id(get(), scratch.c_str(key, "key"));
    }
    const optly_event_definition *event(text key) const noexcept
    {
        detail::scratch scratch;

        return optly_project_event(get(), scratch.c_str(key, "key"));
    }
    const optly_experiment *experiment(text key) const noexcept
    {
        detail::scratch scratch;

        return optly_project_experiment(get(), scratch.c_str(key, "key"));
    }
    const optly_variation *variation(text experiment_key,
                                     text variation_key) const noexcept
    {
        detail::scratch scratch;
        const char *experiment = scratch.c_str(experiment_key, "key");

        return optly_project_variation(get(), experiment,
                                       scratch.c_str(variation_key, "key"));
    }

    optly_project *get() const noexcept
    {
        return handle_.get();
    }
    optly_project *release() noexcept
    {
        return handle_.release();
    }
    explicit operator bool() const noexcept
    {
        return static_cast<bool>(handle_);
    }

  private:
    template <class F>
    static void call_log(optly_log_level level, const char *message,
                         void *log) noexcept
    {
        (*static_cast<F *>(log))(level, message);
    }

    detail::handle<optly_project, optly_project_destroy> handle_;
};

} // namespace optly

#endif
