#include "audit/network_tables.h"

#include <optional>
#include <utility>

#include "base/text.h"

namespace casemate::audit {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (const std::string_view word : split(line, ' '))
        for (const std::string_view part : split(word, '\t'))
            if (!part.empty()) words.push_back(part);
    return words;
}

std::optional<uint64_t> hexadecimal(std::string_view text) {
    if (text.empty() || text.size() > 16) return std::nullopt;
    uint64_t value = 0;
    for (const char c : text) {
        const bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'F', lower = c >= 'a' && c <= 'f';
        if (!digit && !upper && !lower) return std::nullopt;
        value = value << 4 | static_cast<uint64_t>(digit ? c - '0' : upper ? c - 'A' + 10 : c - 'a' + 10);
    }
    return value;
}

bool all_zero(std::string_view text) { return !text.empty() && text.find_first_not_of('0') == std::string_view::npos; }

}  // namespace

Result<std::vector<OpenPort>> parse_open_ports(std::string_view table, bool udp) {
    std::vector<OpenPort> ports;
    bool header = true;
    for (const std::string_view line : split(table, '\n')) {
        const auto words = words_of(line);
        if (std::exchange(header, false) || words.empty()) continue;
        // sl local rem st tx:rx tr:tm retrnsmt uid timeout inode
        if (words.size() < 10) return Error::invalid("a short line");
        const size_t colon = words[1].find(':');
        const auto port = hexadecimal(colon == std::string_view::npos ? std::string_view() : words[1].substr(colon + 1));
        const auto state = hexadecimal(words[3]);
        const auto inode = parse_decimal(words[9]);
        if (!port || *port > 65535 || !state || !inode) return Error::invalid("a line that is no socket");
        constexpr uint64_t listening = 10, unconnected = 7;
        if (*state == (udp ? unconnected : listening))
            ports.push_back({static_cast<uint16_t>(*port), all_zero(words[1].substr(0, colon)), *inode});
    }
    return ports;
}

bool has_default_route(std::string_view table, bool v6) {
    for (const std::string_view line : split(table, '\n')) {
        const auto words = words_of(line);
        // Iface Destination Gateway Flags RefCnt Use Metric Mask ... / destination prefix ... iface
        if (!v6 && words.size() >= 8 && words[0] != "lo" && words[0] != "Iface" && all_zero(words[1]) && all_zero(words[7]))
            return true;
        if (v6 && words.size() >= 10 && words[9] != "lo" && all_zero(words[0]) && all_zero(words[1])) return true;
    }
    return false;
}

}  // namespace casemate::audit
