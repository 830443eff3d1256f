// Which hierarchies this host has, and which of them holds a controller: v2 alone, v1 alone, or both (hybrid).
//
// The rest of the room asks "where is memory?" and never "which host is this?": a hybrid host has one controller here
// and another there, and is no third case.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::cgroup {

enum class Version : uint8_t { v1, v2 };
enum class Kind : uint8_t { none, v1, hybrid, v2 };

struct Hierarchy {
    Version version = Version::v2;
    std::string mount_point;
    // v1: as mounted, "name=systemd" for one without controllers. v2: what its root offers.
    std::vector<std::string> controllers;
};

struct Layout {
    std::vector<Hierarchy> hierarchies;
    std::string default_parent = "/casemate";  // of groups that nobody named

    // Reads the host's: one statfs(2) where /sys/fs/cgroup is v2 itself, else the mount table.
    static Result<Layout> discover();
    // From a mount table. The first mount of a hierarchy counts, one of its root before one of a part of it.
    static Result<Layout> parse(std::string_view mountinfo);

    Kind kind() const;
    const Hierarchy* holding(std::string_view controller) const;
    std::optional<Version> version_of(std::string_view controller) const;
    // The one in which systemd keeps its units: v2, or the v1 one of that name.
    const Hierarchy* tracked_by_systemd() const;
};

// The directory of a group or hierarchy, O_PATH, checked to be of a cgroup file system of this version.
Result<Fd> open_directory(const std::string& path, Version version);
// The launcher's own path in the v2 hierarchy, of /proc/self/cgroup's text; nothing when there is none.
std::optional<std::string> own_unified_path(std::string_view proc_self_cgroup);
// Words separated by blanks, of a line the kernel wrote.
std::vector<std::string> words(std::string_view line);
bool holds(const std::vector<std::string>& list, std::string_view word);

}  // namespace casemate::cgroup
