/* What calls of the C++ interface return, without exceptions. */
#ifndef OPTLY_CPP_RESULT_HPP
#define OPTLY_CPP_RESULT_HPP

#include <cassert>
#include <cstring>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include <optly/status.h>

namespace optly
{

/** The answer of a call that gives nothing back. True: OPTLY_OK. */
class [[nodiscard]] status
{
  public:
    constexpr status(optly_status code = OPTLY_OK) noexcept : code_(code)
    {
    }
    constexpr explicit operator bool() const noexcept
    {
        return code_ == OPTLY_OK;
    }
    constexpr optly_status code() const noexcept
    {
        return code_;
    }
    /** A short English text, valid for ever. */
    const char *text() const noexcept
    {
        return optly_status_text(code_);
    }
    friend constexpr bool operator==(status a, status b) noexcept
    {
        return a.code_ == b.code_;
    }
    friend constexpr bool operator!=(status a, status b) noexcept
    {
        return a.code_ != b.code_;
    }

  private:
    optly_status code_;
};

#if defined(__cpp_exceptions)
/** Thrown by result::value_or_throw alone. */
class exception : public std::exception
{
  public:
    explicit exception(const optly_error &error) noexcept : error_(error)
    {
    }
    const char *what() const noexcept override
    {
        return error_.message;
    }
    optly::status status() const noexcept
    {
        return error_.status;
    }

  private:
    optly_error error_;
};
#endif

/**
 * A value, or why there is none. True: there is a value. The space of the
 * error is not written to while all goes well.
 *
 * OPTLY_SKIPPED of create_impression is no value either; see `skipped`.
 */
template <class T> class [[nodiscard]] result
{
    static_assert(std::is_nothrow_move_constructible_v<T>);

  public:
    result(T &&value) noexcept : value_(std::move(value)), has_value_(true)
    {
    }
    result(const optly_error &error) noexcept : error_(error), has_value_(false)
    {
    }
    /** `code` is not OPTLY_OK; the message is its text. */
    result(optly_status code) noexcept : error_(), has_value_(false)
    {
        error_.status = code;
        std::strncpy(error_.message, optly_status_text(code),
                     sizeof(error_.message) - 1);
    }
    result(result &&from) noexcept : has_value_(from.has_value_)
    {
        if (has_value_)
            new (&value_) T(std::move(from.value_));
        else
            new (&error_) optly_error(from.error_);
    }
    result &operator=(result &&from) noexcept
    {
        if (this != &from) {
            this->~result();
            new (this) result(std::move(from));
        }
        return *this;
    }
    result(const result &) = delete;
    result &operator=(const result &) = delete;
    ~result()
    {
        if (has_value_)
            value_.~T();
    }

    explicit operator bool() const noexcept
    {
        return has_value_;
    }
    bool has_value() const noexcept
    {
        return has_value_;
    }
    /** Not an error: no event is due. */
    bool skipped() const noexcept
    {
        return status() == OPTLY_SKIPPED;
    }
    optly::status status() const noexcept
    {
        return has_value_ ? OPTLY_OK : error_.status;
    }
    /** Names the field and the limit; "" beside a value. */
    const char *message() const noexcept
    {
        return has_value_ ? "" : error_.message;
    }

    /** Without a value, ends the program by std::terminate. */
    T &value() &noexcept
    {
        need_value();
        return value_;
    }
    const T &value() const &noexcept
    {
        need_value();
        return value_;
    }
    T &&value() &&noexcept
    {
        need_value();
        return std::move(value_);
    }
    /** Without a value, undefined; an assert in debug builds. */
    T &operator*() &noexcept
    {
        assert(has_value_);
        return value_;
    }
    const T &operator*() const &noexcept
    {
        assert(has_value_);
        return value_;
    }
    T &&operator*() &&noexcept
    {
        assert(has_value_);
        return std::move(value_);
    }
    T *operator->() noexcept
    {
        assert(has_value_);
        return &value_;
    }
    const T *operator->() const noexcept
    {
        assert(has_value_);
        return &value_;
    }
#if defined(__cpp_exceptions)
    /** For those who like exceptions: the value, or throws optly::exception. */
    T value_or_throw() &&
    {
        if (!has_value_)
            throw exception(error_);
        return std::move(value_);
    }
#endif

  private:
    void need_value() const noexcept
    {
        if (!has_value_)
            std::terminate();
    }

    union {
        T value_;
        optly_error error_;
    };
    bool has_value_;
};

namespace detail
{

/** Owns a C handle. */
template <class T, void (*Destroy)(T *)> class handle
{
  public:
    explicit handle(T *object = nullptr) noexcept : object_(object)
    {
    }
    handle(handle &&from) noexcept : object_(from.release())
    {
    }
    handle &operator=(handle &&from) noexcept
    {
        if (this != &from) {
            Destroy(object_);
            object_ = from.release();
        }
        return *this;
    }
    ~handle()
    {
        Destroy(object_);
    }
    /** The C handle; still owned here. */
    T *get() const noexcept
    {
        return object_;
    }
    /** Gives the C handle away. */
    T *release() noexcept
    {
        return std::exchange(object_, nullptr);
    }
    /** False once moved from or released. */
    explicit operator bool() const noexcept
    {
        return object_ != nullptr;
    }

  private:
    T *object_;
};

/** An error for a C call to fill in. */
inline optly_error no_error() noexcept
{
    optly_error error;

    error.status = OPTLY_OK;
    error.message[0] = '\0';
    return error;
}

/** The result of a C constructor. */
template <class T>
result<T> make_result(optly_status code, T &&value,
                      const optly_error &error) noexcept
{
    if (code == OPTLY_OK)
        return result<T>(std::move(value));
    if (error.status != code)
        return result<T>(code);
    return result<T>(error);
}

} // namespace detail
} // namespace optly

#endif
