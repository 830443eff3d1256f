// The container's tree: root, kernel file systems, volumes. Each flag is seen to refuse, and to be what refused: the same
// act succeeds where the step is left out or the plan does not ask for the flag.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
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
    ::unlink(path);
    return 0;
}

int try_device(const char* path) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    ::close(fd);
    return 0;
}

// The exit code of busybox at `path`; 126 and 127 when it could not be executed.
int run_program(const char* path) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::execl(path, "busybox", "true", nullptr);
        ::_exit(errno == EACCES ? 126 : 127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Without the walls behind the mount flags, so that it is the flags that answer.
const std::vector<std::string_view> later_walls = {"restrict with Landlock", "load seccomp filter"};

Wanted writable(plan::Mode mode) {
    return {.mode = mode, .edit_profile = [](policy::Profile& profile) {
                profile.filesystem.readonly_root = false;
                profile.filesystem.deny_write_execute = false;
            }};
}

struct Line {
    bool found = false;
    Text flags, options;
};

// The last line of mountinfo with this mount point.
Line line_of(InitContext& context, std::string_view mount_point) {
    Line line;
    const auto text = context.proc->read("self/mountinfo");
    if (!text) return line;
    const auto all = sys::parse_mountinfo(text.value());
    if (!all) return line;
    for (const sys::MountInfo& mount : all.value())
        if (mount.mount_point == mount_point) {
            line.found = true;
            line.flags = join(mount.flags, ",");
            line.options = join(mount.super_options, ",");
        }
    return line;
}

}  // namespace

TEST_CASE("root: read-only refuses to create, in every mode: without the flag it succeeds") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    ::chmod((bundle.rootfs() + "/var").c_str(), 0777);
    for (const plan::Mode mode : {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless}) {
        INFO(std::string(plan::mode_name(mode)));
        const auto create = [](InitContext&, int& error) { error = try_create("/var/new"); };
        const auto refused = confined<int>(bundle.plan({.mode = mode}), create, {.without = later_walls});
        REQUIRE_MESSAGE(refused.ok(), refused.failure.text.str());
        CHECK(refused.value == EROFS);
        const auto control = confined<int>(bundle.plan(writable(mode)), create, {.without = later_walls});
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value == 0);
    }
}

TEST_CASE("idmap trees: files of the image belong to the container's root, not to the host's") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct Owner {
        uint32_t uid, gid;
    };
    const auto look = [](InitContext&, Owner& owner) {
        struct stat status {};
        if (::stat("/bin/busybox", &status) == 0) owner = {status.st_uid, status.st_gid};
    };
    const plan::Plan plan = bundle.plan();
    const auto mapped = confined<Owner>(plan, look);
    REQUIRE_MESSAGE(mapped.ok(), mapped.failure.text.str());
    CHECK(mapped.value.uid == 0);
    CHECK(mapped.value.gid == 0);
    const auto control = confined<Owner>(plan, look, leaving_out({"idmap trees"}));
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.uid == 65534);  // unmapped
}

TEST_CASE("root: a device node of the image cannot be opened: under the OCI verbs it can") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const std::string node = bundle.rootfs() + "/var/zero";
    REQUIRE(::mknod(node.c_str(), S_IFCHR | 0666, ::makedev(1, 5)) == 0);
    ::chmod(node.c_str(), 0666);
    const auto open_node = [](InitContext&, int& error) { error = try_device("/var/zero"); };
    const auto refused = confined<int>(bundle.plan({.mode = plan::Mode::root}), open_node, {.without = later_walls});
    REQUIRE_MESSAGE(refused.ok(), refused.failure.text.str());
    CHECK(refused.value == EACCES);
    const auto control = confined<int>(bundle.oci_plan(), open_node);
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value == 0);
}

TEST_CASE("pivot root: nothing of the host is left below '/': without it the host is one chroot away") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    struct View {
        int mounts, program;
        bool host_root_in_table;
    };
    const auto look = [](InitContext& context, View& view) {
        const auto text = context.proc->read("self/mountinfo");
        if (!text) return;
        for (const char c : text.value()) view.mounts += c == '\n';
        view.program = ::access("/bin/busybox", F_OK) == 0;
        const auto lines = sys::parse_mountinfo(text.value());
        for (const sys::MountInfo& line : lines.value()) view.host_root_in_table = view.host_root_in_table || line.mount_point.starts_with("/work") || line.type == "cgroup";
    };
    const plan::Plan plan = bundle.plan({.mode = plan::Mode::root});
    const Choice early{.without = {}, .until = steps::Phase::paths};
    const auto pivoted = confined<View>(plan, look, early);
    REQUIRE_MESSAGE(pivoted.ok(), pivoted.failure.text.str());
    CHECK(pivoted.value.mounts == static_cast<int>(plan.mounts().mounts.size()) + 1);
    CHECK_FALSE(pivoted.value.host_root_in_table);
    CHECK(pivoted.value.program == 1);
    const auto control = confined<View>(plan, look, {.without = {"pivot root"}, .until = steps::Phase::paths});
    REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
    CHECK(control.value.mounts > pivoted.value.mounts);
}

