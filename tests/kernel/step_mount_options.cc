// What mount options of config.json do to a mount and to the mounts below it, each against the same plan without it.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "support/confined.h"
#include "support/temp_bundle.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

int try_create(const char* path) {
    const int fd = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    ::close(fd);
    return 0;
}

// A tree of the host with a mount in it: data/ and data/below/, a tmpfs. Lives in a mount namespace of the test's own.
plan::Plan with_data(const TempBundle& bundle, std::vector<std::string> options, const std::function<void(oci::Mount&)>& edit = {}) {
    return bundle.oci_plan([&](oci::Config& config) {
        oci::Mount mount{"/data", "none", bundle.path() + "/data", std::move(options), {}, {}};
        if (edit) edit(mount);
        config.mounts.push_back(std::move(mount));
    });
}

struct Writes {
    int top, below;
};

std::optional<Writes> writes_of(const TempBundle& bundle, const plan::Plan& plan, Text& failure) {
    struct Both {
        Writes writes;
        Text failure;
    };
    const auto seen = in_child<Both>([&](Both& both) {
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        ::mount("tmpfs", (bundle.path() + "/data/below").c_str(), "tmpfs", 0, nullptr);
        const auto inside = confined<Writes>(plan, [](InitContext&, Writes& writes) {
            writes.top = try_create("/data/new");
            writes.below = try_create("/data/below/new");
        });
        both.writes = inside.value;
        if (!inside.ok()) both.failure = inside.failure.text.str();
    }, CLONE_NEWNS);
    if (!seen) return std::nullopt;
    failure = seen->failure;
    return seen->writes;
}

}  // namespace

TEST_CASE("bind attributes: 'ro' is the mount's, 'rro' the whole tree's") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.directory("data");
    bundle.directory("data/below");
    struct Row {
        std::vector<std::string> options;
        int top, below;
    };
    const Row rows[] = {{{"rbind"}, 0, 0}, {{"rbind", "ro"}, EROFS, 0}, {{"rbind", "rro"}, EROFS, EROFS}, {{"rbind", "rro", "rw"}, 0, EROFS}};
    for (const Row& row : rows) {
        INFO(join(row.options, ","));
        Text failure;
        const auto writes = writes_of(bundle, with_data(bundle, row.options), failure);
        REQUIRE_MESSAGE((writes && failure.str().empty()), failure.str());
        CHECK(writes->top == row.top);
        CHECK(writes->below == row.below);
    }
}

TEST_CASE("idmapped mounts: files show the ids of the mount's own maps, with and without a user namespace") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.directory("data");
    const std::string file = bundle.file("data/file", "x");
    REQUIRE(::chown(file.c_str(), 5, 6) == 0);
    struct Owner {
        uint32_t uid, gid;
    };
    const auto look = [](InitContext&, Owner& owner) {
        struct stat status {};
        if (::stat("/data/file", &status) == 0) owner = {status.st_uid, status.st_gid};
    };
    const auto maps = [](oci::Mount& mount) {
        mount.uid_mappings = {{0, 1000, 100}};
        mount.gid_mappings = {{0, 2000, 100}};
    };
    const auto mapped = confined<Owner>(with_data(bundle, {"bind", "idmap"}, maps), look);
    REQUIRE_MESSAGE(mapped.ok(), mapped.failure.text.str());
    CHECK(mapped.value.uid == 1005);
    CHECK(mapped.value.gid == 2006);
    const auto control = confined<Owner>(with_data(bundle, {"bind"}), look);
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.uid == 5);
    // By the container's own maps: on disk as inside.
    const auto container = [&](std::vector<std::string> options) {
        return bundle.oci_plan([&](oci::Config& config) {
            config.linux_.namespaces.push_back({"user", ""});
            config.linux_.uid_mappings = config.linux_.gid_mappings = {{0, id_base, 65536}};
            config.mounts.push_back({"/data", "none", bundle.path() + "/data", std::move(options), {}, {}});
        });
    };
    const auto inside = confined<Owner>(container({"bind", "idmap"}), look);
    REQUIRE_MESSAGE(inside.ok(), inside.failure.text.str());
    CHECK(inside.value.uid == 5);
    const auto unmapped = confined<Owner>(container({"bind"}), look);
    REQUIRE_MESSAGE(unmapped.ok(), unmapped.failure.text.str());
    CHECK(unmapped.value.uid == 65534);
}

