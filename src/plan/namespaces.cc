// Which namespaces are new, which are somebody else's, and what is said in them.
#include <sched.h>

#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {
namespace {

struct Kind {
    std::string_view type;
    uint64_t flag;  // of the clone; 0: unshared later
};
constexpr Kind kinds[] = {{"pid", CLONE_NEWPID},       {"mount", CLONE_NEWNS},     {"ipc", CLONE_NEWIPC},
                          {"uts", CLONE_NEWUTS},       {"network", CLONE_NEWNET},  {"user", CLONE_NEWUSER},
                          {"cgroup", 0},               {"time", 0}};

bool profile_wants(const policy::Profile& profile, std::string_view type) {
    if (!profile.namespaces.private_) return false;
    for (const std::string& wanted : *profile.namespaces.private_)
        if (wanted == type) return true;
    return false;
}

// The root file system is a tree of no namespace then, and the process' root is moved into it (decision 0019).
Result<void> in_callers_mount_namespace(const NamespacesPlan& plan, Mode mode, const Request& request) {
    constexpr const char* remedy = "add {\"type\": \"mount\"}";
    if (request.launch || request.sources_resolved || request.exec) return Error::invalid(concat("a mount namespace is always made here; ", remedy));
    if (mode != Mode::root || plan.is_apart("user"))
        return Error::with_code(EPERM, concat("a user namespace gives no right to mount in the caller's mount namespace; ", remedy));
    return {};
}

}  // namespace

const NamespaceFact* Compiler::found(std::string_view type) const {
    const oci::Namespace* wanted = config_.find_namespace(type);
    if (!wanted || wanted->path.empty()) return nullptr;
    for (const NamespaceFact& fact : request_.namespaces)
        if (fact.type == type) return &fact;
    return nullptr;
}

Result<void> Compiler::namespaces() {
    plan_.namespaces_.new_session_keyring = !request_.keep_session_keyring;
    NamespacesPlan& plan = plan_.namespaces_;
    for (size_t i = 0; i < config_.linux_.namespaces.size(); ++i) {
        const oci::Namespace& wanted = config_.linux_.namespaces[i];
        if (plan.is_apart(wanted.type)) return Error::invalid(concat("config.json: $.linux.namespaces[", i, "]: ", quoted(wanted.type), " given twice"));
        const auto kind = std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& known) { return known.type == wanted.type; });
        if (kind == std::end(kinds)) return Error::invalid(concat("config.json: $.linux.namespaces[", i, "].type: unknown namespace ", quoted(wanted.type)));
        if (!wanted.path.empty()) {
            const NamespaceFact* fact = found(wanted.type);
            if (!fact) return Error::invalid(concat("config.json: $.linux.namespaces[", i, "].path: ", quoted(wanted.path), " was not opened"));
            // pivot_root would move the root of everything in it.
            if (fact->is_hosts && wanted.type == "mount")
                return Error::with_code(EPERM, concat("config.json: $.linux.namespaces[", i, "].path: ", quoted(wanted.path), " is the host's own mount namespace"));
            if (!fact->is_hosts) plan.joined.push_back(*fact);
            continue;
        }
        plan.clone_flags |= kind->flag;
        // On v2 init is born into its group, which then is the root of its view. Elsewhere the attach comes first.
        if (wanted.type == "cgroup" && facts_.cgroups.kind() == cgroup::Kind::v2) plan.clone_flags |= CLONE_NEWCGROUP;
        else if (wanted.type == "cgroup") plan.new_cgroup = true;
        if (wanted.type == "time") plan.new_time = true;
        plan.own_types.push_back(wanted.type);
    }
    if (!plan.is_apart("mount")) TRY_IN("config.json: $.linux.namespaces", in_callers_mount_namespace(plan, plan_.ids_.mode, request_));
    for (const std::string_view type : {"pid", "ipc", "uts", "network", "user", "cgroup", "time"})
        if (profile_wants(profile_, type) && !plan.is_apart(type))
            return Error::with_code(EPERM, concat("the host's ", type, " namespace is refused: namespaces.private of '", profile_.name, "' names it"));
    for (const auto& [clock, offset] : config_.linux_.time_offsets) plan.time_offsets.emplace_back(clock, offset);
    if (!plan.time_offsets.empty() && !plan.new_time) return Error::invalid("config.json: $.linux.timeOffsets: needs a time namespace");
    if (!config_.hostname.empty() && !plan.is_apart("uts")) return Error::invalid("config.json: $.hostname: needs a uts namespace");
    if (!config_.domainname.empty() && !plan.is_apart("uts")) return Error::invalid("config.json: $.domainname: needs a uts namespace");
    plan.hostname = config_.hostname;
    plan.domainname = config_.domainname;
    plan.loopback_up = plan.owns("network");
    plan.restrict_user_namespaces = plan.owns("user") && profile_.namespaces.restrict_namespaces.value_or(false);
    return {};
}

}  // namespace casemate::plan
