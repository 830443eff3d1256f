#include "policy/units.h"

#include <cmath>

#include "base/text.h"

namespace casemate::policy {
namespace {

struct Unit {
    std::string_view name;
    uint64_t factor;
};
// Largest first: the printers take the first that divides.
constexpr Unit sizes[] = {{"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}};
constexpr Unit times[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};

std::optional<uint64_t> with_unit(std::string_view text, std::span<const Unit> units) {
    const size_t digits = text.find_first_not_of("0123456789");
    if (digits == std::string_view::npos) return std::nullopt;
    const auto number = parse_decimal(text.substr(0, digits));
    for (const Unit& unit : units) {
        uint64_t value = 0;
        if (number && text.substr(digits) == unit.name && !__builtin_mul_overflow(*number, unit.factor, &value))
            return value;
    }
    return std::nullopt;
}

std::string shortest(uint64_t value, std::span<const Unit> units) {
    for (const Unit& unit : units)
        if (value != 0 && value % unit.factor == 0) return concat(value / unit.factor, unit.name);
    return concat(value);
}

// "64MB", "64M", "64Mi": the nearest right spelling.
std::string size_hint(std::string_view text) {
    const size_t digits = text.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) return {};
    const char letter = text[digits] & ~0x20;
    if (std::string_view("KMGT").find(letter) == std::string_view::npos) return {};
    return concat("; did you mean '", text.substr(0, digits), letter, "iB'?");
}

}  // namespace

std::optional<uint64_t> parse_size(const At& at, const json::Value& value) {
    if (value.is_integer() && !value.negative()) return value.unsigned_integer();
    if (value.is_integer()) return at.fail("a size is not negative");
    if (!value.is_string()) return at.expected("a size in bytes, or a string such as \"64MiB\"", value);
    const auto size = with_unit(value.string(), sizes);
    if (!size) return at.fail(concat(quoted(value.string()), " is not a size", size_hint(value.string())));
    return size;
}

std::optional<uint64_t> parse_time(const At& at, const json::Value& value) {
    if (!value.is_string()) return at.fail("expected a time with its unit, such as \"60s\"");
    const auto time = with_unit(value.string(), times);
    if (!time) return at.fail(concat(quoted(value.string()), " is not a time; write digits and one of ms, s, m, h, d"));
    return time;
}

std::optional<uint64_t> parse_cpu(const At& at, const json::Value& value) {
    constexpr uint64_t most = 1'000'000;  // CPUs
    if (value.kind() == json::Kind::real && value.real() > 0 && value.real() < most)
        return at.fail(concat("fractions are not accepted; write \"", std::lround(value.real() * 1000), "m\""));
    if (value.is_integer()) {
        const auto cpus = at.integer(value, 1, most);
        return cpus ? std::optional(static_cast<uint64_t>(*cpus) * 1000) : std::nullopt;
    }
    if (!value.is_string()) return at.expected("a number of CPUs, or a string such as \"1500m\"", value);
    const std::string_view text = value.string();
    const auto milli = text.ends_with('m') ? parse_decimal(text.substr(0, text.size() - 1), most * 1000) : std::nullopt;
    if (!milli || *milli == 0) return at.fail(concat(quoted(text), " is not a number of CPUs; write 2 or \"1500m\""));
    return milli;
}

std::optional<uint32_t> parse_mode(const At& at, const json::Value& value, uint32_t most) {
    const auto mode = value.string().size() == 4 ? parse_octal(value.string(), most) : std::nullopt;
    if (!mode) return at.fail("expected an octal string, such as \"0027\"");
    return mode;
}

std::optional<uint16_t> errno_by_name(std::string_view name) {
    if (name == "EWOULDBLOCK") return EAGAIN;
    if (name == "EDEADLOCK") return EDEADLK;
    if (name == "EOPNOTSUPP" || name == "ENOTSUP") return EOPNOTSUPP;
    if (!name.starts_with('E')) return std::nullopt;
    for (uint16_t value = 1; value <= EHWPOISON; ++value)
        if (errno_name(value) == name) return value;
    return std::nullopt;
}

std::optional<uint16_t> parse_errno(const At& at, const json::Value& value) {
    if (value.is_string()) {
        const auto number = errno_by_name(value.string());
        if (!number) return at.fail(concat("unknown errno ", quoted(value.string())));
        return number;
    }
    constexpr int64_t max_errno = 4095;  // include/linux/err.h
    const auto number = at.integer(value, 1, max_errno);
    return number ? std::optional(static_cast<uint16_t>(*number)) : std::nullopt;
}

std::string size_text(uint64_t bytes) { return shortest(bytes, sizes); }
std::string time_text(uint64_t milliseconds) { return milliseconds == 0 ? "0s" : shortest(milliseconds, times); }
std::string cpu_text(uint64_t thousandths) {
    return thousandths % 1000 == 0 ? concat(thousandths / 1000) : concat(thousandths, "m");
}
std::string mode_text(uint32_t mode) {
    std::string text(4, '0');
    for (size_t i = 0; i < 4; ++i) text[3 - i] = static_cast<char>('0' + ((mode >> (3 * i)) & 7));
    return text;
}

}  // namespace casemate::policy
