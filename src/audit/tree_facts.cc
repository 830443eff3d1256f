#include "audit/tree_facts.h"

#include <algorithm>

#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr int max_links = 40;  // MAXSYMLINKS

}  // namespace

const TreeEntry* TreeFacts::find(std::string_view path) const {
    const auto found = std::ranges::lower_bound(entries, path, {}, &TreeEntry::path);
    return found != entries.end() && found->path == path ? &*found : nullptr;
}

const TreeEntry* TreeFacts::resolve(std::string_view path) const {
    std::vector<std::string> left;  // components still to go, the next one last
    const auto push = [&](std::string_view text) {
        const auto parts = split(text, '/');
        for (size_t i = parts.size(); i-- > 0;)
            if (!parts[i].empty() && parts[i] != ".") left.emplace_back(parts[i]);
    };
    push(path);
    std::string at;
    const TreeEntry* entry = find("/");
    for (int links = 0; !left.empty();) {
        const std::string part = std::move(left.back());
        left.pop_back();
        if (part == "..") {
            at.resize(at.empty() ? 0 : at.rfind('/'));
            entry = find(at.empty() ? "/" : at);
            continue;
        }
        const std::string next = concat(at, '/', part);
        entry = find(next);
        if (!entry) return nullptr;
        if (entry->type != FileType::symlink) {
            at = next;
            continue;
        }
        if (++links > max_links) return nullptr;
        if (entry->link.starts_with('/')) at.clear();
        push(entry->link);
        entry = find(at.empty() ? "/" : at);
    }
    return entry;
}

bool may_write(const TreeEntry& entry, const RunUser& user) {
    if (entry.type == FileType::symlink) return false;
    if (user.uid == entry.uid) return (entry.mode & 0200) != 0;
    const bool in_group = user.gid == entry.gid || std::ranges::find(user.groups, entry.gid) != user.groups.end();
    return (entry.mode & (in_group ? 0020 : 0002)) != 0;
}

}  // namespace casemate::audit