TEST_CASE("tmpcopyup: what the image has there is in the tmpfs, with owners and modes: links are not followed") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.directory("rootfs/srv");
    bundle.directory("rootfs/srv/inner");
    const std::string file = bundle.file("rootfs/srv/inner/file", "content", 0604);
    REQUIRE(::chown(file.c_str(), 7, 8) == 0);
    bundle.link("/etc/shadow", "rootfs/srv/link");
    const auto plan_of = [&](std::vector<std::string> options) {
        return bundle.oci_plan([&](oci::Config& config) { config.mounts.push_back({"/srv", "tmpfs", "tmpfs", std::move(options), {}, {}}); });
    };
    struct View {
        Text content, target;
        uint32_t uid, gid, mode;
        int written;
    };
    const auto look = [](InitContext&, View& view) {
        const auto text = sys::read_file(AT_FDCWD, "/srv/inner/file", 100);
        if (text) view.content = text.value();
        struct stat status {};
        if (::stat("/srv/inner/file", &status) == 0) view.uid = status.st_uid, view.gid = status.st_gid, view.mode = status.st_mode & 07777;
        if (const auto target = sys::readlinkat(AT_FDCWD, "/srv/link")) view.target = target.value();
        view.written = try_create("/srv/new");
    };
    const auto seen = confined<View>(plan_of({"tmpcopyup"}), look);
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.content.str() == "content");
    CHECK(seen.value.uid == 7);
    CHECK(seen.value.gid == 8);
    CHECK(seen.value.mode == 0604);
    CHECK(seen.value.target.str() == "/etc/shadow");
    CHECK(seen.value.written == 0);
    CHECK(::access((bundle.rootfs() + "/srv/new").c_str(), F_OK) != 0);
    const auto control = confined<View>(plan_of({}), look);
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.content.str().empty());
}

TEST_CASE("tmpfs: without a mode it has that of the directory it covers") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.directory("rootfs/srv", 0700);
    const auto look = [](InitContext&, uint32_t& mode) {
        struct stat status {};
        if (::stat("/srv", &status) == 0) mode = status.st_mode & 07777;
    };
    const std::pair<const char*, uint32_t> rows[] = {{"defaults", 0700}, {"mode=1777", 01777}};
    for (const auto& [option, mode] : rows) {
        const std::string said = option;
        const auto seen = confined<uint32_t>(bundle.oci_plan([&](oci::Config& config) { config.mounts.push_back({"/srv", "tmpfs", "tmpfs", {said}, {}, {}}); }), look);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value == mode);
    }
}

TEST_CASE("remount: new flags for an earlier mount") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto plan_of = [&](bool again) {
        return bundle.oci_plan([&](oci::Config& config) {
            config.mounts.push_back({"/srv", "tmpfs", "tmpfs", {}, {}, {}});
            if (again) config.mounts.push_back({"/srv", "tmpfs", "tmpfs", {"remount", "ro"}, {}, {}});
        });
    };
    const auto create = [](InitContext&, int& error) { error = try_create("/srv/new"); };
    const auto seen = confined<int>(plan_of(true), create);
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value == EROFS);
    const auto control = confined<int>(plan_of(false), create);
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value == 0);
    const plan::Plan nothing = bundle.oci_plan([](oci::Config& config) { config.mounts.push_back({"/usr", "", "", {"remount", "ro"}, {}, {}}); });
    CHECK(refusal(nothing).failed);
}

TEST_CASE("other file systems: what the kernel mounts is mounted, what it does not know is its error") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const char* directory : {"lower", "upper", "work"}) bundle.directory(directory);
    bundle.file("lower/file", "x");
    const plan::Plan overlay = bundle.oci_plan([&](oci::Config& config) {
        const std::string& path = bundle.path();
        config.mounts.push_back({"/srv", "overlay", "overlay",
                                 {concat("lowerdir=", path, "/lower"), concat("upperdir=", path, "/upper"), concat("workdir=", path, "/work")}, {}, {}});
    });
    const auto look = [](InitContext&, int& result) { result = ::access("/srv/file", F_OK) == 0 ? try_create("/srv/new") : -1; };
    const auto seen = confined<int>(overlay, look);
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value == 0);
    CHECK(::access((bundle.path() + "/upper/new").c_str(), F_OK) == 0);
    CHECK(::access((bundle.path() + "/lower/new").c_str(), F_OK) != 0);
    const plan::Plan unknown = bundle.oci_plan([](oci::Config& config) { config.mounts.push_back({"/srv", "nosuchfs", "x", {}, {}, {}}); });
    CHECK(refusal(unknown).text.contains("nosuchfs"));
}

TEST_CASE("a bind at /proc must be a procfs") {  // CVE-2019-16884
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) {
        std::erase_if(config.mounts, [](const oci::Mount& mount) { return mount.destination == "/proc"; });
        config.mounts.push_back({"/proc", "none", "/proc", {"rbind"}, {}, {}});
    });
    const auto seen = confined<int>(plan, [](InitContext&, int& there) { there = ::access("/proc/self/status", F_OK) == 0; }, {.without = {}, .until = steps::Phase::verify});
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    const auto fake = in_child<Text>([&](Text& text) {
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        ::mount("tmpfs", "/proc", "tmpfs", 0, nullptr);
        text = refusal(plan).text.str();
    }, CLONE_NEWNS);
    REQUIRE(fake);
    CHECK(fake->contains("is no procfs"));
}
