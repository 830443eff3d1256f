#include "base/result.h"

#include <cstring>

namespace casemate {

std::string errno_name(int value) {
    const char* name = ::strerrorname_np(value);
    return name ? std::string(name) : std::to_string(value);
}

Error Error::from_errno(int value, std::string_view call) {
    const char* description = ::strerrordesc_np(value);
    std::string text(call);
    text += ": ";
    text += description ? description : "unknown error";
    text += " (" + errno_name(value) + ")";
    return Error(value, std::move(text));
}

Error Error::within(std::string_view where) && {
    text_.insert(0, ": ");
    text_.insert(0, where);
    return std::move(*this);
}

Error Error::hint(std::string text) && {
    if (hint_.empty()) hint_ = std::move(text);
    return std::move(*this);
}

Error Error::exit_with(int code) && {
    exit_code_ = code;
    return std::move(*this);
}

}  // namespace casemate
