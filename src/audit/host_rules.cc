// HOST, and RUN-45: what no container can make good.
#include <algorithm>

#include "audit/host_facts.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

void files_safe(const HostFacts& facts, const Report& report) {
    for (const HostFile& file : facts.files) {
        const bool sticky = (file.mode & 01000) != 0;
        if (file.uid != 0) report(printable(file.path), concat("belongs to uid ", file.uid));
        if ((file.mode & 0022) != 0 && !sticky) report(printable(file.path), "others may write to it");
    }
}

void features_there(const HostFacts& facts, const Report& report) {
    if (facts.kernel_major < 6 || (facts.kernel_major == 6 && facts.kernel_minor < 1))
        report("kernel", concat(facts.kernel_major, '.', facts.kernel_minor, " is older than 6.1"));
    if (facts.landlock_abi == 0) report("landlock", "not there, or not among the active security modules");
    if (!facts.seccomp_filter) report("seccomp", "the kernel has no filters");
    if (!facts.cgroup_v2) report("cgroup", "no version 2 with controllers: limits are incomplete");
    const auto most = facts.sysctls.find("user.max_user_namespaces");
    if (most == facts.sysctls.end() || most->second == "0") report("user.max_user_namespaces", "no user namespaces");
}

// Each with its least value.
void settings_sane(const HostFacts& facts, const Report& report) {
    static constexpr std::pair<const char*, uint64_t> wanted[] = {
        {"kernel.kptr_restrict", 1},    {"kernel.dmesg_restrict", 1},      {"kernel.unprivileged_bpf_disabled", 1},
        {"kernel.yama.ptrace_scope", 1}, {"kernel.randomize_va_space", 2}, {"fs.protected_symlinks", 1},
        {"fs.protected_hardlinks", 1},  {"fs.protected_fifos", 1},         {"fs.protected_regular", 1},
        {"kernel.kexec_load_disabled", 1}};
    for (const auto& [name, least] : wanted) {
        const auto found = facts.sysctls.find(name);
        if (found == facts.sysctls.end()) continue;  // the kernel was built without it
        if (parse_decimal(found->second).value_or(0) < least)
            report(name, concat(printable(found->second), ", better ", least));
    }
}

constexpr Check<HostFacts> checks[] = {{"HOST-01", files_safe}, {"HOST-02", features_there}, {"HOST-03", settings_sane}};

std::string value_of(const UnitFacts& facts, const std::string& key) {
    const auto found = facts.values.find(key);
    return found == facts.values.end() ? std::string() : found->second;
}

// What a launcher can live under (docs/audit.md): namespaces and mounts are its work, the rest is not.
void unit_hardened(const UnitFacts& facts, const Report& report) {
    static constexpr std::pair<const char*, const char*> wanted[] = {
        {"ProtectSystem", "strict"},        {"ProtectHome", "yes"},     {"PrivateTmp", "yes"},
        {"ProtectKernelModules", "yes"},    {"LockPersonality", "yes"}, {"SystemCallArchitectures", "native"},
        {"RestrictAddressFamilies", nullptr}, {"CapabilityBoundingSet", nullptr}, {"UMask", "0077"}};
    for (const auto& [key, value] : wanted) {
        const std::string seen = value_of(facts, concat("Service.", key));
        const bool yes = value && std::string_view(value) == "yes" && (seen == "true" || seen == "1" || seen == "on");
        const bool read_only_home = std::string_view(key) == "ProtectHome" && (seen == "read-only" || seen == "tmpfs");
        if (seen.empty())
            report(concat("Service.", key), "not given");
        else if (value && seen != value && !yes && !read_only_home)
            report(concat("Service.", key), concat(quoted(seen), ", better ", quoted(value)));
    }
}

void restarts_bounded(const UnitFacts& facts, const Report& report) {
    const std::string restart = value_of(facts, "Service.Restart");
    if (restart.empty() || restart == "no") return;
    for (const char* key : {"Unit.StartLimitBurst", "Unit.StartLimitIntervalSec"}) {
        const std::string seen = value_of(facts, key);
        if (seen.empty() || seen == "0") report(key, seen.empty() ? "not given: systemd's default counts" : "0: no bound");
    }
}

constexpr Check<UnitFacts> unit_list[] = {{"HOST-04", unit_hardened}, {"RUN-45", restarts_bounded}};

}  // namespace

UnitFacts parse_unit(std::string_view text) {
    UnitFacts facts;
    std::string section, pending;
    for (const std::string_view raw : split(text, '\n')) {
        const std::string_view line = trimmed(raw);
        if (line.empty() || line[0] == '#' || line[0] == ';') continue;
        pending += line;
        if (pending.ends_with('\\')) {
            pending.back() = ' ';
            continue;
        }
        const std::string whole = std::move(pending);
        pending.clear();
        const size_t equals = whole.find('=');
        if (whole.front() == '[' && whole.back() == ']')
            section = whole.substr(1, whole.size() - 2);
        else if (equals != std::string::npos)
            facts.values[concat(section, '.', trimmed(std::string_view(whole).substr(0, equals)))] =
                trimmed(std::string_view(whole).substr(equals + 1));
    }
    return facts;
}

std::span<const Check<HostFacts>> host_checks() { return checks; }
std::span<const Check<UnitFacts>> unit_checks() { return unit_list; }

}  // namespace casemate::audit
