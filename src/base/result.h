// Result, Error and TRY: how every room reports failure.
//
// Why our own: std::expected needs C++23 and clang 14 has none. An Error is an errno value and a chain of context,
// outermost first, for example `create 'web': phase mounts: '/proc': fsmount: Operation not permitted (EPERM)`.
// Both types are [[nodiscard]]: a restriction that could not be applied cannot be overlooked (ARCHITECTURE, rule 1).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace casemate {

// One pointer, and nothing of it inline: the path of a launch that succeeds has hundreds of places where it could fail.
class [[nodiscard]] Error {
public:
    Error(Error&&) noexcept = default;
    Error& operator=(Error&&) noexcept = default;
    [[gnu::cold]] Error(const Error& other);
    [[gnu::cold]] Error& operator=(const Error& other);
    ~Error() = default;

    // A failed system call. Reads errno first of all: building the text may change it.
    [[gnu::cold]] static Error sys(std::string_view call);
    // The same with a saved errno value. `call` is the call's name, with its object where one is known.
    [[gnu::cold]] static Error from_errno(int value, std::string_view call);
    // A failure that no errno describes: bad input, a broken rule.
    [[gnu::cold]] static Error invalid(std::string text);
    // As `invalid`, with an errno value that callers may test.
    [[gnu::cold]] static Error with_code(int code, std::string text);

    // Puts `where` in front: "where: text".
    [[gnu::cold]] Error within(std::string_view where) &&;
    // A remedy, printed on its own line after "hint: ". The innermost hint stays.
    [[gnu::cold]] Error hint(std::string text) &&;
    // The process exit code that this error asks for: 125 unless said (126 cannot execute, 127 not found).
    [[gnu::cold]] Error exit_with(int code) &&;

    // Of an error that was moved from: EINVAL.
    int code() const;
    int exit_code() const;
    const std::string& text() const;
    const std::string& hint_text() const;

private:
    struct What;
    struct Forget {
        [[gnu::cold]] void operator()(What* what) const;
    };
    Error(int code, std::string text);
    const What& what() const;
    std::unique_ptr<What, Forget> what_;  // null: moved from
};

// "EPERM" for EPERM; a decimal number for a value without a name.
std::string errno_name(int value);

template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    T& value() { return *std::get_if<0>(&state_); }
    const T& value() const { return *std::get_if<0>(&state_); }
    const Error& error() const { return *std::get_if<1>(&state_); }
    T take() && { return std::move(*std::get_if<0>(&state_)); }
    Error take_error() && { return std::move(*std::get_if<1>(&state_)); }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return error_.index() == 0; }
    const Error& error() const { return *std::get_if<1>(&error_); }
    void take() && {}
    Error take_error() && { return std::move(*std::get_if<1>(&error_)); }

private:
    std::variant<std::monostate, Error> error_;
};

// Yields the value, or leaves the function with the error. A statement expression (GCC, Clang); never nested.
#define TRY(expr)                                                           \
    __extension__({                                                         \
        auto casemate_try = (expr);                                         \
        if (!casemate_try) return std::move(casemate_try).take_error();     \
        std::move(casemate_try).take();                                     \
    })

// TRY that adds context: TRY_IN("'/proc'", mount_proc()).
#define TRY_IN(where, expr)                                                                     \
    __extension__({                                                                             \
        auto casemate_try = (expr);                                                             \
        if (!casemate_try) return std::move(casemate_try).take_error().within(where);           \
        std::move(casemate_try).take();                                                         \
    })

}  // namespace casemate
