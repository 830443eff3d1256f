#include "cgroup/device_rules.h"

#include <algorithm>

#include "base/text.h"

namespace casemate::cgroup {
namespace {

constexpr size_t rules_max = 512;
constexpr uint32_t major_max = (1u << 12) - 1, minor_max = (1u << 20) - 1;  // the kernel's MAJOR and MINOR

bool names_everything(const DeviceRule& rule) {
    return rule.type == 'a' && !rule.major && !rule.minor && rule.access == access::all;
}

bool covers(const std::optional<uint32_t>& outer, const std::optional<uint32_t>& inner) {
    return !outer || outer == inner;
}
bool meets(const std::optional<uint32_t>& a, const std::optional<uint32_t>& b) { return !a || !b || a == b; }

bool covers(const DeviceRule& outer, const DeviceRule& inner) {
    return outer.type == inner.type && covers(outer.major, inner.major) && covers(outer.minor, inner.minor);
}
bool meets(const DeviceRule& a, const DeviceRule& b) {
    return a.type == b.type && meets(a.major, b.major) && meets(a.minor, b.minor) && (a.access & b.access) != 0;
}

}  // namespace

std::string device_rule_text(const DeviceRule& rule) {
    const auto number = [](const std::optional<uint32_t>& value) { return value ? std::to_string(*value) : "*"; };
    std::string letters;
    if (rule.access & access::read) letters += 'r';
    if (rule.access & access::write) letters += 'w';
    if (rule.access & access::mknod) letters += 'm';
    return concat(rule.type, " ", number(rule.major), ":", number(rule.minor), " ", letters);
}

namespace {

// "All denied but" or "all allowed but".
class Exceptions {
public:
    Result<void> take(const DeviceRule& rule) {
        if (names_everything(rule)) {
            allowed_ = rule.allow;
            list_.clear();
            return {};
        }
        for (const char type : {'b', 'c'}) {
            if (rule.type != 'a' && rule.type != type) continue;
            DeviceRule part = rule;
            part.type = type;
            if (rule.allow == allowed_) {
                TRY(remove(part));
            } else {
                add(part);
            }
        }
        return {};
    }

    std::vector<DeviceLine> lines() const {
        std::vector<DeviceLine> lines = {{allowed_, "a"}};
        for (const DeviceRule& exception : list_) lines.push_back({!allowed_, device_rule_text(exception)});
        return lines;
    }

private:
    void add(const DeviceRule& part) {
        // open(2) asks for reading and writing at once, and v1 wants one exception that holds both, so a narrow one takes
        // those of a wide one. mknod is only ever asked for alone (security/device_cgroup.c).
        constexpr uint8_t opening = access::read | access::write;
        const auto take_from = [](DeviceRule& narrow, const DeviceRule& wide) {
            if (narrow.access & opening) narrow.access |= static_cast<uint8_t>(wide.access & opening);
        };
        DeviceRule added = part;
        bool is_there = false;
        for (DeviceRule& other : list_) {
            if (covers(other, part)) take_from(added, other);
            if (covers(part, other)) take_from(other, part);
            if (!covers(other, part) || !covers(part, other)) continue;
            other.access |= part.access;
            is_there = true;
        }
        if (!is_there) list_.push_back(added);
    }

    Result<void> remove(const DeviceRule& part) {
        for (DeviceRule& exception : list_) {
            if (covers(part, exception)) {
                exception.access &= static_cast<uint8_t>(~part.access);
            } else if (meets(part, exception)) {
                return Error::invalid(concat("device rules: cgroup v1 cannot take '", device_rule_text(part), "' out of '",
                                             device_rule_text(exception), "'"));
            }
        }
        std::erase_if(list_, [](const DeviceRule& exception) { return exception.access == 0; });
        return {};
    }

    bool allowed_ = false;
    std::vector<DeviceRule> list_;
};

}  // namespace

Result<void> check_device_rules(std::span<const DeviceRule> rules) {
    if (rules.size() > rules_max) return Error::invalid(concat("device rules: more than ", rules_max));
    for (const DeviceRule& rule : rules) {
        if (rule.type != 'a' && rule.type != 'b' && rule.type != 'c')
            return Error::invalid("device rules: the type is not a, b or c");
        if (rule.access == 0 || (rule.access & ~access::all) != 0)
            return Error::invalid("device rules: the access is not of r, w, m");
        if (rule.major.value_or(0) > major_max || rule.minor.value_or(0) > minor_max)
            return Error::invalid(concat("device rules: ", device_rule_text(rule), ": a number that no device can have"));
    }
    return {};
}

Result<std::vector<DeviceLine>> device_lines(std::span<const DeviceRule> rules) {
    TRY(check_device_rules(rules));
    Exceptions exceptions;
    for (const DeviceRule& rule : rules) TRY(exceptions.take(rule));
    return exceptions.lines();
}

}  // namespace casemate::cgroup
