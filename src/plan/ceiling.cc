#include "plan/ceiling.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "policy/kinds.h"

namespace casemate::plan {
namespace {

using Names = std::vector<std::string>;

bool contains(const Names& list, std::string_view name) { return std::find(list.begin(), list.end(), name) != list.end(); }

// What `oci.rootUser: replace` runs in place of root where the profile names no user (PROFILE 2.11).
constexpr uint32_t default_id = 1001;

// Kernel file systems that every container has, at the only places where they may be.
struct KernelPlace {
    std::string_view destination, type;
};
constexpr KernelPlace kernel_places[] = {{"/proc", "proc"}, {"/sys", "sysfs"}, {"/sys/fs/cgroup", "cgroup"}, {"/sys/fs/cgroup", "cgroup2"}};

bool is_kernel_place(const oci::Mount& mount) {
    return std::any_of(std::begin(kernel_places), std::end(kernel_places),
                       [&](const KernelPlace& place) { return mount.destination == place.destination && mount.type == place.type; });
}

bool is_bind(const oci::Mount& mount) { return mount.type == "bind" || contains(mount.options, "bind") || contains(mount.options, "rbind"); }

// The nodes that any container may use (config-linux.md, Default Devices; the console and the ptys).
bool is_standard_node(const oci::DeviceRule& rule) {
    if (rule.type != "c" || !rule.major) return false;
    const int64_t major = *rule.major, minor = rule.minor.value_or(-1);
    if (major == 136) return true;
    if (major == 1) return minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9;
    return major == 5 && (minor == 0 || minor == 1 || minor == 2);
}

class Ceiling {
public:
    Ceiling(const oci::Config& config, const policy::Profile& profile) : profile_(profile) {
        out_.config = config;
        out_.profile = policy::restrictions_only(profile);
    }

    Tightened run() && {
        root();
        namespaces();
        for (size_t i = 0; i < out_.config.mounts.size(); ++i) mount(i);
        if (profile_.filesystem.sys == policy::Access::none) drop_mount("/sys", "filesystem.sys");
        if (profile_.filesystem.cgroup == policy::Access::none) drop_mount("/sys/fs/cgroup", "filesystem.cgroup");
        paths();
        if (out_.config.process) tighten_process(*out_.config.process, profile_, out_);
        devices();
        host_rights();
        propagation();
        added_restrictions();
        hooks();
        unused();
        return std::move(out_);
    }

private:
    void change(std::string text) { out_.changes.push_back(std::move(text)); }
    void refuse(std::string text) { out_.refusals.push_back(std::move(text)); }
    oci::Linux& linux_() { return out_.config.linux_; }

    void root() {
        if (profile_.filesystem.readonly_root.value_or(false) && !out_.config.root_readonly) {
            out_.config.root_readonly = true;
            change("root.readonly: false -> true");
        }
    }

    // The cgroup namespace hides and never shows; all others decide what the app talks to, so they are not swapped.
    void namespaces() {
        if (!profile_.namespaces.private_) return;
        Names& wanted = *out_.profile.namespaces.private_;
        for (const std::string& type : *profile_.namespaces.private_) {
            if (out_.config.find_namespace(type)) continue;
            if (type == "cgroup") {
                linux_().namespaces.push_back({"cgroup", ""});
                change("linux.namespaces: + cgroup");
            } else if (type == "user") {
                if (profile_.oci.user_namespace == policy::OciUserNamespace::require)
                    refuse("$.linux.namespaces: no user namespace, and oci.userNamespace is 'require'");
                std::erase(wanted, type);
            } else if (type == "time") {
                std::erase(wanted, type);
            } else {
                refuse(concat("$.linux.namespaces: the host's ", type, " namespace, and namespaces.private names it"));
            }
        }
        for (const auto* maps : {&linux_().uid_mappings, &linux_().gid_mappings})
            for (const oci::IdMap& map : *maps)
                if (map.host_id == 0 && profile_.identity.run_as_non_root.value_or(false)) {
                    refuse("$.linux.uidMappings: host id 0 is in the map, and identity.runAsNonRoot holds");
                    return;
                }
    }

    void mount(size_t index) {
        oci::Mount& mount = out_.config.mounts[index];
        const std::string where = concat("$.mounts[", index, "]: ", quoted(mount.destination));
        const bool over_kernel = is_at_or_below(mount.destination, "/proc") || is_at_or_below(mount.destination, "/sys");
        if (over_kernel && (!is_kernel_place(mount) || is_bind(mount))) return refuse(concat(where, ": a mount over a kernel file system"));
        if (const auto reason = beyond_judgement(mount)) return refuse(concat(where, ": ", *reason));
        if (is_bind(mount)) bind(mount, where);
        add_flags(mount);
        if (mount.type == "proc") proc_options(mount);
        if (mount.type == "sysfs" && profile_.filesystem.sys.value_or(policy::Access::readwrite) != policy::Access::readwrite) make_readonly(mount);
        if (mount.type.starts_with("cgroup") && profile_.filesystem.cgroup.value_or(policy::Access::readwrite) != policy::Access::readwrite) make_readonly(mount);
    }

