/* What the C++ interface takes: spans, texts, and pairs of key and value. */
#ifndef OPTLY_CPP_SPAN_HPP
#define OPTLY_CPP_SPAN_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#if defined(__has_include)
#if __cplusplus >= 202002L && __has_include(<span>)
#include <span>
#endif
#endif

#include <optly/value.h>

namespace optly
{

#if defined(__cpp_lib_span)
/** std::span from C++20 on, a small one of the same use before. */
template <class T> using span = std::span<T>;
#else
/** A view of an array; std::span from C++20 on. */
template <class T> class span
{
    template <class C>
    using if_container = std::enable_if_t<std::is_convertible_v<
        std::remove_pointer_t<decltype(std::data(std::declval<C &>()))> (*)[],
        T (*)[]>>;

  public:
    constexpr span() noexcept = default;
    constexpr span(T *data, std::size_t size) noexcept
        : data_(data), size_(size)
    {
    }
    template <class C, class = if_container<C>>
    constexpr span(C &container) noexcept
        : data_(std::data(container)), size_(std::size(container))
    {
    }
    constexpr T *data() const noexcept
    {
        return data_;
    }
    constexpr std::size_t size() const noexcept
    {
        return size_;
    }
    constexpr bool empty() const noexcept
    {
        return size_ == 0;
    }
    constexpr T *begin() const noexcept
    {
        return data_;
    }
    constexpr T *end() const noexcept
    {
        return data_ + size_;
    }
    constexpr T &operator[](std::size_t at) const noexcept
    {
        return data_[at];
    }

  private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};
#endif

namespace detail
{

template <class C> struct is_span : std::false_type {
};
#if defined(__cpp_lib_span)
template <class T, std::size_t N>
struct is_span<std::span<T, N>> : std::true_type {
};
#else
template <class T> struct is_span<span<T>> : std::true_type {
};
#endif

} // namespace detail

/**
 * A string that is passed to the library: UTF-8, borrowed during the call.
 *
 * Literals, `const char *` and std::string are NUL-terminated and are passed
 * on as they are. A std::string_view is copied once, to get its NUL. A NUL
 * within is OPTLY_ERR_INVALID. Default-constructed it is C's NULL.
 */
class text
{
  public:
    constexpr text() noexcept = default;
    constexpr text(std::nullptr_t) noexcept
    {
    }
    constexpr text(const char *string) noexcept : data_(string)
    {
    }
    text(const std::string &string) noexcept
        : data_(string.c_str()), size_(string.size())
    {
    }
    constexpr text(std::string_view string) noexcept
        : data_(string.data() != nullptr ? string.data() : ""),
          size_(string.size()), terminated_(false)
    {
    }
    constexpr const char *data() const noexcept
    {
        return data_;
    }
    /** `unknown` for what came as a pointer. */
    constexpr std::size_t size() const noexcept
    {
        return size_;
    }
    constexpr bool is_terminated() const noexcept
    {
        return terminated_;
    }

    static constexpr std::size_t unknown =
        std::numeric_limits<std::size_t>::max();

  private:
    const char *data_ = nullptr;
    std::size_t size_ = unknown;
    bool terminated_ = true;
};

/** JSON text as the value of a tag: one object or array. */
struct json {
    text value;
};

/** A key and its value: null, bool, any number, text, or json. */
class pair
{
    template <class T>
    static constexpr bool is_integer =
        std::is_integral_v<T> && !std::is_same_v<T, bool>;

  public:
    constexpr pair(text key, std::nullptr_t) noexcept : key_(key)
    {
    }
    template <class T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
    constexpr pair(text key, T value) noexcept : key_(key), type_(OPTLY_BOOL)
    {
        boolean_ = value;
    }
    /** Beyond the range of int64_t it is a double, as it would be in JSON. */
    template <class T, std::enable_if_t<is_integer<T>, int> = 0>
    constexpr pair(text key, T value) noexcept : key_(key), type_(OPTLY_INT64)
    {
        if constexpr (std::is_unsigned_v<T> &&
                      sizeof(T) >= sizeof(std::int64_t)) {
            if (value >
                static_cast<T>(std::numeric_limits<std::int64_t>::max())) {
                type_ = OPTLY_DOUBLE;
                number_ = static_cast<double>(value);
                return;
            }
        }
        integer_ = static_cast<std::int64_t>(value);
    }
    template <class T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0>
    constexpr pair(text key, T value) noexcept : key_(key), type_(OPTLY_DOUBLE)
    {
        number_ = static_cast<double>(value);
    }
    template <class T,
              std::enable_if_t<std::is_convertible_v<const T &, text> &&
                                   !std::is_same_v<T, std::nullptr_t>,
                               int> = 0>
    constexpr pair(text key, const T &value) noexcept
        : key_(key), text_(value), type_(OPTLY_STRING)
    {
    }
    constexpr pair(text key, json value) noexcept
        : key_(key), text_(value.value), type_(OPTLY_JSON)
    {
    }

    constexpr text key() const noexcept
    {
        return key_;
    }
    /** The text of a string or of json. */
    constexpr text string() const noexcept
    {
        return text_;
    }
    /** The value as C has it; its text is for the caller to fill in. */
    constexpr optly_value value() const noexcept
    {
        optly_value value = {type_, {}};

        if (type_ == OPTLY_BOOL)
            value.as.boolean = boolean_;
        else if (type_ == OPTLY_DOUBLE)
            value.as.number = number_;
        else
            value.as.integer = integer_;
        return value;
    }

  private:
    text key_, text_;
    std::int64_t integer_ = 0;
    double number_ = 0;
    bool boolean_ = false;
    optly_value_type type_ = OPTLY_NULL;
};

/**
 * A view of pairs: an array, std::array, std::vector or span of `pair`, or of
 * C's `optly_pair`, which is passed on as it is. It has to outlive the view,
 * so temporaries are not taken.
 */
class pair_list
{
    template <class C>
    using element = std::remove_cv_t<
        std::remove_pointer_t<decltype(std::data(std::declval<C &>()))>>;
    template <class C>
    using if_pairs = std::enable_if_t<std::is_same_v<element<C>, pair> ||
                                      std::is_same_v<element<C>, optly_pair>>;

  public:
    constexpr pair_list() noexcept = default;
    template <class C, class = if_pairs<C>>
    constexpr pair_list(C &container) noexcept : size_(std::size(container))
    {
        if constexpr (std::is_same_v<element<C>, pair>)
            pairs_ = std::data(container);
        else
            plain_ = std::data(container);
    }
    template <class C, class = if_pairs<C>,
              std::enable_if_t<!std::is_reference_v<C> &&
                                   !detail::is_span<std::decay_t<C>>::value,
                               int> = 0>
    pair_list(C &&temporary) = delete;
    constexpr pair_list(span<const pair> pairs) noexcept
        : pairs_(pairs.data()), size_(pairs.size())
    {
    }
    constexpr pair_list(span<const optly_pair> pairs) noexcept
        : plain_(pairs.data()), size_(pairs.size())
    {
    }
    constexpr std::size_t size() const noexcept
    {
        return size_;
    }
    constexpr const pair *pairs() const noexcept
    {
        return pairs_;
    }
    constexpr const optly_pair *plain() const noexcept
    {
        return plain_;
    }

  private:
    const pair *pairs_ = nullptr;
    const optly_pair *plain_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace optly

#endif
