// Runs a piece of a test in a process of its own: what it does to itself (ids, namespaces, limits, filters) ends with it.
//
// Assertions do not cross a fork: the child fills a trivially copyable struct, the parent asserts on it.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace casemate::test {

// Text in a struct that crosses the pipe; cut when too long.
template <size_t Size>
struct FixedText {
    char bytes[Size] = {};
    FixedText& operator=(std::string_view text) {
        const size_t length = text.size() < Size - 1 ? text.size() : Size - 1;
        std::memcpy(bytes, text.data(), length);
        bytes[length] = '\0';
        return *this;
    }
    std::string str() const { return bytes; }
    bool contains(std::string_view part) const { return std::string_view(bytes).find(part) != std::string_view::npos; }
};
using Text = FixedText<1024>;

// Forks, unshares `namespaces` (CLONE_NEW*, or 0), calls `act` with `size` zeroed bytes to fill, and gives them to the
// parent. False when the child died, or took longer than 60 s: it is killed then. All signals are as in the parent.
bool run_in_child(int namespaces, const std::function<void(void*)>& act, void* out, size_t size);

template <typename T, typename Act>
std::optional<T> in_child(Act act, int namespaces = 0) {
    static_assert(std::is_trivially_copyable_v<T>, "what crosses the pipe is bytes");
    T value{};
    const bool came = run_in_child(namespaces, [&](void* out) {
        T result{};
        act(result);
        std::memcpy(out, static_cast<const void*>(&result), sizeof result);
    }, &value, sizeof value);
    if (!came) return std::nullopt;
    return value;
}

enum class Need { root, userns, landlock, mdwe, sys_resource };
// Does this machine have it? If not, prints "SKIP: needs NAME", which ctest counts as a skipped test; the test then returns.
[[nodiscard]] bool needs(Need need);

// Becomes an unprivileged user for good: no groups, no capabilities, yet dumpable, as a login shell is.
bool become_user(unsigned uid);
constexpr unsigned plain_user = 65533;

}  // namespace casemate::test
