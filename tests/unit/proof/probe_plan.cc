// What the probe is to try under the shipped profiles. The expectations that matter most are written out here: a plan
// or a filter that became weaker must not make the probe expect less without a test that turns red.
#include "proof/probe_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "unit/proof/plans.h"

using namespace casemate;
using namespace casemate::proof;
using namespace casemate::proof::test;

namespace {

std::map<std::string, std::string> expectations(const Planned& planned) {
    std::map<std::string, std::string> by_name;
    for (const ProbeCheck& check : probe_checks(planned.plan, planned.profile)) by_name[check.name] = check.expected;
    return by_name;
}

// Of every profile that extends hardened.
const std::map<std::string, std::string>& always() {
    static const std::map<std::string, std::string> all = {
        {"a call through i386's entry", "SIGSYS|EFAULT"},
        {"add_key", "EPERM"},
        {"bounding set", "0"},
        {"bpf", "EPERM"},
        {"capabilities", "none"},
        {"chroot", "EPERM"},
        {"clone CLONE_NEWUSER", "EPERM"},
        {"clone CLONE_NEWUSER with bit 32", "EPERM"},
        {"clone3", "ENOSYS"},
        {"descriptors", "0-2"},
        {"device /dev/kvm", "ENOENT"},
        {"device /dev/mem", "ENOENT"},
        {"exec of a memfd", "ENOSYS"},
        {"finit_module", "EPERM"},
        {"interfaces", "lo|none"},
        {"io_uring_setup", "EPERM"},
        {"ioctl TIOCSTI", "EPERM"},
        {"ioctl TIOCSTI with bits 32, 63", "EPERM"},
        {"kexec_load", "EPERM"},
        {"keyctl: id of the session keyring", "EPERM"},
        {"Landlock: write /proc/self/comm", "EACCES"},
        {"masked /proc/kcore: read", "empty|ENOENT"},
        {"MDWE", "1"},
        {"mount a tmpfs on /", "EPERM"},
        {"no_new_privs", "1"},
        {"open_by_handle_at", "EPERM"},
        {"perf_event_open", "EPERM"},
        {"personality READ_IMPLIES_EXEC with bits 32, 63", "EPERM"},
        {"pidfd_getfd of a sibling", "EPERM"},
        {"process_vm_readv of a sibling", "EPERM"},
        {"ptrace ATTACH a sibling", "EPERM"},
        {"raise an ambient capability", "EPERM"},
        {"readonly /proc/sys: flags", "ok|ENOENT"},
        {"reboot", "EPERM"},
        {"root: create in /", "EROFS|ENOENT|ENOTDIR"},
        {"root: create in /etc", "EROFS|ENOENT|ENOTDIR"},
        {"seccomp mode", "2"},
        {"setns", "EPERM"},
        {"setuid files of the image", "ignored"},
        {"socket AF_ALG", "EAFNOSUPPORT"},
        {"socket AF_PACKET", "EAFNOSUPPORT"},
        {"socket AF_VSOCK", "EAFNOSUPPORT"},
        {"swapon", "EPERM"},
        {"unshare CLONE_NEWUSER", "EPERM"},
        {"userfaultfd", "EPERM"},
        {"variables that are refused", "none"},
        {"W+X: mmap", "EACCES"},
        {"W+X: mprotect of a written page", "EACCES"},
        {"W+X: pkey_mprotect", "EACCES"},
    };
    return all;
}

}  // namespace

TEST_CASE("hardened, strict, web and batch expect what must never be weaker") {
    for (const char* name : {"hardened", "strict", "web", "batch"}) {
        if (std::string(name) == "strict") continue;  // see below
        CAPTURE(name);
        const auto seen = expectations(planned(std::string(name)));
        for (const auto& [check, expected] : always()) {
            CAPTURE(check);
            REQUIRE(seen.count(check) == 1);
            CHECK(seen.at(check) == expected);
        }
    }
}

TEST_CASE("strict without its control group expects the same and more") {
    policy::Profile profile = shipped("strict");
    profile.limits.cgroup = policy::CgroupNeed::optional;
    const auto seen = expectations(planned(profile));
    for (const auto& [check, expected] : always()) {
        CAPTURE(check);
        REQUIRE(seen.count(check) == 1);
        CHECK(seen.at(check) == expected);
    }
    CHECK(seen.at("proc shows pids alone") == "ENOENT");
    CHECK(seen.at("no sysfs") == "ENOENT");
    CHECK(seen.at("TCP to 192.0.2.1") == "EAFNOSUPPORT");
    CHECK(seen.at("raw socket") == "EAFNOSUPPORT");
    CHECK(seen.at("W+X: shmat SHM_EXEC") == "shmget EPERM");
    CHECK(seen.at("setuid(0)") == "EPERM");
}

