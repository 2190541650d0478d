/* Arguments made ready for C. Not an interface of its own. */
#ifndef OPTLY_CPP_SCRATCH_HPP
#define OPTLY_CPP_SCRATCH_HPP

#include <cstdlib>
#include <cstring>

#include <optly/cpp/result.hpp>
#include <optly/cpp/span.hpp>

namespace optly
{
namespace detail
{

/**
 * Memory for one call: on the stack while it is little. A failure sticks; the
 * C call is then not made, and `error` says why.
 */
class scratch
{
  public:
    scratch() noexcept : error_(no_error())
    {
    }
    scratch(const scratch &) = delete;
    scratch &operator=(const scratch &) = delete;
    ~scratch()
    {
        while (blocks_ != nullptr)
            std::free(std::exchange(blocks_, blocks_->next));
    }

    bool failed() const noexcept
    {
        return error_.status != OPTLY_OK;
    }
    /** What failed here, or for the C call to fill in. */
    optly_error *error() noexcept
    {
        return &error_;
    }

    /** `name` is what an error calls it. */
    const char *c_str(text string, const char *name) noexcept
    {
        std::size_t size = string.size();
        const char *data = string.data();
        char *copy;

        if (data == nullptr || size == text::unknown)
            return data;
        if (std::memchr(data, '\0', size) != nullptr) {
            fail(OPTLY_ERR_INVALID, name, ": has a NUL within");
            return nullptr;
        }
        if (string.is_terminated())
            return data;
        copy = static_cast<char *>(take(size + 1));
        if (copy == nullptr)
            return nullptr;
        std::memcpy(copy, data, size);
        copy[size] = '\0';
        return copy;
    }

    const optly_pair *pairs(pair_list list, const char *name) noexcept
    {
        optly_pair *plain;

        if (list.pairs() == nullptr || list.size() == 0)
            return list.plain();
        if (list.size() > most_pairs) {
            fail(OPTLY_ERR_TOO_LARGE, name, ": more than 1000");
            return nullptr;
        }
        plain =
            static_cast<optly_pair *>(take(list.size() * sizeof(optly_pair)));
        for (std::size_t i = 0; plain != nullptr && i < list.size(); i++) {
            const pair &from = list.pairs()[i];

            plain[i].key = c_str(from.key(), name);
            plain[i].value = from.value();
            if (plain[i].value.type == OPTLY_STRING ||
                plain[i].value.type == OPTLY_JSON)
                plain[i].value.as.text = c_str(from.string(), name);
        }
        return plain;
    }

  private:
    /* The library's own limit; beyond it, the array would not be read. */
    static constexpr std::size_t most_pairs = 1000;

    struct block {
        block *next;
        std::max_align_t start;
    };

    void fail(optly_status code, const char *name, const char *what) noexcept
    {
        if (failed())
            return;
        error_.status = code;
        std::strncpy(error_.message, name, sizeof(error_.message) - 32);
        error_.message[sizeof(error_.message) - 32] = '\0';
        std::strncat(error_.message, what, 31);
    }

    void *take(std::size_t size) noexcept
    {
        constexpr std::size_t align = alignof(std::max_align_t);
        std::size_t rounded = (size + align - 1) / align * align;
        block *more;

        if (rounded <= sizeof(local_) - used_) {
            used_ += rounded;
            return local_ + used_ - rounded;
        }
        more = static_cast<block *>(std::malloc(sizeof(block) + size));
        if (more == nullptr) {
            fail(OPTLY_ERR_NO_MEMORY, "out of memory", "");
            return nullptr;
        }
        more->next = blocks_;
        blocks_ = more;
        return &more->start;
    }

    alignas(std::max_align_t) unsigned char local_[1024];
    std::size_t used_ = 0;
    block *blocks_ = nullptr;
    optly_error error_;
};

/** An object on the heap; nullptr when there is no memory. */
template <class T, class... Arguments> T *create(Arguments &&...arguments)
{
    if constexpr (std::is_constructible_v<T, Arguments...>)
        return new (std::nothrow) T(std::forward<Arguments>(arguments)...);
    else /* an aggregate */
        return new (std::nothrow) T{std::forward<Arguments>(arguments)...};
}

/** A string of C's as a view; "" for NULL. */
inline std::string_view view(const char *string) noexcept
{
    return string != nullptr ? std::string_view(string) : std::string_view();
}

} // namespace detail
} // namespace optly

#endif
