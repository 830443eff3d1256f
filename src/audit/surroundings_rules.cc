// RUN on a running process: where it stands. Masked paths, control group, ports, routes, name, program.
#include <algorithm>

#include "audit/listed.h"
#include "audit/process_facts.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

bool is_mount_point(const ProcessFacts& facts, std::string_view path) {
    return std::ranges::any_of(facts.mounts, [&](const ProcessMount& mount) { return mount.point == path; });
}

// A /proc with subset=pid has none of them.
void paths_masked(const ProcessFacts& facts, const Report& report) {
    const auto proc = std::ranges::find(facts.mounts, "/proc", &ProcessMount::point);
    const bool subset = proc != facts.mounts.end() && listed(proc->super_options, "subset=pid");
    for (const std::string& path : facts.sensitive_paths) {
        const bool in_proc = path.starts_with("/proc/");
        if (!is_mount_point(facts, in_proc ? "/proc" : "/sys") || (in_proc && subset)) continue;
        if (!is_mount_point(facts, path)) report(path, "is not masked");
    }
}

void own_cgroup(const ProcessFacts& facts, const Report& report) {
    if (facts.in_root_cgroup) report("cgroup", "it is in the root of every hierarchy: no limit can hold it");
}

void named_address(const ProcessFacts& facts, const Report& report) {
    if (!facts.shared_namespaces.contains("net")) return;
    for (const OpenPort& port : facts.open_ports)
        if (port.wildcard) report(concat("port ", port.port), "open on every address of the host");
}

void no_low_port(const ProcessFacts& facts, const Report& report) {
    if (!facts.shared_namespaces.contains("net")) return;
    for (const OpenPort& port : facts.open_ports)
        if (port.port < 1024) report(concat("port ", port.port), "a port of the host's that is below 1024");
}

void egress_closed(const ProcessFacts& facts, const Report& report) {
    if (facts.default_route) report("net/route", "a route leads everywhere");
}

void plain_personality(const ProcessFacts& facts, const Report& report) {
    constexpr uint64_t address_no_randomize = 0x0040000, read_implies_exec = 0x0400000, compatible_layout = 0x0200000;
    if ((facts.personality & address_no_randomize) != 0) report("personality", "addresses are not randomised");
    if ((facts.personality & (read_implies_exec | compatible_layout)) != 0)
        report("personality", "what is readable is executable, or the old layout");
}

void own_name(const ProcessFacts& facts, const Report& report) {
    if (!facts.shared_namespaces.contains("uts") && facts.hostname == facts.host_hostname)
        report("hostname", concat(quoted(facts.hostname), " is the host's"));
}

void program_is_there(const ProcessFacts& facts, const Report& report) {
    if (facts.program.ends_with(" (deleted)")) report("exe", concat(quoted(facts.program), ": its file is gone"));
    if (facts.program.starts_with("/memfd:")) report("exe", concat(quoted(facts.program), " comes from no file"));
}

constexpr Check<ProcessFacts> checks[] = {
    {"RUN-18", paths_masked},  {"RUN-32", own_cgroup},    {"RUN-41", named_address},     {"RUN-42", no_low_port},
    {"RUN-44", egress_closed}, {"RUN-50", plain_personality}, {"RUN-54", own_name}, {"RUN-55", program_is_there}};

}  // namespace

std::span<const Check<ProcessFacts>> surroundings_checks() { return checks; }

}  // namespace casemate::audit
