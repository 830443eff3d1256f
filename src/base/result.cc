#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace casemate {

std::string errno_name(int value) {
    const char* name = ::strerrorname_np(value);
    return name ? std::string(name) : std::to_string(value);
}

struct Error::What {
    int code = EINVAL;
    int exit_code = 125;
    std::string text;
    std::string hint;
};

void Error::Forget::operator()(What* what) const { delete what; }

Error::Error(int code, std::string text) : what_(new What{code, 125, std::move(text), {}}) {}
Error::Error(const Error& other) : what_(new What(other.what())) {}
Error& Error::operator=(const Error& other) {
    if (this != &other) what_.reset(new What(other.what()));
    return *this;
}

Error Error::sys(std::string_view call) {
    const int saved = errno;
    return from_errno(saved, call);
}

Error Error::from_errno(int value, std::string_view call) {
    const char* description = ::strerrordesc_np(value);
    std::string text(call);
    text += ": ";
    text += description ? description : "unknown error";
    text += " (" + errno_name(value) + ")";
    return Error(value, std::move(text));
}

Error Error::invalid(std::string text) { return Error(EINVAL, std::move(text)); }
Error Error::with_code(int code, std::string text) { return Error(code, std::move(text)); }

Error Error::within(std::string_view where) && {
    what_->text.insert(0, ": ");
    what_->text.insert(0, where);
    return std::move(*this);
}

Error Error::hint(std::string text) && {
    if (what_->hint.empty()) what_->hint = std::move(text);
    return std::move(*this);
}

Error Error::exit_with(int code) && {
    what_->exit_code = code;
    return std::move(*this);
}

const Error::What& Error::what() const {
    static const What handed_on{EINVAL, 125, "an error that was handed on", {}};
    return what_ ? *what_ : handed_on;
}

int Error::code() const { return what().code; }
int Error::exit_code() const { return what().exit_code; }
const std::string& Error::text() const { return what().text; }
const std::string& Error::hint_text() const { return what().hint; }

}  // namespace casemate
