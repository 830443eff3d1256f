// /dev and the volumes: made by us, never the image's; and the races of a host's user against the paths of a plan.
#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "support/confined.h"
#include "support/temp_bundle.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

constexpr plan::Mode modes[] = {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless};

struct Node {
    bool character;
    unsigned major, minor, mode;
};

Node node_at(const char* path) {
    struct stat status {};
    if (::stat(path, &status) != 0) return {};
    return {S_ISCHR(status.st_mode), ::major(status.st_rdev), ::minor(status.st_rdev), status.st_mode & 07777};
}

}  // namespace

TEST_CASE("make devices: the standard nodes work, the image's own are hidden, and no more can be made") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.file("rootfs/dev/null", "the image's own\n");
    bundle.file("rootfs/dev/mem", "the image's own\n");
    struct View {
        Node null, zero, random, tty;
        bool image_file, wrote, read_zero;
        int make, create;
        char fd_link[32];
    };
    const auto look = [](InitContext&, View& view) {
        view.null = node_at("/dev/null");
        view.zero = node_at("/dev/zero");
        view.random = node_at("/dev/random");
        view.tty = node_at("/dev/tty");
        view.image_file = ::access("/dev/mem", F_OK) == 0;
        const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        view.wrote = ::write(null, "x", 1) == 1;
        char byte = 1;
        const int zero = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
        view.read_zero = ::read(zero, &byte, 1) == 1 && byte == 0;
        view.make = error_of(::mknod("/dev/mine", S_IFCHR | 0666, ::makedev(1, 1)));
        view.create = error_of(::open("/dev/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        (void)!::readlink("/dev/fd", view.fd_link, sizeof view.fd_link - 1);
    };
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const auto seen = confined<View>(bundle.plan({.mode = mode}), look, leaving_out({"restrict with Landlock", "load seccomp filter"}));
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.null.character);
        CHECK(seen.value.null.major == 1);
        CHECK(seen.value.null.minor == 3);
        CHECK(seen.value.zero.minor == 5);
        CHECK(seen.value.random.minor == 8);
        CHECK(seen.value.tty.major == 5);
        CHECK(seen.value.wrote);
        CHECK(seen.value.read_zero);
        CHECK_FALSE(seen.value.image_file);
        CHECK(seen.value.make != 0);
        CHECK(seen.value.create == EROFS);
        CHECK(std::string(seen.value.fd_link) == "/proc/self/fd");
    }
    // Control: without a mount at /dev and without the nodes that go into the root then, it is the image's.
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) {
        std::erase_if(config.mounts, [](const oci::Mount& mount) { return mount.destination == "/dev"; });
    });
    const auto control = confined<View>(plan, look, leaving_out({"make devices in the root"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.image_file);
    CHECK_FALSE(control.value.null.character);
    // The image's own file where a node belongs is an error, never taken for it.
    const Failure failure = refusal(plan);
    CHECK(failure.text.contains("make devices in the root: '/dev/null': something else is at its place in the image"));
}

TEST_CASE("make devices in the root: where nothing is mounted over the path, and once more in the same bundle") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) {
        std::erase_if(config.mounts, [](const oci::Mount& mount) { return is_at_or_below(mount.destination, "/dev"); });
        oci::Device device;
        device.path = "/var/devices/mine";
        device.type = "c";
        device.major = 1;
        device.minor = 5;
        device.file_mode = 0640;
        config.linux_.devices.push_back(device);
    });
    struct View {
        Node null, mine;
        char fd_link[32];
    };
    const auto look = [](InitContext&, View& view) {
        view.null = node_at("/dev/null");
        view.mine = node_at("/var/devices/mine");
        (void)!::readlink("/dev/fd", view.fd_link, sizeof view.fd_link - 1);
    };
    for (int run = 0; run < 2; ++run) {
        const auto seen = confined<View>(plan, look);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.null.character);
        CHECK(seen.value.null.minor == 3);
        CHECK(seen.value.mine.minor == 5);
        CHECK(seen.value.mine.mode == 0640);
        CHECK(std::string(seen.value.fd_link) == "/proc/self/fd");
    }
}

