#include "cgroup/names.h"

#include "base/text.h"

namespace casemate::cgroup {
namespace {

constexpr size_t component_max = 255, components_max = 32, list_max = 4096;
constexpr uint32_t number_max = 65535;

bool has_control(std::string_view text) {
    for (const char byte : text)
        if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) return true;
    return false;
}

}  // namespace

Result<std::vector<std::string>> path_components(std::string_view path) {
    const auto refused = [&](std::string_view why) {
        return Error::invalid(concat("cgroup path ", quoted(path.substr(0, 300)), ": ", why));
    };
    std::vector<std::string> components;
    for (const std::string_view part : split(path, '/')) {
        if (part.empty()) continue;
        if (part == "." || part == "..") return refused("'.' and '..' are not allowed");
        if (part.size() > component_max) return refused("a component is longer than 255 bytes");
        if (has_control(part)) return refused("a control character");
        if (components.size() == components_max) return refused("more than 32 components");
        components.emplace_back(part);
    }
    if (components.empty()) return refused("names the root of the hierarchy");
    return components;
}

Result<uint32_t> check_number_list(std::string_view text) {
    const auto refused = [&](std::string_view why) {
        return Error::invalid(concat("list ", quoted(text.substr(0, 64)), ": ", why));
    };
    if (text.size() > list_max) return refused("longer than 4096 bytes");
    uint32_t count = 0;
    for (const std::string_view part : split(text, ',')) {
        const size_t dash = part.find('-');
        const auto first = parse_decimal(part.substr(0, dash), number_max);
        const auto last = dash == std::string_view::npos ? first : parse_decimal(part.substr(dash + 1), number_max);
        if (!first || !last) return refused("not numbers up to 65535 and ranges of them");
        if (*last < *first) return refused("a range that goes down");
        count += static_cast<uint32_t>(*last - *first) + 1;
    }
    return count;
}

std::string_view controller_of(std::string_view file) {
    const std::string_view controller = file.substr(0, file.find('.'));
    return controller == "cgroup" ? std::string_view() : controller;
}

Result<void> check_unified_file(std::string_view file) {
    const auto refused = [&](std::string_view why) {
        return Error::invalid(concat("unified ", quoted(file.substr(0, 64)), ": ", why));
    };
    if (file.empty() || file.size() > component_max || has_control(file) || file.find('/') != std::string_view::npos)
        return refused("not the name of a file");
    const size_t dot = file.find('.');
    if (dot == 0 || dot == std::string_view::npos || dot + 1 == file.size()) return refused("not CONTROLLER.FILE");
    if (controller_of(file).empty() && file != "cgroup.max.depth" && file != "cgroup.max.descendants" &&
        file != "cgroup.pressure")
        return refused("moves or stops processes; it is not a limit");
    return {};
}

}  // namespace casemate::cgroup
