// Landlock, from the mount list: a second wall behind the mount flags. After the last mount call, as a domain denies
// them all; needs no_new_privs, or CAP_SYS_ADMIN in the own user namespace (RECIPES section 4).
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {
namespace {

constexpr const char* forbidden = "/proc/self/comm";

constexpr uint64_t file_rights = 1 | 2 | 4 | 16384 | 32768;  // execute, write_file, read_file, truncate, ioctl_dev

Result<void> restrict_and_try(FdView ruleset) {
    // No rule lets /proc be written: what could be opened a moment ago must be refused now. Own /proc files are the
    // app's only while dumpable, which is safe for this moment: nothing hostile shares a namespace yet.
    TRY(sys::prctl(PR_SET_DUMPABLE, 1, "prctl PR_SET_DUMPABLE"));
    TRY_IN("before", sys::open(forbidden, O_WRONLY));
    TRY(sys::landlock_restrict(ruleset));
    const auto after = sys::open(forbidden, O_WRONLY);
    TRY(sys::prctl(PR_SET_DUMPABLE, 0, "prctl PR_SET_DUMPABLE"));
    if (after || after.error().code() != EACCES) return Error::invalid("the Landlock domain had no effect");
    return {};
}

Result<void> restrict(InitContext& context) {
    const plan::LandlockPlan& plan = context.plan.landlock();
    const Fd ruleset = TRY(sys::landlock_create({plan.handled_fs, plan.handled_net, plan.scoped}, plan.abi));
    for (const plan::LandlockRule& rule : plan.rules) {
        auto path = sys::open(rule.path.c_str(), O_PATH | O_NOFOLLOW);
        if (!path) return std::move(path).take_error().within(quoted(rule.path));
        const struct stat status = TRY_IN(quoted(rule.path), sys::fstat(path.value()));
        // The plan cannot know whether a volume is a file; rights of directories on one are EINVAL.
        const uint64_t access = S_ISDIR(status.st_mode) ? rule.access : rule.access & file_rights;
        TRY_IN(quoted(rule.path), sys::landlock_allow_path(ruleset, path.value(), access));
    }
    for (const auto& [port, access] : plan.ports) TRY_IN(concat("port ", port), sys::landlock_allow_port(ruleset, port, access));
    // An exec'ed process may not be dumpable for an instant: a container process could look into it.
    return context.plan.exec() ? sys::landlock_restrict(ruleset) : restrict_and_try(ruleset);
}

}  // namespace

const InitStep restrict_with_landlock{
    "restrict with Landlock", Phase::landlock, [](const plan::Plan& plan) { return plan.landlock().enabled; },
    [](const plan::Plan& plan) {
        return concat("ABI ", plan.landlock().abi, ", ", plan.landlock().rules.size(), " paths",
                      plan.landlock().missing.empty() ? "" : ", not on this kernel: ", join(plan.landlock().missing, " "));
    },
    restrict};

}  // namespace casemate::steps::init
