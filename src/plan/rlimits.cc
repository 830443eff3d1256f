// Resource limits: config.json's and the profile's, the lower of the two.
#include <sys/resource.h>

#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

constexpr std::pair<std::string_view, int> names[] = {
    {"RLIMIT_AS", RLIMIT_AS},           {"RLIMIT_CORE", RLIMIT_CORE},         {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},       {"RLIMIT_FSIZE", RLIMIT_FSIZE},       {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}, {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},   {"RLIMIT_NPROC", RLIMIT_NPROC},       {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},   {"RLIMIT_RTTIME", RLIMIT_RTTIME},     {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK}};

}  // namespace

std::optional<int> rlimit_number(std::string_view name) {
    for (const auto& [known, number] : names)
        if (known == name) return number;
    return std::nullopt;
}

Result<void> Compiler::rlimits() {
    std::vector<Rlimit>& limits = plan_.process_.rlimits;
    for (const oci::Rlimit& wanted : config_.process->rlimits) {
        const auto number = rlimit_number(wanted.type);
        if (!number) return Error::invalid(concat("config.json: $.process.rlimits: unknown type ", quoted(wanted.type)));
        if (wanted.soft > wanted.hard) return Error::invalid(concat("config.json: $.process.rlimits: ", wanted.type, ": soft is above hard"));
        limits.push_back({*number, wanted.type, wanted.soft, wanted.hard});
    }
    if (profile_.limits.rlimits) {
        for (const auto& [name, bound] : *profile_.limits.rlimits) {
            // Without an own user namespace the kernel counts that uid's processes on the whole host (PROFILE 2.8).
            if (name == "RLIMIT_NPROC" && !own_user_namespace()) {
                note("limits.rlimits.RLIMIT_NPROC is not applied: without an own user namespace it counts the uid's processes on the whole host");
                continue;
            }
            const auto present = std::ranges::find(limits, name, &Rlimit::name);
            if (present == limits.end()) {
                limits.push_back({*rlimit_number(name), name, bound.soft, bound.hard});
            } else {
                present->soft = std::min(present->soft, bound.soft);
                present->hard = std::min(present->hard, bound.hard);
            }
        }
    }
    // "At most": a lower limit of the caller's own stands (PROFILE 2.8). Under `oci` config.json's numbers are exact.
    if (request_.launch)
        for (Rlimit& limit : limits)
            for (const auto& [resource, hard] : facts_.hard_limits)
                if (resource == limit.resource && hard < limit.hard) {
                    limit.hard = hard;
                    limit.soft = std::min(limit.soft, hard);
                }
    return {};
}

}  // namespace casemate::plan
