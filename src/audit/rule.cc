#include "audit/rule.h"

namespace casemate::audit {

std::string_view level_name(Level level) {
    static constexpr std::string_view names[] = {"info", "warn", "fatal"};
    return names[static_cast<size_t>(level)];
}

std::vector<const Rule*> catalogue() {
    std::vector<const Rule*> all;
    for (const auto part : {image_catalogue(), tree_catalogue(), bundle_catalogue(), host_catalogue()})
        for (const Rule& rule : part) all.push_back(&rule);
    return all;
}

const Rule* find_rule(std::string_view id) {
    for (const auto part : {image_catalogue(), tree_catalogue(), bundle_catalogue(), host_catalogue()})
        for (const Rule& rule : part)
            if (rule.id == id) return &rule;
    return nullptr;
}

}  // namespace casemate::audit
