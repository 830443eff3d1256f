// AppArmor and SELinux labels. A label that this host cannot apply ends the launch, in runc's words: engines match them.
#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

bool is_label(const std::string& text) {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Result<void> Compiler::labels() {
    ProcessPlan& plan = plan_.process_;
    // The profile's label is the host's own; config.json's stands where the profile has none.
    plan.apparmor_profile = profile_.process.apparmor_profile.value_or(config_.process->apparmor_profile);
    plan.selinux_label = profile_.process.selinux_label.value_or(config_.process->selinux_label);
    const std::string& mount_label = config_.linux_.mount_label;
    if (!is_label(plan.apparmor_profile) || !is_label(plan.selinux_label) || !is_label(mount_label))
        return Error::invalid("process.apparmorProfile, process.selinuxLabel, linux.mountLabel: a control character in the label");
    if (!facts_.apparmor && plan.apparmor_profile == "unconfined") plan.apparmor_profile.clear();  // what it is anyway
    if (!plan.apparmor_profile.empty() && !facts_.apparmor)
        return Error::with_code(ENOTSUP, "apparmorProfile: config provided but apparmor not supported").hint("AppArmor is not enabled in this kernel");
    if (!plan.selinux_label.empty() && !facts_.selinux)
        return Error::with_code(ENOTSUP, "selinux label is specified in config, but selinux is disabled or not supported");
    if (mount_label.empty()) return {};
    // Without SELinux no file has a label, so there is nothing that this would give another one.
    if (!facts_.selinux) {
        note("linux.mountLabel is not used: SELinux is off");
        return {};
    }
    for (MountPlan& mount : plan_.mounts_.mounts)
        if (mount.kind == MountKind::tmpfs || mount.kind == MountKind::dev || mount.kind == MountKind::devpts)
            mount.options.emplace_back("context", mount_label);
    return {};
}

}  // namespace casemate::plan
