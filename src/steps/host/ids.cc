// The id maps of init's user namespace, written by the host while init waits (RECIPES H11).
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "base/scope_exit.h"
#include "steps/host/id_namespace.h"
#include "steps/host/map_helpers.h"
#include "steps/host/steps.h"
#include "sys/call.h"

namespace casemate::steps::host {
namespace {

std::string map_text(const std::vector<plan::IdMapping>& map) {
    std::string text;
    for (const plan::IdMapping& line : map) text += concat(line.inside, " ", line.outside, " ", line.count, "\n");
    return text;
}

// newuidmap and newgidmap are setuid programs of the host, called by absolute path with an empty environment.
Result<void> call_map_helper(const char* program, pid_t pid, const std::vector<plan::IdMapping>& map) {
    std::vector<std::string> words{program, std::to_string(pid)};
    for (const plan::IdMapping& line : map)
        for (const uint32_t number : {line.inside, line.outside, line.count}) words.push_back(std::to_string(number));
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    char* environment[] = {nullptr};
    pid_t child = -1;
    if (const int error = ::posix_spawn(&child, program, nullptr, nullptr, argv.data(), environment))
        return Error::from_errno(error, program).hint("install the package uidmap, or remove your range from /etc/subuid");
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return Error::sys("waitpid").within(program);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return Error::invalid(concat(program, ": refused the map")).hint("does /etc/subuid and /etc/subgid hold your range?");
    return {};
}

Result<void> write_maps(HostContext& context) {
    const plan::IdsPlan& ids = context.plan.ids();
    const std::string pid = std::to_string(context.pid);
    if (ids.use_map_helpers) return write_maps_by_helpers(context.pid, ids.uid_map, ids.gid_map);
    // A single-id map by an unprivileged writer needs setgroups denied first (user_namespaces(7), CVE-2014-8989).
    if (ids.deny_setgroups) TRY_IN("setgroups", context.proc->write(pid + "/setgroups", "deny"));
    TRY_IN("gid_map", context.proc->write(pid + "/gid_map", map_text(ids.gid_map)));
    auto written = context.proc->write(pid + "/uid_map", map_text(ids.uid_map));
    if (!written)
        return std::move(written).take_error().within("uid_map").hint(
            "does a sysctl (kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns) or AppArmor forbid user namespaces?");
    return {};
}

}  // namespace

Result<void> write_maps_by_helpers(pid_t pid, const std::vector<plan::IdMapping>& uid_map, const std::vector<plan::IdMapping>& gid_map) {
    TRY(call_map_helper("/usr/bin/newgidmap", pid, gid_map));
    return call_map_helper("/usr/bin/newuidmap", pid, uid_map);
}

// A throw-away child holds the namespace until the maps are written and a descriptor keeps it; it runs nothing.
Result<Fd> user_namespace_of(const sys::Procfs& proc, const std::vector<plan::IdMapping>& uid_map, const std::vector<plan::IdMapping>& gid_map) {
    const sys::Cloned child = TRY(sys::clone3(CLONE_NEWUSER));
    if (child.pid == 0)
        for (;;) ::pause();
    const ScopeExit end([&] {
        (void)!sys::pidfd_send_signal(child.pidfd, SIGKILL);
        while (::waitpid(child.pid, nullptr, __WALL) < 0 && errno == EINTR) {
        }
    });
    const std::string pid = std::to_string(child.pid);
    TRY_IN("gid_map", proc.write(pid + "/gid_map", map_text(gid_map)));
    TRY_IN("uid_map", proc.write(pid + "/uid_map", map_text(uid_map)));
    return proc.namespace_fd(pid, "user");
}

const HostStep write_id_maps{
    "write id maps", Phase::adopt, [](const plan::Plan& plan) { return plan.namespaces().owns("user"); },
    [](const plan::Plan& plan) {
        std::string text = map_text(plan.ids().uid_map);
        for (char& c : text)
            if (c == '\n') c = ';';
        return concat("uid_map ", text, plan.ids().deny_setgroups ? " setgroups deny" : "");
    },
    write_maps};

}  // namespace casemate::steps::host