    // What would change mounts after they were judged, or mounts of the host that nobody here sees.
    static std::optional<std::string> beyond_judgement(const oci::Mount& mount) {
        constexpr std::string_view known[] = {"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"};
        if (!is_bind(mount) && std::ranges::find(known, mount.type) == std::end(known)) return concat("a file system of type ", quoted(mount.type));
        for (const std::string_view option : {"remount", "rrw", "rsuid", "rdev", "rexec", "idmap", "ridmap"})
            if (contains(mount.options, option)) return concat("the option ", quoted(option));
        if (!mount.uid_mappings.empty()) return "ids of its own";
        if (contains(mount.options, "rw") && (contains(mount.options, "ro") || contains(mount.options, "rro"))) return "both read-only and writable";
        return std::nullopt;
    }

    // Rights over the host that no restriction of a profile can bound.
    void host_rights() {
        if (!linux_().net_devices.empty()) refuse(concat("$.linux.netDevices: ", quoted(linux_().net_devices.begin()->first), " is the host's"));
        if (linux_().seccomp && !linux_().seccomp->listener_path.empty()) refuse("$.linux.seccomp.listenerPath: an agent that could overrule the filter");
        if (!out_.config.process || !out_.config.process->scheduler) return;
        const std::string& policy = out_.config.process->scheduler->policy;
        if (policy == "SCHED_FIFO" || policy == "SCHED_RR" || policy == "SCHED_DEADLINE") refuse(concat("$.process.scheduler: ", policy, " comes before the host's own processes"));
    }

    void bind(const oci::Mount& mount, const std::string& where) {
        const policy::Filesystem& files = profile_.filesystem;
        const bool writable = !contains(mount.options, "ro") && !contains(mount.options, "rro");
        if (files.volumes == policy::Volumes::none) return refuse(concat(where, ": a bind, and filesystem.volumes is 'none'"));
        if (files.volumes == policy::Volumes::readonly && writable) refuse(concat(where, ": a writable bind, and filesystem.volumes is 'readonly'"));
        const auto covers = [&](const std::string& top) { return is_at_or_below(mount.source, top); };
        if (files.allowed_sources && std::none_of(files.allowed_sources->begin(), files.allowed_sources->end(), covers))
            refuse(concat(where, ": ", quoted(mount.source), " is not within filesystem.allowedSources"));
        if (!files.denied_sources) return;
        for (const std::string& denied : *files.denied_sources)
            if (covers(denied) || is_at_or_below(denied, mount.source))
                return refuse(concat(where, ": ", quoted(mount.source), ": ", quoted(denied), " is in filesystem.deniedSources"));
    }

    void add_options(oci::Mount& mount, const Names& wanted, const Names& opposite) {
        std::string added;
        for (size_t i = 0; i < wanted.size(); ++i) {
            std::erase(mount.options, opposite[i]);
            if (contains(mount.options, wanted[i])) continue;
            mount.options.push_back(wanted[i]);
            added += concat(added.empty() ? "" : ",", wanted[i]);
        }
        if (!added.empty()) change(concat("mounts ", mount.destination, ": + ", added));
    }

    // /dev and its ptys need their nodes; kernel file systems have no programs, so noexec costs nothing there.
    void add_flags(oci::Mount& mount) {
        if (mount.type == "cgroup" || mount.type == "cgroup2" || mount.type == "proc" || mount.type == "sysfs" || mount.type == "mqueue")
            return add_options(mount, {"nosuid", "nodev", "noexec"}, {"suid", "dev", "exec"});
        const bool nodes = mount.destination == "/dev" || mount.type == "devpts";
        Names wanted{"nosuid"}, opposite{"suid"};
        if (!nodes && profile_.filesystem.devices) wanted.emplace_back("nodev"), opposite.emplace_back("dev");
        const bool writable = !contains(mount.options, "ro") && !contains(mount.options, "rro");
        if (writable && profile_.filesystem.deny_write_execute.value_or(false)) wanted.emplace_back("noexec"), opposite.emplace_back("exec");
        if (profile_.no_new_privileges.value_or(false) || wanted.size() > 1) add_options(mount, wanted, opposite);
    }

    void make_readonly(oci::Mount& mount) { add_options(mount, {"ro"}, {"rw"}); }

