// The container's control group: made and limited before there is a process to limit (RECIPES H9, H12).
#include "base/log.h"
#include "base/text.h"
#include "steps/host/steps.h"

namespace casemate::steps::host {
namespace {

std::string describe_group(const plan::Plan& plan) {
    const cgroup::Draft& draft = plan.cgroup().draft;
    std::string text;
    for (const std::string& component : draft.components) text += concat("/", component);
    std::string limits;
    for (const cgroup::Setting& setting : draft.settings)
        limits += concat(limits.empty() ? ": " : ", ", setting.file, "=", setting.value.substr(0, setting.value.find('\n')));
    return concat(text, limits, draft.request.limits.devices ? concat(limits.empty() ? ": " : ", ", "devices by rule") : std::string());
}

bool has_v1(const plan::Plan& plan) {
    for (const cgroup::Hierarchy& hierarchy : plan.cgroup().draft.layout.hierarchies)
        if (hierarchy.version == cgroup::Version::v1) return !plan.cgroup().none;
    return false;
}

}  // namespace

// Before the bind sources are opened: the container's view of its group is a bind of these directories.
const HostStep make_cgroup{
    "make cgroup", Phase::prepare, [](const plan::Plan& plan) { return !plan.cgroup().none; }, describe_group,
    [](HostContext& context) -> Result<void> {
        context.prepared.group = TRY(cgroup::Group::create(context.plan.cgroup().draft));
        // Without privilege only: config.json's limits would have been an error.
        if (context.prepared.group.members().empty())
            log(LogLevel::info, concat("this user may make no cgroup: ", context.plan.cgroup().draft.request.limits.empty() ? "there is none" : "limits.memory, swap, cpu, pids and oomGroup are not applied"));
        return {};
    }};

// v2 is joined by birth. One write a hierarchy; they share a grace period of the kernel.
const HostStep join_cgroup{
    "join cgroup", Phase::adopt, has_v1, [](const plan::Plan&) { return std::string("cgroup.procs of the v1 hierarchies"); },
    [](HostContext& context) -> Result<void> { return context.prepared.group.attach(context.pid); }};

}  // namespace casemate::steps::host
