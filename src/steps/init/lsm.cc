// The label that the next exec, the stub's, takes on; the app's exec keeps it. Through the private procfs: a file of it
// cannot be covered (CVE-2019-16884, CVE-2015-1334). Before no_new_privs, which allows no transition afterwards that
// is not a restriction of this one.
//
// AppArmor: as the stub already runs under the profile, the profile must allow the app's exec itself, as the engines'
// default profiles do.
#include "base/text.h"
#include "steps/init/steps.h"

namespace casemate::steps::init {
namespace {

// apparmor(7), aa_change_onexec(3). The file of a module's own first [5.8]: beside another LSM attr/exec may be that one's.
Result<void> write_label(const sys::Procfs& proc, std::string_view text, const char* own_file) {
    auto done = proc.write(own_file, text);
    if (!done && done.error().code() == ENOENT) return proc.write("self/attr/exec", text);
    return done;
}

}  // namespace

const InitStep set_labels{
    "set security labels", Phase::limits,
    [](const plan::Plan& plan) { return !plan.process().apparmor_profile.empty() || !plan.process().selinux_label.empty(); },
    [](const plan::Plan& plan) {
        const plan::ProcessPlan& process = plan.process();
        return concat(process.apparmor_profile.empty() ? "" : concat("AppArmor ", process.apparmor_profile, " "),
                      process.selinux_label.empty() ? "" : concat("SELinux ", process.selinux_label), "from the next exec on");
    },
    [](InitContext& context) -> Result<void> {
        const plan::ProcessPlan& process = context.plan.process();
        // A process that joins has no procfs of its own yet; the container's is not to be trusted.
        std::optional<sys::Procfs> made;
        if (!context.proc) made = TRY(sys::Procfs::make());
        const sys::Procfs& proc = context.proc ? *context.proc : *made;
        if (!process.apparmor_profile.empty()) {
            auto done = write_label(proc, concat("exec ", process.apparmor_profile), "self/attr/apparmor/exec");
            if (!done && done.error().code() == ENOENT)
                return std::move(done).take_error().within(concat("AppArmor ", quoted(process.apparmor_profile))).hint("is the profile loaded? aa-status lists them");
            if (!done) return std::move(done).take_error().within(concat("AppArmor ", quoted(process.apparmor_profile)));
        }
        if (!process.selinux_label.empty())
            TRY_IN(concat("SELinux ", quoted(process.selinux_label)), proc.write("self/attr/exec", process.selinux_label));
        return {};
    }};

}  // namespace casemate::steps::init
