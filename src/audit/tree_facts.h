// A root file system as the rules see it: one row a file, and the few texts that mean something. The program walks the
// tree, without following anything; the rules are pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/rule.h"

namespace casemate::audit {

enum class FileType : uint8_t { regular, directory, symlink, char_device, block_device, fifo, socket };

struct TreeEntry {
    std::string path;  // absolute, as seen from the root
    FileType type = FileType::regular;
    uint32_t mode = 0;  // permission bits, 07777
    uint32_t uid = 0, gid = 0;
    uint64_t size = 0;
    std::string link;          // of a symlink
    bool file_caps = false;    // has security.capability
    bool private_key = false;  // begins with a PEM private key's header
};

struct RunUser {
    uint32_t uid = 0, gid = 0;
    std::vector<uint32_t> groups;
};

struct TreeFacts {
    std::vector<TreeEntry> entries;  // sorted by path
    bool owners_known = true;        // false: unpacked without root, everything is the caller's
    uint64_t skipped_devices = 0;    // device nodes of the image that the unpacker left out
    std::optional<std::string> passwd, group, shadow, os_release;
    std::optional<RunUser> user;  // whom the image runs as, where that is known
    Time now = 0;

    const TreeEntry* find(std::string_view path) const;
    // The same, symlinks followed inside the tree (40 at most, as the kernel); null where that leads nowhere.
    const TreeEntry* resolve(std::string_view path) const;
};

std::span<const Check<TreeFacts>> tree_checks();

// May this user write to it, by owner and mode?
bool may_write(const TreeEntry& entry, const RunUser& user);

}  // namespace casemate::audit