    void proc_options(oci::Mount& mount) {
        constexpr const char* words[] = {"off", "noaccess", "invisible", "ptraceable"};
        const auto level = profile_.filesystem.proc_hidepid;
        const auto is_hidepid = [](const std::string& option) { return option.starts_with("hidepid="); };
        if (level && *level != policy::Hidepid::off) {
            const std::string wanted = concat("hidepid=", words[static_cast<size_t>(*level)]);
            if (!contains(mount.options, wanted)) std::erase_if(mount.options, is_hidepid);
            add_options(mount, {wanted}, {"hidepid=off"});
        }
        if (profile_.filesystem.proc_subset == policy::ProcSubset::pid) add_options(mount, {"subset=pid"}, {""});
    }

    void drop_mount(std::string_view destination, std::string_view field) {
        const size_t before = out_.config.mounts.size();
        std::erase_if(out_.config.mounts, [&](const oci::Mount& mount) { return is_at_or_below(mount.destination, destination); });
        if (out_.config.mounts.size() != before) change(concat("mounts ", destination, ": left out (", field, " is 'none')"));
    }

    void paths() {
        const auto add = [&](const char* name, Names& into, const std::optional<Names>& more) {
            if (!more) return;
            const size_t before = into.size();
            size_t after = before;
            for (const std::string& path : *more) after += !contains(into, path);
            if (after != before) change(concat("linux.", name, ": ", before, " -> ", after));
        };
        // The profile's own are added by compile(), which knows what their wildcards mean here.
        add("maskedPaths", linux_().masked_paths, profile_.filesystem.masked_paths);
        add("readonlyPaths", linux_().readonly_paths, profile_.filesystem.readonly_paths);
    }

    void devices() {
        if (!profile_.filesystem.devices) return;
        std::string beyond;
        size_t more = 0;
        for (const oci::Device& device : linux_().devices) {
            if (contains(*profile_.filesystem.devices, device.path)) continue;
            if (beyond.empty()) beyond = quoted(device.path);
            else ++more;
        }
        if (!beyond.empty()) refuse(concat("$.linux.devices: ", beyond, more ? concat(" and ", more, " more") : std::string(), " not in filesystem.devices"));
        if (!linux_().resources) return;
        auto& rules = linux_().resources->devices;
        const size_t before = rules.size();
        std::erase_if(rules, [](const oci::DeviceRule& rule) { return rule.allow && !is_standard_node(rule); });
        if (rules.size() != before) change(concat("linux.resources.devices: ", before - rules.size(), " rules beyond the standard nodes left out"));
    }

    void propagation() {
        if (profile_.filesystem.rootfs_propagation == policy::Propagation::private_ && !linux_().rootfs_propagation.empty() &&
            linux_().rootfs_propagation != "private" && linux_().rootfs_propagation != "rprivate")
            refuse(concat("$.linux.rootfsPropagation: ", quoted(linux_().rootfs_propagation), ", and filesystem.rootfsPropagation is 'private'"));
    }

    // Applied by compile() from the profile: said here, because an engine's user should see them.
    void added_restrictions() {
        const policy::Limits& limits = profile_.limits;
        const oci::Resources* asked = linux_().resources ? &*linux_().resources : nullptr;
        if (limits.memory && !(asked && asked->memory && asked->memory->limit && *asked->memory->limit > 0 && static_cast<uint64_t>(*asked->memory->limit) <= *limits.memory))
            change(concat("linux.resources.memory: at most ", *limits.memory));
        if (limits.pids && !(asked && asked->pids_limit && *asked->pids_limit > 0 && static_cast<uint64_t>(*asked->pids_limit) <= *limits.pids))
            change(concat("linux.resources.pids: at most ", *limits.pids));
        if (limits.cpu_milli) change(concat("linux.resources.cpu: at most ", *limits.cpu_milli, " thousandths of a CPU"));
        if (profile_.seccomp.default_action) change(linux_().seccomp ? "linux.seccomp: the stricter answer of both filters" : "linux.seccomp: none -> the profile's");
        if (profile_.landlock.derive.value_or(false)) change("landlock: + a domain made of the mounts");
        if (profile_.memory.deny_write_execute.value_or(false)) change("memory: + no page writable and executable");
    }

    void hooks() {
        if (profile_.oci.hooks == policy::OciHooks::deny && !out_.config.hooks.empty()) refuse("$.hooks: hooks, and oci.hooks is 'deny'");
    }

    void unused() {
        if (profile_.network.mode) out_.unused.emplace_back("network.mode (interfaces are the engine's)");
        if (profile_.identity.user) out_.unused.emplace_back("identity.user (but in place of root)");
        if (profile_.limits.runtime_max_ms) out_.unused.emplace_back("limits.runtimeMax");
        if (profile_.filesystem.mounts) out_.unused.emplace_back("filesystem.mounts");
        if (profile_.environment.set) out_.unused.emplace_back("environment.set");
        out_.unused.emplace_back("admission");
    }

