// The device policy as the kernel enforces it: v1 lists and v2 programs give the same answers.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "cgroup/device_rules.h"
#include "kernel/cgroup/groups.h"
#include "sys/bpf.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::cgroup;
using namespace casemate::test;

namespace {

int error_of(const char* path, int flags) {
    const int fd = ::open(path, flags | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return errno;
    ::close(fd);
    return 0;
}

int error_of_mknod(mode_t type, unsigned major, unsigned minor) {
    const std::string path = concat("/tmp/casemate-test-node-", ::getpid());
    const int error = ::mknod(path.c_str(), type | 0600, makedev(major, minor)) == 0 ? 0 : errno;
    ::unlink(path.c_str());
    return error;
}

// One bit an act that is denied with EPERM.
int denied() {
    int bits = 0, bit = 1;
    for (const int error :
         {error_of("/dev/null", O_RDWR), error_of("/dev/zero", O_RDONLY), error_of("/dev/zero", O_RDWR),
          error_of("/dev/urandom", O_RDONLY), error_of_mknod(S_IFCHR, 1, 3), error_of_mknod(S_IFBLK, 7, 99)}) {
        bits |= error == EPERM ? bit : 0;
        bit *= 2;
    }
    return bits;
}
enum Denied { null = 1, zero_read = 2, zero_write = 4, urandom = 8, make_char = 16, make_block = 32 };

Limits with(std::vector<DeviceRule> rules) {
    Limits limits;
    limits.devices = std::move(rules);
    return limits;
}

// v2 needs no controller for devices, v1 a hierarchy that has it.
std::vector<View> device_views() {
    std::vector<View> present = views();
    std::erase_if(present, [](View view) {
        return view == View::host || (view == View::v1 && !has_controller("devices", view));
    });
    return present;
}

size_t programs_on(const Group& group) {
    const Fd directory = sys::openat2(group.unified()->fd, ".", O_RDONLY | O_DIRECTORY, 0).take();
    return sys::bpf_device_programs(directory).take().size();
}

}  // namespace

TEST_CASE("devices: what no rule allows is denied, and nothing is without a policy") {
    for (const View view : device_views()) {
        TestGroup none(with({}), view), open({}, view);
        REQUIRE_MESSAGE(none.made(), none.error());
        CHECK(Member(*none, denied).wait() == (null | zero_read | zero_write | urandom | make_char | make_block));
        CHECK(Member(*open, denied).wait() == 0);  // control
    }
}

TEST_CASE("devices: single accesses, nodes and an exception from everything") {
    for (const View view : device_views()) {
        TestGroup some(with({{false},
                             {true, 'c', 1, 3, access::all},
                             {true, 'c', 1, 5, access::read},
                             {true, 'b', {}, {}, access::mknod}}),
                       view);
        REQUIRE_MESSAGE(some.made(), some.error());
        CHECK(Member(*some, denied).wait() == (zero_write | urandom));
        TestGroup all_but(with({{true}, {false, 'c', 1, 9, access::read}}), view);
        REQUIRE_MESSAGE(all_but.made(), all_but.error());
        CHECK(Member(*all_but, denied).wait() == urandom);
        TestGroup defaults(with(default_device_rules()), view);
        CHECK(Member(*defaults, denied).wait() == 0);
    }
}

TEST_CASE("devices: an update replaces the policy") {
    for (const View view : device_views()) {
        TestGroup group(with({{true}}), view);
        REQUIRE_MESSAGE(group.made(), group.error());
        CHECK(Member(*group, denied).wait() == 0);
        for (int round = 0; round < 3; ++round) REQUIRE(group->update(with({{true, 'c', 1, 3, access::all}})));
        CHECK(Member(*group, denied).wait() == (zero_read | zero_write | urandom | make_block));
        REQUIRE(group->update(with({{true}})));
        CHECK(Member(*group, denied).wait() == 0);
        if (view == View::v2) CHECK(programs_on(*group) == 1);
    }
}

TEST_CASE("devices: the longest list loads, whatever its rules") {
    if (!needs_view(View::v2)) return;
    std::vector<DeviceRule> rules;
    for (uint32_t i = 0; i < 512; ++i)
        rules.push_back({i % 3 != 0, i % 2 ? 'c' : 'b', i % 100, i, static_cast<uint8_t>(1 + i % 7)});
    const auto loaded = sys::bpf_load_device_program(device_program(rules).take());
    CHECK_MESSAGE(loaded, loaded.error().text());
}

TEST_CASE("devices: without the right to load a program the error says what it takes") {
    if (!needs_view(View::v2)) return;
    struct Seen {
        bool failed;
        Text text, hint;
    };
    const auto seen = in_child<Seen>([](Seen& out) {
        if (!become_user(plain_user)) return;
        const auto loaded = sys::bpf_load_device_program(device_program({}).take());
        out.failed = !loaded;
        if (!loaded) out.text = loaded.error().text(), out.hint = loaded.error().hint_text();
    });
    REQUIRE(seen);
    CHECK(seen->failed);
    CHECK(seen->text.contains("EPERM"));
    CHECK(seen->hint.contains("CAP_BPF"));
}