TEST_CASE("make devices: nodes of config.json have its mode and owner") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) {
        oci::Device device;
        device.path = "/dev/sub/mine";
        device.type = "c";
        device.major = 1;
        device.minor = 3;
        device.file_mode = 0640;
        device.uid = 7;
        config.linux_.devices.push_back(device);
    });
    struct View {
        Node node;
        uid_t owner;
    };
    const auto seen = confined<View>(plan, [](InitContext&, View& view) {
        view.node = node_at("/dev/sub/mine");
        struct stat status {};
        ::stat("/dev/sub/mine", &status);
        view.owner = status.st_uid;
    });
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.node.character);
    CHECK(seen.value.node.mode == 0640);
    CHECK(seen.value.owner == 7);
}

TEST_CASE("volumes: a read-only bind refuses writes, a file binds onto a file, and the source is the host's") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.directory("data", 0777);
    bundle.file("data/inside", "x\n");
    bundle.file("setting", "y\n");
    struct View {
        int create_readonly, create_writable, file;
    };
    const auto look = [](InitContext&, View& view) {
        view.create_readonly = error_of(::open("/var/readonly/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        view.create_writable = error_of(::open("/var/writable/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
        char byte = 0;
        const int fd = ::open("/etc/app/setting", O_RDONLY | O_CLOEXEC);
        view.file = fd >= 0 && ::read(fd, &byte, 1) == 1 ? byte : -errno;
    };
    const std::string base = bundle.path();
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        // Missing mount points are made by the host: a rootless one may not in another's directory.
        if (mode == plan::Mode::root) {
            bundle.directory("rootfs/var/readonly");
            bundle.directory("rootfs/var/writable");
            bundle.directory("rootfs/etc/app");
            bundle.file("rootfs/etc/app/setting", "");
        }
        const plan::Plan plan = bundle.plan({.mode = mode, .edit_profile = [](policy::Profile& profile) { profile.filesystem.denied_sources.reset(); },
                                             .edit_config = [&](oci::Config& config) {
                                                 config.mounts.push_back({"/var/readonly", "bind", base + "/data", {"rbind", "ro"}, {}, {}});
                                                 config.mounts.push_back({"/var/writable", "bind", base + "/data", {"rbind", "rw"}, {}, {}});
                                                 config.mounts.push_back({"/etc/app/setting", "bind", base + "/setting", {"bind", "ro"}, {}, {}});
                                             }});
        const auto seen = confined<View>(plan, look, leaving_out({"restrict with Landlock", "load seccomp filter"}));
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.create_readonly == EROFS);
        CHECK(seen.value.create_writable == 0);
        CHECK(seen.value.file == 'y');
        ::unlink((base + "/data/new").c_str());
    }
}

TEST_CASE("open root: the bundle's rootfs is never a symlink, not even with a slash behind it") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    REQUIRE(::rename(bundle.rootfs().c_str(), (bundle.path() + "/real").c_str()) == 0);
    bundle.link("real", "rootfs");
    for (const char* spelling : {"rootfs", "rootfs/", "rootfs//", "rootfs/."}) {
        INFO(spelling);
        const Failure failure = refusal(bundle.oci_plan([&](oci::Config& config) { config.root_path = spelling; }));
        CHECK(failure.failed);
        CHECK(failure.text.contains("phase prepare: open root"));
    }
    const Failure control = refusal(bundle.oci_plan([&](oci::Config& config) { config.root_path = "real/"; }));
    CHECK_MESSAGE(!control.failed, control.text.str());
}

TEST_CASE("a directory swapped while the container is made: the same inode, or the launch ends") {
    if (!needs(Need::root)) return;
    for (const plan::Mode mode : modes) {
        INFO(std::string(plan::mode_name(mode)));
        const TempBundle bundle;
        const std::string rootfs = bundle.rootfs();
        bundle.directory("evil");
        REQUIRE(::chmod(bundle.path().c_str(), 0777) == 0);
        const auto seen = confined<int>(bundle.plan({.mode = mode}), [](InitContext&, int& found) { found = ::access("/bin/busybox", F_OK) == 0; },
                                        {.interfere = [&] { (void)!::syscall(SYS_renameat2, AT_FDCWD, rootfs.c_str(), AT_FDCWD, (bundle.path() + "/evil").c_str(), 2); }});
        if (mode == plan::Mode::rootless) {
            // Init opens the path again, and compares.
            CHECK(seen.failure.text.contains("changed while the container was being made"));
        } else {
            REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
            CHECK(seen.value == 1);
        }
    }
}
