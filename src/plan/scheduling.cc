// How the kernel treats the process: CPU and I/O scheduling, personality, NUMA policy (config.md, Process;
// config-linux.md). Rules between the fields of one policy are checked here, so that the kernel's EINVAL stays away.
#include "base/text.h"
#include "plan/compiler.h"
#include "plan/expected.h"

namespace casemate::plan {
namespace {

struct Word {
    std::string_view name;
    uint32_t value;
};

// sched(7), ioprio_set(2), set_mempolicy(2) and their headers.
constexpr Word policies[] = {{"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},      {"SCHED_BATCH", 3},
                             {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6}};
constexpr Word scheduler_flags[] = {{"SCHED_FLAG_RESET_ON_FORK", 0x01},  {"SCHED_FLAG_RECLAIM", 0x02},
                                    {"SCHED_FLAG_DL_OVERRUN", 0x04},     {"SCHED_FLAG_KEEP_POLICY", 0x08},
                                    {"SCHED_FLAG_KEEP_PARAMS", 0x10},    {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
                                    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}};
constexpr Word io_classes[] = {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};
constexpr Word memory_modes[] = {{"MPOL_DEFAULT", 0}, {"MPOL_PREFERRED", 1},      {"MPOL_BIND", 2},               {"MPOL_INTERLEAVE", 3},
                                 {"MPOL_LOCAL", 4},   {"MPOL_PREFERRED_MANY", 5}, {"MPOL_WEIGHTED_INTERLEAVE", 6}};
constexpr Word memory_flags[] = {{"MPOL_F_STATIC_NODES", 1 << 15}, {"MPOL_F_RELATIVE_NODES", 1 << 14}, {"MPOL_F_NUMA_BALANCING", 1 << 13}};
constexpr Word domains[] = {{"LINUX", 0}, {"LINUX32", 8}};

template <size_t N>
Result<uint32_t> value_of(const Word (&words)[N], std::string_view name) {
    for (const Word& word : words)
        if (word.name == name) return word.value;
    return Error::invalid(concat("unknown value ", quoted(name)));
}

Result<SchedulerPlan> scheduler_plan(const oci::Scheduler& asked) {
    SchedulerPlan plan;
    plan.name = asked.policy;
    plan.policy = TRY(value_of(policies, asked.policy));
    const bool fair = asked.policy == "SCHED_OTHER" || asked.policy == "SCHED_BATCH";
    const bool realtime = asked.policy == "SCHED_FIFO" || asked.policy == "SCHED_RR";
    const bool deadline = asked.policy == "SCHED_DEADLINE";
    if (asked.policy == "SCHED_ISO") return Error::with_code(ENOTSUP, "policy: SCHED_ISO is reserved by Linux and not in any kernel");
    if (asked.nice.value_or(0) != 0 && !fair) return Error::invalid(concat("nice: ", asked.policy, " has none"));
    if (asked.priority.value_or(0) != 0 && !realtime) return Error::invalid(concat("priority: ", asked.policy, " has none"));
    if (realtime && asked.priority.value_or(0) < 1) return Error::invalid(concat("priority: ", asked.policy, " needs one of 1 to 99"));
    if (!deadline && (asked.runtime.value_or(0) || asked.deadline.value_or(0) || asked.period.value_or(0)))
        return Error::invalid(concat("runtime, deadline and period: ", asked.policy, " has none"));
    plan.nice = asked.nice.value_or(0);
    plan.priority = static_cast<uint32_t>(asked.priority.value_or(0));
    plan.runtime = asked.runtime.value_or(0);
    plan.deadline = asked.deadline.value_or(0);
    plan.period = asked.period.value_or(0);
    for (const std::string& flag : asked.flags) plan.flags |= TRY(value_of(scheduler_flags, flag));
    return plan;
}

Result<MemoryPolicyPlan> memory_plan(const oci::MemoryPolicy& asked) {
    MemoryPolicyPlan plan;
    plan.text = asked.mode;
    plan.mode = static_cast<int>(TRY(value_of(memory_modes, asked.mode)));
    for (const std::string& flag : asked.flags) {
        plan.mode |= static_cast<int>(TRY(value_of(memory_flags, flag)));
        plan.text += concat(" ", flag);
    }
    const bool takes_nodes = asked.mode != "MPOL_DEFAULT" && asked.mode != "MPOL_LOCAL";
    if (!takes_nodes && !asked.nodes.empty()) return Error::invalid(concat("nodes: ", asked.mode, " takes none"));
    if (takes_nodes && asked.mode != "MPOL_PREFERRED" && asked.nodes.empty()) return Error::invalid(concat("nodes: ", asked.mode, " needs some"));
    if (!asked.nodes.empty()) plan.text += concat(" nodes ", asked.nodes);
    if (asked.nodes.empty()) return plan;
    for (const unsigned node : TRY_IN("nodes", parse_cpu_list(asked.nodes))) {
        if (plan.nodes.size() <= node / 64) plan.nodes.resize(node / 64 + 1);
        plan.nodes[node / 64] |= uint64_t{1} << node % 64;
    }
    return plan;
}

}  // namespace

std::string scheduler_text(uint32_t policy, int32_t nice, uint32_t priority) {
    std::string text = concat("policy ", policy);
    for (const Word& word : policies)
        if (word.value == policy) text = word.name;
    if (priority) return concat(text, " priority ", priority);
    return nice ? concat(text, " nice ", nice) : text;
}

Result<void> Compiler::scheduling() {
    ProcessPlan& plan = plan_.process_;
    const oci::Process& process = *config_.process;
    if (process.scheduler) plan.scheduler = TRY_IN("config.json: $.process.scheduler", scheduler_plan(*process.scheduler));
    if (process.io_priority) {
        constexpr int class_shift = 13;  // IOPRIO_CLASS_SHIFT
        const uint32_t io_class = TRY_IN("config.json: $.process.ioPriority.class", value_of(io_classes, process.io_priority->io_class));
        plan.io_priority = static_cast<int>(io_class) << class_shift | process.io_priority->priority;
    }
    if (const auto& wanted = config_.linux_.personality) {
        if (!wanted->flags.empty()) return Error::with_code(ENOTSUP, "config.json: $.linux.personality.flags: the specification has none yet");
        plan.personality = TRY_IN("config.json: $.linux.personality.domain", value_of(domains, wanted->domain));
    }
    if (config_.linux_.memory_policy) plan.memory_policy = TRY_IN("config.json: $.linux.memoryPolicy", memory_plan(*config_.linux_.memory_policy));
    if (config_.linux_.intel_rdt)
        return Error::with_code(ENOTSUP, concat("config.json: $.linux.intelRdt: ", facts_.resctrl ? "resource control groups are not applied by this version of casemate"
                                                                                                  : "this host has no resctrl file system"));
    return {};
}

}  // namespace casemate::plan
