// RUN-17, RUN-50, RUN-53: what a filter says about arguments, not only about names.
#include <algorithm>

#include "audit/bundle_rules.h"
#include "audit/listed.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

using oci::Config;

// What the document's rules make of a call whatever its arguments are.
enum class Answer : uint8_t { denied, by_arguments, allowed };

bool allows(std::string_view action) { return action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG"; }

Answer answer_for(const oci::Seccomp& filter, std::string_view call) {
    Answer answer = allows(filter.default_action) ? Answer::allowed : Answer::denied;
    for (const oci::SeccompRule& rule : filter.syscalls) {
        if (!listed(rule.names, call)) continue;
        const Answer said = allows(rule.action) ? Answer::allowed : Answer::denied;
        if (rule.args.empty()) return said;
        if (said != answer) answer = Answer::by_arguments;
    }
    return answer;
}

// clone's flags are looked at where a rule masks them; clone3's cannot be, they lie in memory.
void no_new_namespaces(const Config& config, const Report& report) {
    if (!config.linux_.seccomp) return report("$.linux.seccomp", "none: namespaces can be made");
    std::vector<std::string> open;
    for (const char* call : {"unshare", "setns", "clone3"})
        if (answer_for(*config.linux_.seccomp, call) != Answer::denied) open.emplace_back(call);
    if (answer_for(*config.linux_.seccomp, "clone") == Answer::allowed) open.emplace_back("clone with any flags");
    if (!open.empty()) report("$.linux.seccomp", concat("allows ", join(open, " ")));
}

void families_limited(const Config& config, const Report& report) {
    if (config.linux_.seccomp && answer_for(*config.linux_.seccomp, "socket") == Answer::allowed)
        report("$.linux.seccomp", "allows socket with every address family");
}

void plain_personality(const Config& config, const Report& report) {
    const auto& personality = config.linux_.personality;
    if (personality && (personality->domain != "LINUX" || !personality->flags.empty()))
        report("$.linux.personality", concat(printable(personality->domain), ' ', join(personality->flags, " ")));
}

constexpr Check<Config> checks[] = {
    {"RUN-17", no_new_namespaces}, {"RUN-50", plain_personality}, {"RUN-53", families_limited}};

}  // namespace

std::span<const Check<Config>> seccomp_checks() { return checks; }

}  // namespace casemate::audit