TEST_CASE("make mounts private: what init mounts does not reach the host, even from a shared tree") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.plan({.mode = plan::Mode::root});
    // A host whose whole tree is shared, as under systemd: a namespace of the test's own stands in for it.
    const auto mounts_after = [&](const Choice& choice) {
        return in_child<int>([&](int& grown) {
            const Fd root = std::move(sys::open("/", O_PATH | O_DIRECTORY)).take();
            if (!sys::mount_setattr(root, AT_RECURSIVE, 0, 0, 1 << 20)) return;  // MS_SHARED
            const auto count = [] {
                const auto proc = sys::Procfs::host();
                const std::string text = proc ? proc.value().read("self/mountinfo").value() : "";
                return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
            };
            const int before = count();
            Failure failure;
            // The fork in here copies this namespace: peers of the same group.
            failure = confined<int>(plan, [](InitContext&, int&) { ::usleep(0); }, choice).failure;
            grown = failure.failed ? -1000 : count() - before;
        }, CLONE_NEWNS);
    };
    // Looked at after init has ended: a mount that propagated stays in the host's table.
    const auto kept = mounts_after({.without = {}, .until = steps::Phase::pivot});
    REQUIRE(kept);
    CHECK(*kept == 0);
    const auto control = mounts_after({.without = {"make mounts private"}, .until = steps::Phase::pivot});
    REQUIRE(control);
    CHECK(*control != 0);  // it reached the host, or the kernel refused the move onto a shared mount
}

TEST_CASE("mounts: tmpfs has the size, the inodes and the flags of the plan") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const plan::Mode mode : {plan::Mode::root, plan::Mode::root_userns, plan::Mode::rootless}) {
        INFO(std::string(plan::mode_name(mode)));
        struct View {
            uint64_t bytes, inodes;
            Line line;
            int executed;
        };
        const auto look = [](InitContext& context, View& view) {
            struct statfs status {};
            if (::statfs("/tmp", &status) == 0) view.bytes = status.f_blocks * static_cast<uint64_t>(status.f_bsize), view.inodes = status.f_files;
            view.line = line_of(context, "/tmp");
            const int copy = ::open("/tmp/program", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
            const auto bytes = sys::read_file(AT_FDCWD, "/bin/busybox", size_t{16} << 20);
            if (copy < 0 || !bytes || !sys::write_all(copy, bytes.value())) return;
            ::close(copy);
            view.executed = run_program("/tmp/program");
        };
        const Choice choice{.without = {"restrict with Landlock", "load seccomp filter", "close descriptors"}};
        const auto seen = confined<View>(bundle.plan({.mode = mode}), look, choice);
        REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
        CHECK(seen.value.bytes == 64 << 20);
        CHECK(seen.value.inodes == 8192);
        CHECK(seen.value.line.flags.contains("nosuid"));
        CHECK(seen.value.line.flags.contains("nodev"));
        CHECK(seen.value.line.flags.contains("noexec"));
        CHECK(seen.value.executed == 126);
        const auto control = confined<View>(bundle.plan({.mode = mode, .edit_profile = [](policy::Profile& profile) {
            profile.filesystem.deny_write_execute = false;
            for (policy::MountGrant& grant : *profile.filesystem.mounts) grant.noexec = false;
        }}), look, choice);
        REQUIRE_MESSAGE(control.ok(), control.failure.text.str());
        CHECK(control.value.executed == 0);
    }
}

TEST_CASE("mounts: /proc hides other users' processes, and is mounted nosuid, nodev, noexec") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const auto look = [](InitContext& context, Line& line) { line = line_of(context, "/proc"); };
    const auto seen = confined<Line>(bundle.plan(), look, leaving_out({"close descriptors", "restrict with Landlock", "load seccomp filter"}));
    REQUIRE_MESSAGE(seen.ok(), seen.failure.text.str());
    CHECK(seen.value.options.contains("hidepid=ptraceable"));
    for (const char* flag : {"nosuid", "nodev", "noexec"}) CHECK(seen.value.flags.contains(flag));
}

TEST_CASE("mounts: a symlink at /proc or /dev is refused, and not followed") {
    if (!needs(Need::root)) return;
    for (const std::string name : {"proc", "dev", "sys"}) {
        INFO(name);
        const TempBundle bundle;
        ::rmdir((bundle.rootfs() + "/" + name).c_str());
        bundle.directory("rootfs/elsewhere");
        bundle.link("/elsewhere", "rootfs/" + name);
        const Failure failure = refusal(bundle.plan({.mode = plan::Mode::root}));
        CHECK(failure.failed);
        CHECK(failure.text.contains("symbolic link"));
        CHECK(failure.text.contains("phase mounts: attach mounts"));
    }
}
