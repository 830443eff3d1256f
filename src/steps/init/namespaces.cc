// What is said inside fresh namespaces: names, time offsets, the cgroup root.
#include <sched.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {
namespace {

constexpr int clone_newtime = 0x80;  // CLONE_NEWTIME [5.6]

std::string offsets_text(const plan::Plan& plan) {
    std::string text;
    for (const auto& [clock, offset] : plan.namespaces().time_offsets)
        text += concat(clock, " ", offset.secs, " ", offset.nanosecs, "\n");
    return text;
}

}  // namespace

// Unshared, not cloned: offsets are frozen once a process is in (EACCES, measured). Entered by setns: an unshare is for
// children only, and an exec enters it since 6.2 alone (measured on 6.1, where a container stayed in the host's).
// Own /proc files are writable only while dumpable, so this precedes "hide from ptrace" (RECIPES I3).
const InitStep set_time_offsets{
    "set time offsets", Phase::session, [](const plan::Plan& plan) { return plan.namespaces().new_time; },
    [](const plan::Plan& plan) {
        std::string text = offsets_text(plan);
        for (char& c : text)
            if (c == '\n') c = ';';
        return "time namespace " + text;
    },
    [](InitContext& context) -> Result<void> {
        TRY(sys::prctl(PR_SET_DUMPABLE, 1, "prctl PR_SET_DUMPABLE"));
        TRY(sys::unshare(clone_newtime));
        const sys::Procfs proc = TRY(sys::Procfs::host());
        if (const std::string text = offsets_text(context.plan); !text.empty()) TRY(proc.write("self/timens_offsets", text));
        return sys::setns(TRY(proc.namespace_fd("self", "time_for_children")), clone_newtime);
    }};

// hostname and domainname as sysctls are EACCES in a user namespace (measured): the calls are used.
const InitStep set_hostname{
    "set hostname", Phase::session,
    [](const plan::Plan& plan) { return !plan.namespaces().hostname.empty() || !plan.namespaces().domainname.empty(); },
    [](const plan::Plan& plan) { return quoted(plan.namespaces().hostname); },
    [](InitContext& context) -> Result<void> {
        const std::string& host = context.plan.namespaces().hostname;
        const std::string& domain = context.plan.namespaces().domainname;
        // In a shared namespace the name may be the right one already, and another container's to change.
        utsname now{};
        if (::uname(&now) < 0) return Error::sys("uname");
        if (!host.empty() && host != now.nodename && ::sethostname(host.data(), host.size()) < 0) return Error::sys("sethostname");
        if (!domain.empty() && ::setdomainname(domain.data(), domain.size()) < 0) return Error::sys("setdomainname");
        return {};
    }};

// After the attach: else the namespace's root would be the launcher's group (RECIPES I5).
const InitStep unshare_cgroup{
    "unshare cgroup namespace", Phase::session, [](const plan::Plan& plan) { return plan.namespaces().new_cgroup; },
    [](const plan::Plan&) { return std::string("its root is the container's group"); },
    [](InitContext&) { return sys::unshare(CLONE_NEWCGROUP); }};

}  // namespace casemate::steps::init
