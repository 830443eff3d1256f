// A directory below /tmp, or elsewhere, for the tests of Root, removed with it.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "sys/call.h"
#include "sys/removal.h"
#include "sys/root.h"

namespace casemate::test {

class TempTree {
public:
    explicit TempTree(const std::string& below = "/tmp") : below_(below), path_(below + "/casemate-root-XXXXXX") {
        REQUIRE(::mkdtemp(path_.data()) != nullptr);
        directory("root");
        directory("outside");
        file("outside/secret", "the host's");
    }
    ~TempTree() {
        const auto parent = sys::open(below_.c_str(), O_RDONLY | O_DIRECTORY);
        if (parent) (void)sys::remove_scratch(parent.value(), path_.substr(below_.size() + 1)).operator bool();
    }
    TempTree(const TempTree&) = delete;
    TempTree& operator=(const TempTree&) = delete;

    std::string path(const std::string& name) const { return path_ + "/" + name; }
    void directory(const std::string& name) const { REQUIRE(::mkdir(path(name).c_str(), 0755) == 0); }
    void link(const std::string& target, const std::string& name) const { REQUIRE(::symlink(target.c_str(), path(name).c_str()) == 0); }
    void file(const std::string& name, const std::string& content) const {
        const auto made = sys::open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
        REQUIRE(made);
        REQUIRE(sys::write_all(made.value(), content));
    }
    ino_t inode(const std::string& name) const {
        struct stat status {};
        REQUIRE_MESSAGE(::lstat(path(name).c_str(), &status) == 0, name);
        return status.st_ino;
    }
    bool exists(const std::string& name) const { return ::faccessat(AT_FDCWD, path(name).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0; }
    sys::Root root() const {
        auto opened = sys::Root::open(path("root"));
        REQUIRE(opened);
        return std::move(opened).take();
    }

private:
    std::string below_, path_;
};

inline ino_t inode_of(FdView fd) {
    const auto status = sys::fstat(fd);
    return status ? status.value().st_ino : 0;
}

}  // namespace casemate::test
