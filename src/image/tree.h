// The root file system as it is being made. One entry at a time; parents are found in the root by openat2
// (RESOLVE_IN_ROOT: absolute symlinks of the image mean its own root, U4), the leaf is never followed, whatever is
// there is unlinked before something else takes its name (U5), and metadata goes to the descriptor just made (U6).
//
// The last parent stays open: the entries of one directory follow each other. Adding to a directory changes its time,
// so a parent's time is put back when it is left.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "image/names.h"
#include "image/seen.h"
#include "image/tar.h"

namespace casemate::image {

enum class Setid : uint8_t { keep, ignore, strip };  // PROFILE: filesystem.setidFiles
enum class Devices : uint8_t { skip, refuse };       // decision record 0004

struct TreeOptions {
    bool own = true;         // give entries their owners (root); otherwise everything is the caller's
    uint32_t shift = 0;      // added to every owner
    uint32_t shift_ids = 0;  // with a shift: ids from here up are errors; 0: no shift
    Setid setid = Setid::strip;
    Devices devices = Devices::skip;
};

struct Counts {
    uint64_t files = 0, directories = 0, symlinks = 0, hardlinks = 0, fifos = 0, whiteouts = 0, bytes = 0;
    uint64_t stripped_setid = 0, stripped_file_caps = 0, dropped_xattrs = 0, skipped_devices = 0;
};

class Tree {
public:
    // `root`: an empty directory, opened for reading.
    static Result<Tree> make(Fd root, const TreeOptions& options, const Limits& limits);

    void start_layer(bool lower) { seen_.start_layer(lower); }
    // `content` gives the pieces of a file, empty at the end.
    using Content = std::function<Result<std::span<const uint8_t>>()>;
    Result<void> apply(const Entry& entry, const Content& content);
    // Puts the last directory's time back. Call it after each layer.
    Result<void> leave_parent();

    const Counts& counts() const { return counts_; }
    FdView root() const { return root_; }

private:
    struct Parent {
        std::string path;
        Fd fd;
        uint64_t inode = 0;
        timespec mtime{};
        bool changed = false;
    };
    Tree(Fd root, const TreeOptions& options, const Limits& limits, SeenNames seen, dev_t device)
        : root_(std::move(root)), options_(options), limits_(limits), seen_(std::move(seen)), device_(device) {}

    Result<void> apply_root(const Entry& entry);
    Result<void> apply_whiteout(const EntryName& name, const WhiteoutName& whiteout, const Entry& entry);
    Result<void> add_file(const std::string& leaf, const Entry& entry, const Content& content);
    Result<void> add_directory(const EntryName& name, const Entry& entry);
    Result<void> add_symlink(const std::string& leaf, const Entry& entry);
    Result<void> add_hard_link(const EntryName& name, const Entry& entry);
    Result<void> add_fifo(const std::string& leaf, const Entry& entry);
    Result<void> skip_device(const Entry& entry);

    Result<Fd> open_directory(const std::string& path) const;
    Result<void> enter_parent(const std::string& path);
    Result<void> make_missing(const std::string& path);
    Result<void> make_room(const std::string& leaf);
    Result<void> give_owner(FdView fd, const Entry& entry) const;
    Result<void> give_xattrs(FdView fd, const Entry& entry);
    uint32_t mode_of(const Entry& entry);

    Fd root_;
    TreeOptions options_;
    Limits limits_;
    SeenNames seen_;
    dev_t device_;
    Parent parent_;
    Counts counts_;
};

}  // namespace casemate::image