TEST_CASE("at least 60 checks, each with a name of its own") {
    for (const char* name : {"hardened", "web", "batch"}) {
        const Planned made = planned(std::string(name));
        const auto checks = probe_checks(made.plan, made.profile);
        CHECK(checks.size() >= 60);
        std::set<std::string> names;
        size_t judged = 0;
        for (const ProbeCheck& check : checks) {
            names.insert(check.name);
            if (check.expected != "any") ++judged;
        }
        CHECK(names.size() == checks.size());
        CHECK(judged >= 60);
        CHECK(probe_arguments(checks).size() == 1 + 2 * checks.size());
    }
}

TEST_CASE("a profile that restricts nothing expects nothing of the filter") {
    const Planned made = planned(std::string("oci"));
    for (const ProbeCheck& check : probe_checks(made.plan, made.profile)) {
        CAPTURE(check.name);
        if (check.kind == "sweep") FAIL("a sweep without a filter");
        if (check.name == "unshare CLONE_NEWUSER" || check.name == "W+X: mmap" || check.name == "exec of a memfd")
            CHECK(check.expected == "any");
    }
}

TEST_CASE("an inherited socket is tried four ways, and connect is denied") {
    const auto seen = expectations(planned(std::string("web"), 1));
    CHECK(seen.at("descriptors") == "0-3");
    CHECK(seen.at("inherited socket 3: forget and connect") == "denied");
    CHECK(seen.at("inherited socket 3: MSG_FASTOPEN") == "EOPNOTSUPP");
    CHECK(seen.at("inherited socket 3: an accepted one connects") == "denied");
    CHECK(seen.at("inherited socket 3: an accepted one listens") == "denied");
}

TEST_CASE("the profile's own expectations are checks as well") {
    policy::Profile profile = shipped("hardened");
    using Act = policy::Expectation::Act;
    profile.expect = {{Act::syscall, "ptrace", "EPERM"},
                      {Act::read, "/etc/hostname", "ok"},
                      {Act::connect, "10.0.0.1:80", "denied"},
                      {Act::syscall, "getpid", "ok"}};
    const Planned made = planned(profile);
    std::map<std::string, ProbeCheck> by_name;
    for (const ProbeCheck& check : probe_checks(made.plan, made.profile)) by_name[check.name] = check;
    CHECK(by_name.at("expect: ptrace").expected == "EPERM");
    CHECK(by_name.at("expect: getpid").expected == "not refused");
    CHECK(by_name.at("expect: /etc/hostname: read").expected == "ok|empty");
    CHECK(by_name.at("expect: 10.0.0.1:80: connect").object == "10.0.0.1:80");
}

TEST_CASE("judgement") {
    CHECK(judge("EPERM", "EPERM") == ProbeStatus::passed);
    CHECK(judge("EPERM", "ok") == ProbeStatus::surprise);
    CHECK(judge("EPERM", "EFAULT") == ProbeStatus::surprise);
    CHECK(judge("EROFS|ENOENT", "ENOENT") == ProbeStatus::passed);
    CHECK(judge("denied", "EACCES") == ProbeStatus::passed);
    CHECK(judge("denied", "SIGSYS") == ProbeStatus::passed);
    CHECK(judge("denied", "ok") == ProbeStatus::surprise);
    CHECK(judge("denied", "no answer") == ProbeStatus::surprise);
    CHECK(judge("denied", "SIGALRM") == ProbeStatus::surprise);
    CHECK(judge("absolute", "/srv") == ProbeStatus::passed);
    CHECK(judge("absolute", "(unreachable)/srv") == ProbeStatus::surprise);
    CHECK(judge("not refused", "EBADF") == ProbeStatus::passed);
    CHECK(judge("not refused", "EPERM") == ProbeStatus::surprise);
    CHECK(judge("any", "ok") == ProbeStatus::recorded);
    CHECK(judge("gained nothing", "skip: no setuid file was prepared") == ProbeStatus::skipped);
}

TEST_CASE("what the probe did not say is a surprise") {
    const std::vector<ProbeCheck> checks = {{"a", "k", "", "EPERM"}, {"b", "k", "", "EPERM"}, {"c", "k", "", "EPERM"}};
    auto results = judge_probe(checks, "0 EPERM\n1 EPERM\n");
    CHECK(results[1].status == ProbeStatus::passed);
    CHECK(results[2].status == ProbeStatus::surprise);
    CHECK(results[2].seen == "no answer");
    results = judge_probe(checks, "0 EPERM\n2 EPERM\n1 EPERM\n");
    CHECK(results[1].status == ProbeStatus::surprise);
    CHECK(judge_probe(checks, "")[0].status == ProbeStatus::surprise);
}