    const policy::Profile& profile_;
    Tightened out_;
};

size_t count_of(const std::optional<oci::Capabilities>& sets) {
    std::set<std::string> names;
    if (sets)
        for (const auto* list : {&sets->bounding, &sets->permitted, &sets->effective, &sets->inheritable, &sets->ambient})
            if (*list) names.insert((*list)->begin(), (*list)->end());
    return names.size();
}

void tighten_capabilities(oci::Process& process, const Names& most, Tightened& out) {
    if (!process.capabilities) return;
    const size_t before = count_of(process.capabilities);
    bool admin = false;
    for (auto* list : {&process.capabilities->bounding, &process.capabilities->permitted, &process.capabilities->effective,
                       &process.capabilities->inheritable, &process.capabilities->ambient}) {
        if (!*list) continue;
        admin = admin || (contains(**list, "CAP_SYS_ADMIN") && !contains(most, "CAP_SYS_ADMIN"));
        std::erase_if(**list, [&](const std::string& name) { return !contains(most, name); });
    }
    // Who asks for this one wants a container that administers its host; without it, it is another container.
    if (admin) out.refusals.emplace_back("$.process.capabilities: CAP_SYS_ADMIN (as --privileged asks for), which the profile does not have");
    const size_t after = count_of(process.capabilities);
    if (after != before) out.changes.push_back(concat("process.capabilities: ", before, " -> ", after));
}

void replace_root(oci::Process& process, const policy::Profile& ceiling, Tightened& out) {
    if (!ceiling.identity.run_as_non_root.value_or(false)) return;
    oci::User& user = process.user;
    if (user.uid != 0) {
        const bool root_group = user.gid == 0 || std::find(user.additional_gids.begin(), user.additional_gids.end(), 0U) != user.additional_gids.end();
        if (root_group && ceiling.identity.deny_root_group.value_or(false))
            out.refusals.push_back(concat("$.process.user: gid 0 of uid ", user.uid, ", and identity.denyRootGroup holds"));
        return;
    }
    if (ceiling.oci.root_user == policy::OciRootUser::refuse) {
        out.refusals.emplace_back("$.process.user.uid: 0, and oci.rootUser is 'refuse'");
        return;
    }
    const policy::UserIds to = ceiling.identity.user.value_or(policy::UserIds{default_id, default_id, {}});
    user.uid = to.uid;
    user.gid = to.gid;
    user.additional_gids = to.additional_gids;
    out.changes.push_back(concat("process.user: 0 -> ", to.uid, ":", to.gid));
}

}  // namespace

void tighten_process(oci::Process& process, const policy::Profile& ceiling, Tightened& out) {
    if (ceiling.capabilities) tighten_capabilities(process, *ceiling.capabilities, out);
    if (ceiling.no_new_privileges.value_or(false) && !process.no_new_privileges) {
        process.no_new_privileges = true;
        out.changes.emplace_back("process.noNewPrivileges: false -> true");
    }
    replace_root(process, ceiling, out);
    if (ceiling.environment.deny)
        for (const std::string& variable : process.env) {
            const std::string_view name = std::string_view(variable).substr(0, variable.find('='));
            for (const std::string& pattern : *ceiling.environment.deny)
                if (policy::matches_pattern(pattern, name)) {
                    out.refusals.push_back(concat("$.process.env: variable ", quoted(name), ", refused by ", quoted(pattern), " of environment.deny"));
                    break;
                }
        }
    if (ceiling.limits.rlimits)
        for (const auto& [name, bound] : *ceiling.limits.rlimits) {
            if (name == "RLIMIT_NPROC" && !out.config.find_namespace("user")) continue;  // it would count the whole host's
            const auto same = std::find_if(process.rlimits.begin(), process.rlimits.end(), [&, &key = name](const oci::Rlimit& limit) { return limit.type == key; });
            if (same == process.rlimits.end() || same->hard > bound.hard || same->soft > bound.soft)
                out.changes.push_back(concat("process.rlimits: ", name, " at most ", bound.soft, ":", bound.hard));
        }
    if (const uint32_t mask = process.user.umask.value_or(0022); ceiling.process.umask && (mask | *ceiling.process.umask) != mask)
        out.changes.push_back("process.user.umask: the bits of the profile's are added");
    if (ceiling.process.oom_score_adj && process.oom_score_adj && *process.oom_score_adj < *ceiling.process.oom_score_adj)
        out.changes.push_back(concat("process.oomScoreAdj: ", *process.oom_score_adj, " -> ", *ceiling.process.oom_score_adj));
}

Tightened tighten(const oci::Config& config, const policy::Profile& ceiling) {
    policy::Profile nothing;
    nothing.name = ceiling.name;
    nothing.description = ceiling.description;
    if (ceiling == nothing) return {config, ceiling, {}, {}, {}};
    return Ceiling(config, ceiling).run();
}

}  // namespace casemate::plan
