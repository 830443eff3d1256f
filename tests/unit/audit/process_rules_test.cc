// RUN on a running process: each rule finds what it is for, and is quiet about what looks like it.
#include "audit/process_facts.h"
#include "rule_support.h"

using namespace test;

namespace {

ProcessFacts clean_process() {
    ProcessFacts facts;
    facts.uids = facts.gids = {101001, 101001, 101001, 101001};
    facts.groups = {102000};
    facts.inside_uid = 1001;
    facts.no_new_privs = true;
    facts.seccomp_mode = 2;
    facts.umask = 077;
    facts.limits = {{"RLIMIT_CORE", {0, 0}}, {"RLIMIT_NOFILE", {1024, 1024}}, {"RLIMIT_NPROC", {64, 64}}};
    facts.mounts = {{"/", "overlay", {"ro", "nosuid"}, {"rw"}, {}},
                    {"/proc", "proc", {"ro", "nosuid"}, {"rw", "hidepid=invisible"}, {}},
                    {"/sys", "sysfs", {"ro"}, {"rw"}, {}},
                    {"/dev", "tmpfs", {"rw", "nosuid", "noexec"}, {"rw", "size=64k"}, {}},
                    {"/dev/null", "devtmpfs", {"rw", "nosuid"}, {"rw"}, {}},
                    {"/tmp", "tmpfs", {"rw", "nosuid", "nodev", "noexec"}, {"rw", "size=65536k"}, {"77"}}};
    facts.host_peer_groups = {"1", "2"};
    facts.environment = {"PATH=/usr/bin"};
    facts.security_label = "casemate";
    facts.cgroup = {
        {"pids.max", "64"}, {"memory.max", "67108864"}, {"memory.swap.max", "0"}, {"cpu.max", "50000 100000"}};
    facts.descriptors = {{0, "/dev/null", false}, {3, "socket:[1]", false}};
    facts.sensitive_paths = {"/proc/kcore", "/sys/firmware"};
    facts.mounts.push_back({"/proc/kcore", "devtmpfs", {"rw", "nosuid", "noexec", "nodev"}, {"rw"}, {}});
    facts.mounts.push_back({"/sys/firmware", "tmpfs", {"ro"}, {"ro", "size=0k"}, {}});
    facts.open_ports = {{80, true, 1}};
    facts.hostname = "app";
    facts.host_hostname = "host";
    facts.program = "/usr/bin/server";
    return facts;
}

std::vector<Finding> judge_process(const ProcessFacts& facts) {
    std::vector<Finding> findings;
    run_checks(process_checks(), facts, findings);
    run_checks(surroundings_checks(), facts, findings);
    return findings;
}

std::function<void(ProcessFacts&)> mounts(ProcessMount mount) {
    return [mount](ProcessFacts& facts) { facts.mounts.push_back(mount); };
}
std::function<void(ProcessFacts&)> shares(const char* kind) {
    return [kind](ProcessFacts& facts) { facts.shared_namespaces.insert(kind); };
}

const std::vector<Row<ProcessFacts>> found = {
    {"RUN-01", [](ProcessFacts& f) { f.uids[2] = 0; }, "Uid"},
    {"RUN-01", [](ProcessFacts& f) { f.inside_uid = 0; }, "uid_map"},
    {"RUN-02", [](ProcessFacts& f) { f.gids[3] = 0; }},
    {"RUN-02", [](ProcessFacts& f) { f.groups = {0}; }},
    {"RUN-03", [](ProcessFacts& f) { f.bounding = 1; }},
    {"RUN-04", [](ProcessFacts& f) { f.inheritable = 1; }, "CapInh"},
    {"RUN-04", [](ProcessFacts& f) { f.ambient = 1; }, "CapAmb"},
    {"RUN-05", [](ProcessFacts& f) { f.bounding = uint64_t{1} << 21; }},
    {"RUN-06", [](ProcessFacts& f) { f.permitted = uint64_t{1} << 13; }},
    {"RUN-07", [](ProcessFacts& f) { f.no_new_privs = false; }},
    {"RUN-08", [](ProcessFacts& f) { f.mounts[0].flags = {"rw"}; }},
    {"RUN-08", mounts({"/", "tmpfs", {"rw", "nosuid", "nodev", "noexec"}, {"rw"}, {}})},  // the topmost counts
    {"RUN-08", [](ProcessFacts& f) { f.mounts.clear(); }},
    {"RUN-09", [](ProcessFacts& f) { f.seccomp_mode = 0; }},
    {"RUN-13", shares("pid")},
    {"RUN-14", shares("net")},
    {"RUN-15", shares("uts")},
    {"RUN-16", shares("user")},
    {"RUN-19", [](ProcessFacts& f) { f.mounts[1].flags = {"rw"}; }},
    {"RUN-19",
     [](ProcessFacts& f) {
         f.mounts[1].flags = {"rw"};
         for (const char* path : {"/proc/sys", "/proc/irq", "/proc/bus"})
             f.mounts.push_back({path, "proc", {"ro"}, {"rw"}, {}});
     },
     "sysrq-trigger"},
    {"RUN-20", [](ProcessFacts& f) { f.mounts[1].super_options = {"rw"}; }},
    {"RUN-21", [](ProcessFacts& f) { f.mounts[2].flags = {"rw"}; }},
    {"RUN-22", mounts({"/data", "ext4", {"rw", "nosuid"}, {"rw"}, {}})},
    {"RUN-23", mounts({"/x", "tmpfs", {"rw", "nosuid", "nodev", "noexec"}, {"rw"}, {}})},
    {"RUN-25", mounts({"/run/docker.sock", "tmpfs", {"ro"}, {"rw"}, {}})},
    {"RUN-27", mounts({"/x", "ext4", {"ro"}, {"rw"}, {"2"}})},
    {"RUN-29", [](ProcessFacts& f) { f.cgroup["pids.max"] = "max"; }},
    {"RUN-29", [](ProcessFacts& f) { f.cgroup.clear(); }},
    {"RUN-30", [](ProcessFacts& f) { f.cgroup["memory.max"] = "max"; }},
    {"RUN-30", [](ProcessFacts& f) { f.cgroup["memory.swap.max"] = "max"; }},
    {"RUN-31", [](ProcessFacts& f) { f.cgroup["cpu.max"] = "max 100000"; }},
    {"RUN-33",
     [](ProcessFacts& f) {
         f.limits["RLIMIT_CORE"] = {0, 1};
     }},
    {"RUN-33", [](ProcessFacts& f) { f.limits.erase("RLIMIT_NPROC"); }},
    {"RUN-34", [](ProcessFacts& f) { f.umask = 022; }},
    {"RUN-35", [](ProcessFacts& f) { f.terminal = true; }},
    {"RUN-36", [](ProcessFacts& f) { f.security_label = "unconfined"; }},
    {"RUN-38", [](ProcessFacts& f) { f.environment.emplace_back("LD_PRELOAD=/x"); }},
    {"RUN-38", [](ProcessFacts& f) { f.environment.emplace_back("DB_PASSWORD=hunter2"); }},
    {"RUN-39",
     [](ProcessFacts& f) {
         f.descriptors.push_back({7, "/sys/fs/cgroup", true});
     },
     "fd/7"},
    {"RUN-51", [](ProcessFacts& f) { f.oom_score_adj = -500; }},
    {"RUN-18", [](ProcessFacts& f) { f.sensitive_paths.emplace_back("/proc/keys"); }, "/proc/keys"},
    {"RUN-18", [](ProcessFacts& f) { f.mounts.pop_back(); }, "/sys/firmware"},
    {"RUN-32", [](ProcessFacts& f) { f.in_root_cgroup = true; }},
    {"RUN-41", shares("net"), "port 80"},
    {"RUN-42", shares("net"), "port 80"},
    {"RUN-44", [](ProcessFacts& f) { f.default_route = true; }},
    {"RUN-50", [](ProcessFacts& f) { f.personality = 0x0040000; }},
    {"RUN-50", [](ProcessFacts& f) { f.personality = 0x0400000; }},
    {"RUN-54", [](ProcessFacts& f) { f.hostname = "host"; }},
    {"RUN-55", [](ProcessFacts& f) { f.program = "/usr/bin/server (deleted)"; }},
    {"RUN-55", [](ProcessFacts& f) { f.program = "/memfd:x"; }}};

const std::vector<Row<ProcessFacts>> quiet = {
    {"RUN-02", [](ProcessFacts& f) { f.groups.clear(); }},
    {"RUN-03", [](ProcessFacts& f) { f.ambient = 1; }},
    {"RUN-04", [](ProcessFacts& f) { f.bounding = 1; }},
    {"RUN-05", [](ProcessFacts& f) { f.bounding = uint64_t{1} << 10; }},
    {"RUN-06", [](ProcessFacts& f) { f.permitted = uint64_t{1} << 12; }},
    {"RUN-07", [](ProcessFacts& f) { f.seccomp_mode = 0; }},
    {"RUN-08", [](ProcessFacts& f) { f.mounts[0].flags = {"rw"}, f.mounts[0].super_options = {"ro"}; }},
    {"RUN-09", [](ProcessFacts& f) { f.seccomp_mode = 1; }},  // strict mode
    {"RUN-13", shares("user")},
    {"RUN-14", [](ProcessFacts& f) { f.default_route = true; }},  // a way out of its own
    {"RUN-15", shares("pid")},
    {"RUN-16", shares("mnt")},
    {"RUN-20", [](ProcessFacts& f) { f.mounts[1].super_options = {"rw", "subset=pid"}; }},
    {"RUN-21", mounts({"/sys/fs/cgroup", "cgroup2", {"rw"}, {"ro"}, {}})},
    {"RUN-22", mounts({"/dev/tty", "devtmpfs", {"rw", "nosuid"}, {"rw"}, {}})},
    {"RUN-22", mounts({"/dev/pts", "devpts", {"rw", "nosuid", "noexec"}, {"rw"}, {}})},
    {"RUN-23", mounts({"/x", "tmpfs", {"ro"}, {"rw"}, {}})},
    {"RUN-25", mounts({"/run/app.sock", "tmpfs", {"ro"}, {"rw"}, {}})},
    {"RUN-29", [](ProcessFacts& f) { f.cgroup["pids.max"] = "1"; }},
    {"RUN-30", [](ProcessFacts& f) { f.cgroup.erase("memory.swap.max"); }},  // a kernel without swap accounting
    {"RUN-32", [](ProcessFacts& f) { f.cgroup.clear(); }},
    {"RUN-33", [](ProcessFacts& f) { f.limits["RLIMIT_NOFILE"] = {64, 1 << 20}; }},
    {"RUN-34", [](ProcessFacts& f) { f.umask = 027; }},
    {"RUN-35", [](ProcessFacts& f) { f.descriptors.push_back({1, "/dev/pts/0", false}); }},  // its output, not its control
    {"RUN-36", [](ProcessFacts& f) { f.security_label = "casemate (enforce)"; }},
    {"RUN-38", [](ProcessFacts& f) { f.environment.emplace_back("LDAP_HOST=x"); }},
    {"RUN-44", shares("net")},
    {"RUN-50", [](ProcessFacts& f) { f.personality = 8; }},  // PER_LINUX32: another uname
    {"RUN-55", [](ProcessFacts& f) { f.program = "/usr/bin/deleted"; }},
    {"RUN-01", [](ProcessFacts& f) { f.inside_uid.reset(); }},
    {"RUN-19",
     [](ProcessFacts& f) {
         f.mounts[1].flags = {"rw"};
         for (const char* path : {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"})
             f.mounts.push_back({path, "proc", {"ro"}, {"rw"}, {}});
     }},
    {"RUN-19",
     [](ProcessFacts& f) {
         f.mounts[1].flags = {"rw"};
         for (const char* path : {"/proc/sys", "/proc/irq", "/proc/bus"})
             f.mounts.push_back({path, "proc", {"ro"}, {"rw"}, {}});
         f.mounts.push_back({"/proc/sysrq-trigger", "devtmpfs", {"rw"}, {"rw"}, {}});  // masked by /dev/null
     }},
    {"RUN-27", mounts({"/x", "ext4", {"ro"}, {"rw"}, {"99"}})},  // a group of its own
    {"RUN-31", [](ProcessFacts& f) { f.cgroup["cpu.max"] = "max 100000", f.cgroup["cpu.weight"] = "10"; }},
    {"RUN-39",
     [](ProcessFacts& f) {
         f.descriptors.push_back({7, "/data/x", false});
     }},
    {"RUN-51", [](ProcessFacts& f) { f.oom_score_adj = 500; }},
    {"RUN-18",
     [](ProcessFacts& f) {
         f.sensitive_paths.emplace_back("/proc/keys");
         f.mounts[1].super_options.emplace_back("subset=pid");
     }},
    {"RUN-18", [](ProcessFacts& f) { std::erase_if(f.mounts, [](const ProcessMount& m) { return m.point.starts_with("/sys"); }); }},
    {"RUN-41",
     [](ProcessFacts& f) {
         f.shared_namespaces.insert("net");
         f.open_ports = {{8080, false, 1}};
     }},
    {"RUN-42",
     [](ProcessFacts& f) {
         f.shared_namespaces.insert("net");
         f.open_ports = {{1024, true, 1}};
     }},
    {"RUN-54",
     [](ProcessFacts& f) {
         f.hostname = "host";
         f.shared_namespaces.insert("uts");
     }}};

}  // namespace

TEST_CASE("process rules: nothing is found in a hardened process") {
    CHECK(told(judge_process(clean_process())) == "");
}
TEST_CASE("process rules: each finds what it is for") {
    expect_found(found, clean_process(), judge_process);
    expect_all_tried(process_checks(), found);
    expect_all_tried(surroundings_checks(), found);
}
TEST_CASE("process rules: near misses") {
    expect_quiet(quiet, clean_process(), judge_process);
    expect_all_tried(process_checks(), quiet);
    expect_all_tried(surroundings_checks(), quiet);
}
