// Result, Error and TRY: how every room reports failure.
//
// Why our own: std::expected needs C++23 and clang 14 has none. An Error is an errno value and a chain of context,
// outermost first, for example `create 'web': phase mounts: '/proc': fsmount: Operation not permitted (EPERM)`.
// Both types are [[nodiscard]]: a restriction that could not be applied cannot be overlooked (ARCHITECTURE, rule 1).
#pragma once

#include <cerrno>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace casemate {

class [[nodiscard]] Error {
public:
    // A failed system call. Reads errno first of all: building the text may change it.
    static Error sys(std::string_view call) {
        const int saved = errno;
        return from_errno(saved, call);
    }
    // The same with a saved errno value. `call` is the call's name, with its object where one is known.
    static Error from_errno(int value, std::string_view call);
    // A failure that no errno describes: bad input, a broken rule.
    static Error invalid(std::string text) { return Error(EINVAL, std::move(text)); }
    // As `invalid`, with an errno value that callers may test.
    static Error with_code(int code, std::string text) { return Error(code, std::move(text)); }

    // Puts `where` in front: "where: text".
    Error within(std::string_view where) &&;
    // A remedy, printed on its own line after "hint: ". The innermost hint stays.
    Error hint(std::string text) &&;
    // The process exit code that this error asks for: 125 unless said (126 cannot execute, 127 not found).
    Error exit_with(int code) &&;

    int code() const { return code_; }
    int exit_code() const { return exit_code_; }
    const std::string& text() const { return text_; }
    const std::string& hint_text() const { return hint_; }

private:
    Error(int code, std::string text) : code_(code), text_(std::move(text)) {}
    int code_;
    int exit_code_ = 125;
    std::string text_;
    std::string hint_;
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
