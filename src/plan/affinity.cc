// process.execCPUAffinity: on which CPUs an exec'ed process begins, and stays once it is in the container's cgroup.
#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {

Result<std::vector<unsigned>> parse_cpu_list(std::string_view text) {
    constexpr uint64_t highest = 1023;  // CPU_SETSIZE - 1
    std::vector<unsigned> cpus;
    for (const std::string_view range : split(text, ',')) {
        const size_t dash = range.find('-');
        const auto first = parse_decimal(trimmed(range.substr(0, dash)), highest);
        const auto last = dash == std::string_view::npos ? first : parse_decimal(trimmed(range.substr(dash + 1)), highest);
        if (!first || !last || *first > *last) return Error::invalid(concat(quoted(text), " is no list of CPUs like '0-3,7'"));
        for (uint64_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<unsigned>(cpu));
    }
    return cpus;
}

Result<void> Compiler::affinity() {
    const auto& wanted = config_.process->exec_cpu_affinity;
    if (!wanted) return {};
    ProcessPlan& plan = plan_.process_;
    if (!wanted->initial.empty()) plan.initial_cpus = TRY_IN("process.execCPUAffinity.initial", parse_cpu_list(wanted->initial));
    if (!wanted->final.empty()) plan.final_cpus = TRY_IN("process.execCPUAffinity.final", parse_cpu_list(wanted->final));
    return {};
}

}  // namespace casemate::plan
