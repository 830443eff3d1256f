// The mounts of a process against what was planned: each line by itself, then the set as a whole. mountinfo's order
// says nothing (it is by mount id since 6.8), so lines are claimed one by one.
#include <algorithm>

#include "base/text.h"
#include "plan/expected.h"
#include "plan/mount_places.h"

namespace casemate::plan {

namespace {

bool has(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// Does the seen line meet the expected one? `why` says what it lacks.
bool meets(const MountLine& expected, const MountLine& seen, std::string& why) {
    why.clear();
    if (!expected.type.empty() && expected.type != seen.type) why = " type " + seen.type;
    if (!expected.root.empty() && expected.root != seen.root) why += " root " + seen.root;
    for (const std::string& flag : expected.flags) {
        if (!has(seen.flags, flag)) why += " not " + flag;
    }
    for (const std::string& tag : seen.propagation) {
        if (tag != "unbindable" && tag != "propagate_from" && !has(expected.propagation, tag)) why += " " + tag;
    }
    for (const std::string& option : expected.super_options) {
        if (!has(seen.super_options, option)) why += " without " + option;
    }
    return why.empty();
}

std::string named(const std::vector<std::string>& paths) { return paths.empty() ? "none" : join(paths, " "); }

// Propagation is listed of what was seen: an expectation names the most that may be there.
std::string described(const MountLine& line, bool seen = true) {
    std::string out = line.type;
    for (const auto* words : {&line.flags, &line.super_options, &line.propagation}) {
        if (words == &line.propagation && !seen) continue;
        for (const std::string& word : *words) out += (out.empty() ? "" : " ") + word;
    }
    return out.empty() ? "any" : out;
}

MountLine mask_line(const std::string& path) { return {"tmpfs", {}, path, {"ro"}, {}, {}, false}; }
MountLine readonly_line(const std::string& path) { return {{}, {}, path, {"ro"}, {}, {}, false}; }

class MountComparison {
public:
    MountComparison(const Expected& expected, const Observed& seen, std::vector<Check>& checks)
        : expected_(expected), seen_(seen), checks_(checks), claimed_(seen.mounts.size(), false) {}

    void run() {
        for (const MountLine& line : expected_.mounts) match(line, line.mount_point);
        for (const std::string& path : expected_.masked_paths) covered("masked ", path, mask_line(path));
        for (const std::string& path : expected_.readonly_paths) covered("readonly ", path, readonly_line(path));
        below_recursive();
        for (const std::string& path : expected_.forbidden_mounts) {
            const bool there = std::any_of(seen_.mounts.begin(), seen_.mounts.end(),
                                           [&](const MountLine& line) { return line.mount_point == path; });
            report("mount " + path, "none", there ? "mounted" : "none", !there);
        }
        if (!expected_.at_most && !expected_.mounts.empty()) over_root();
        if (expected_.no_writable_executable) writable_executable();
        if (expected_.exact_mounts) unexpected();
    }

private:
    void report(std::string what, std::string expected, std::string seen, bool good) {
        checks_.push_back(
            {std::move(what), std::move(expected), std::move(seen), good ? Verdict::ok : Verdict::different});
    }
    // Claims the seen mount at `point` that meets `line`, or reports what the nearest one lacks.
    void match(const MountLine& line, const std::string& point, const std::string& what) {
        std::string why, last = "not mounted";
        size_t wrong = claimed_.size();
        for (size_t i = 0; i < seen_.mounts.size(); ++i) {
            if (claimed_[i] || seen_.mounts[i].mount_point != point) continue;
            if (meets(line, seen_.mounts[i], why)) {
                claimed_[i] = true;
                return report(what, described(line, false), described(seen_.mounts[i]), true);
            }
            wrong = i;
            last = concat(described(seen_.mounts[i]), ":", why);
        }
        if (wrong < claimed_.size()) claimed_[wrong] = true;  // named here, so not once more as unexpected
        report(what, described(line, false), last, false);
    }
    void match(const MountLine& line, const std::string& point) { match(line, point, "mount " + line.mount_point); }

    void covered(const char* prefix, const std::string& path, const MountLine& line) {
        if (has(seen_.absent_paths, path)) return;
        const auto alias = seen_.path_aliases.find(path);
        match(line, alias == seen_.path_aliases.end() ? path : alias->second, prefix + path);
    }

    // Mounts that came with a recursive bind have the flags that it sets for its tree.
    void below_recursive() {
        for (const MountLine& bind : expected_.mounts) {
            if (!bind.recursive) continue;
            for (size_t i = 0; i < seen_.mounts.size(); ++i) {
                const MountLine& line = seen_.mounts[i];
                if (claimed_[i] || line.mount_point == bind.mount_point ||
                    !is_at_or_below(line.mount_point, bind.mount_point))
                    continue;
                std::string why;
                const MountLine wanted{{}, {}, line.mount_point, bind.tree_flags, bind.propagation, {}, false};
                const bool good = meets(wanted, line, why);
                report("mount " + line.mount_point, described(wanted, false),
                       good ? described(line) : described(line) + ":" + why, good);
                claimed_[i] = true;
            }
        }
    }
    // A host's tree that was not left lies over the root. Once it runs, an app with the right to mount may do that itself.
    void over_root() {
        const auto count = std::count_if(seen_.mounts.begin(), seen_.mounts.end(), [](const MountLine& line) { return line.mount_point == "/"; });
        report("mounts.overRoot", "none", count > 1 ? "mounted" : "none", count <= 1);
    }
    void writable_executable() {
        std::vector<std::string> wrong;
        for (const MountLine& line : seen_.mounts) {
            if (!has(line.flags, "ro") && !has(line.flags, "noexec")) wrong.push_back(line.mount_point);
        }
        report("mounts.writableExecutable", "none", named(wrong), wrong.empty());
    }
    void unexpected() {
        std::vector<std::string> extra;
        for (size_t i = 0; i < seen_.mounts.size(); ++i) {
            if (!claimed_[i]) extra.push_back(seen_.mounts[i].mount_point);
        }
        report("mounts.unexpected", "none", named(extra), extra.empty());
    }

    const Expected& expected_;
    const Observed& seen_;
    std::vector<Check>& checks_;
    std::vector<bool> claimed_;
};

}  // namespace

std::vector<std::string> uncovered_paths(const Expected& expected, const std::vector<MountLine>& seen) {
    std::vector<std::string> paths;
    for (const auto* list : {&expected.masked_paths, &expected.readonly_paths}) {
        for (const std::string& path : *list) {
            const bool named =
                std::any_of(seen.begin(), seen.end(), [&](const MountLine& line) { return line.mount_point == path; });
            if (!named) paths.push_back(path);
        }
    }
    return paths;
}

bool is_seen_by_place(const Expected& expected) {
    return std::ranges::find(expected.own_namespaces, "mnt") == expected.own_namespaces.end() && !expected.joined_namespaces.contains("mnt");
}

bool concerns_mounts(const Expected& expected) {
    return expected.exact_mounts || expected.no_writable_executable || !expected.mounts.empty() || !expected.masked_paths.empty() || !expected.readonly_paths.empty() ||
           !expected.forbidden_mounts.empty();
}

std::vector<std::string> mount_places(const Expected& expected) {
    std::vector<std::string> places;
    for (const MountLine& line : expected.mounts) places.push_back(line.mount_point);
    for (const auto* list : {&expected.masked_paths, &expected.readonly_paths}) places.insert(places.end(), list->begin(), list->end());
    return places;
}

void compare_mounts(const Expected& expected, const Observed& seen, std::vector<Check>& checks) {
    MountComparison(expected, seen, checks).run();
}

}  // namespace casemate::plan
