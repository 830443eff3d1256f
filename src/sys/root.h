// Root: the one resolver. Every path of an image or bundle goes through openat2(RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS)
// relative to one directory that was opened once; then only descriptors are used (invariant I1). No string of the
// image ever reaches another call. openat2 missing is fatal: fallbacks are where the bugs live (SECURITY I1).
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

class Root {
public:
    // Opens the directory at `path`, its last component never a symlink. `path` is the operator's, not the image's.
    static Result<Root> open(const std::string& path);
    static Root adopt(Fd directory) { return Root(std::move(directory)); }

    // O_PATH of what `path` (absolute or relative, both in the root) leads to. With `follow` false the last component
    // is not followed, and ends in ELOOP when it is a symlink.
    Result<Fd> resolve(std::string_view path, bool follow = false, uint64_t flags = 0) const;
    // A regular file's content, at most `limit` bytes; anything else than a regular file is an error (no FIFO hangs).
    Result<std::string> read_regular(std::string_view path, size_t limit) const;
    // O_PATH of the directory `path`; missing components are made one at a time, O_NOFOLLOW, mode 0755 (I1, I2). A
    // symlink on the way is followed in the root as long as it leads to a directory that exists.
    Result<Fd> make_directory(std::string_view path, mode_t mode = 0755) const;
    // O_PATH of an existing non-directory, or of a new empty regular file made with O_EXCL|O_NOFOLLOW.
    Result<Fd> make_file(std::string_view path, mode_t mode = 0644) const;

    FdView fd() const { return directory_; }
    Fd release() { return std::move(directory_); }

private:
    explicit Root(Fd directory) : directory_(std::move(directory)) {}
    Fd directory_;
};

}  // namespace casemate::sys
