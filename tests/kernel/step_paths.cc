// Masked and read-only paths: what they hide and refuse, and what a hostile image cannot do to them.
#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "support/confined.h"
#include "support/temp_bundle.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

int entries(const char* directory) {
    DIR* stream = ::opendir(directory);
    if (!stream) return -errno;
    int count = 0;
    while (const dirent* entry = ::readdir(stream)) count += entry->d_name[0] != '.';
    ::closedir(stream);
    return count;
}

long bytes_in(const char* path) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    char buffer[4096];
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    ::close(fd);
    return got;
}

int open_to_write(const char* path) {
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    ::close(fd);
    return 0;
}

// uid 0 of the host's own ids: nothing but the step stands in the way.
plan::Plan plan_with(const TempBundle& bundle, std::vector<std::string> masked, std::vector<std::string> readonly = {}) {
    return bundle.oci_plan([&](oci::Config& config) {
        config.linux_.masked_paths = masked;
        config.linux_.readonly_paths = readonly;
    });
}

}  // namespace

TEST_CASE("mask paths: a file reads as empty, a directory has no entries, neither can be written") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.file("rootfs/etc/secret", "key\n");
    struct View {
        long secret, interrupts;
        int entries, file_write, directory_write, device;
    };
    const auto look = [](InitContext&, View& view) {
        view.secret = bytes_in("/etc/secret");
        view.interrupts = bytes_in("/proc/interrupts");
        view.entries = entries("/bin");
        view.file_write = open_to_write("/etc/secret");
        view.directory_write = error_of(::mkdir("/bin/new", 0700));
        struct stat status {};
        view.device = ::stat("/etc/secret", &status) == 0 && !S_ISREG(status.st_mode);
    };
    const plan::Plan plan = plan_with(bundle, {"/etc/secret", "/proc/interrupts", "/bin", "/no/such/path"});
    const Choice early{.without = {}, .until = steps::Phase::credentials};
    const auto masked = confined<View>(plan, look, early);
    REQUIRE_MESSAGE(masked.ok(), masked.failure.text.str());
    CHECK(masked.value.secret == 0);
    CHECK(masked.value.interrupts == 0);
    CHECK(masked.value.entries == 0);
    CHECK(masked.value.file_write == EROFS);
    CHECK(masked.value.directory_write == EROFS);
    CHECK(masked.value.device == 0);  // an empty file, never a device node (CVE-2025-31133)
    const auto control = confined<View>(plan, look, {.without = {"mask paths"}, .until = steps::Phase::credentials});
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.secret == 4);
    CHECK(control.value.interrupts > 0);
    CHECK(control.value.entries > 5);
    CHECK(control.value.file_write == 0);
    CHECK(control.value.directory_write == 0);
    ::rmdir((bundle.rootfs() + "/bin/new").c_str());
}

TEST_CASE("mask paths: a symlink at the path ends the launch: one on the way stays in the root") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.link("/etc/passwd", "rootfs/var/secret");
    const Failure failure = refusal(plan_with(bundle, {"/var/secret"}));
    CHECK(failure.failed);
    CHECK(failure.code == ELOOP);
    CHECK(failure.text.contains("phase paths: mask paths: '/var/secret'"));

    // The link's target is the container's /etc; the host's has "hostname", too, and is not touched.
    bundle.link("/../../../../etc", "rootfs/var/way");
    bundle.file("rootfs/etc/hostname", "inside\n");
    const auto seen = confined<long>(plan_with(bundle, {"/var/way/hostname"}), [](InitContext&, long& bytes) { bytes = bytes_in("/etc/hostname"); });
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value == 0);
}

TEST_CASE("make paths read-only: the path and what is below it refuse writes") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    bundle.file("rootfs/etc/settings", "a\n");
    struct View {
        int file, sysctl;
        long readable;
    };
    const auto look = [](InitContext&, View& view) {
        view.file = open_to_write("/etc/settings");
        view.sysctl = open_to_write("/proc/sys/net/ipv4/ip_forward");
        view.readable = bytes_in("/etc/settings");
    };
    const plan::Plan plan = plan_with(bundle, {}, {"/etc", "/proc/sys"});
    const auto readonly = confined<View>(plan, look);
    REQUIRE_MESSAGE(readonly.ok(), readonly.failure.text.str());
    CHECK(readonly.value.file == EROFS);
    CHECK(readonly.value.sysctl == EROFS);
    CHECK(readonly.value.readable == 2);
    const auto control = confined<View>(plan, look, leaving_out({"make paths read-only"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.file == 0);
    CHECK(control.value.sysctl == 0);

    bundle.link("/etc", "rootfs/var/etc");
    const Failure failure = refusal(plan_with(bundle, {}, {"/var/etc"}));
    CHECK(failure.code == ELOOP);
    CHECK(failure.text.contains("phase paths: make paths read-only"));
}

TEST_CASE("masks of the hardened profile hold for the app's user in every mode") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless}) {
        INFO(std::string(plan::mode_name(mode)));
        struct View {
            long interrupts;
            int firmware;
        };
        const auto look = [](InitContext&, View& view) {
            view.interrupts = bytes_in("/proc/interrupts");
            view.firmware = entries("/sys/firmware");
        };
        const plan::Plan plan = bundle.plan({.mode = mode});
        const auto masked = confined<View>(plan, look);
        REQUIRE_MESSAGE(masked.ok(), masked.failure.text.str());
        CHECK(masked.value.interrupts == 0);
        CHECK(masked.value.firmware == 0);
        const auto control = confined<View>(plan, look, leaving_out({"mask paths"}));
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value.interrupts > 0);
        CHECK(control.value.firmware > 0);
    }
}

TEST_CASE("root propagation: what config.json asks for is set, and private is the default") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct View {
        bool shared;
    };
    const auto look = [](InitContext& context, View& view) {
        const auto text = context.proc->read("self/mountinfo");
        const auto lines = sys::parse_mountinfo(text.value());
        for (const sys::MountInfo& line : lines.value())
            if (line.mount_point == "/") view.shared = !line.optional_fields.empty();
    };
    const plan::Plan shared = bundle.oci_plan([](oci::Config& config) { config.linux_.rootfs_propagation = "shared"; });
    const auto seen = confined<View>(shared, look, {.without = {}, .until = steps::Phase::credentials});
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.shared);
    const auto control = confined<View>(bundle.oci_plan(), look, {.without = {}, .until = steps::Phase::credentials});
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK_FALSE(control.value.shared);
}
