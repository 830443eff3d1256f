#include "policy/fields.h"

#include "policy/rows.h"

namespace casemate::policy {
namespace {

template <typename Kind, auto... Steps>
constexpr Field restriction(std::string_view path) {
    return row<MemberRow<Kind, Steps...>>(path, Field::Role::restriction);
}
template <typename Kind, auto... Steps>
constexpr Field grant(std::string_view path) {
    return row<MemberRow<Kind, Steps...>>(path, Field::Role::grant);
}
template <size_t index>
constexpr Field rlimit_field(std::string_view path) {
    return row<RlimitRow<index>>(path, Field::Role::restriction);
}

using P = Profile;
using Paths = Union<Path>;
using Count = AtMost<Integer<uint64_t, 1, INT64_MAX>>;
template <typename Check>
using Text = Single<Same<Check>>;

constexpr Field table[] = {
    restriction<Truth, &P::no_new_privileges>("noNewPrivileges"),
    restriction<Intersection<WordOf<Capability>>, &P::capabilities>("capabilities"),

    restriction<Truth, &P::identity, &Identity::run_as_non_root>("identity.runAsNonRoot"),
    restriction<Truth, &P::identity, &Identity::deny_root_group>("identity.denyRootGroup"),
    restriction<Chain<ImageUser>, &P::identity, &Identity::image_user>("identity.imageUser"),
    grant<Single<User>, &P::identity, &Identity::user>("identity.user"),

    restriction<Truth, &P::filesystem, &Filesystem::readonly_root>("filesystem.readonlyRoot"),
    restriction<Truth, &P::filesystem, &Filesystem::deny_write_execute>("filesystem.denyWriteExecute"),
    restriction<Chain<SetidFiles>, &P::filesystem, &Filesystem::setid_files>("filesystem.setidFiles"),
    restriction<Chain<Propagation>, &P::filesystem, &Filesystem::rootfs_propagation>("filesystem.rootfsPropagation"),
    restriction<Chain<Volumes>, &P::filesystem, &Filesystem::volumes>("filesystem.volumes"),
    restriction<PathIntersection, &P::filesystem, &Filesystem::allowed_sources>("filesystem.allowedSources"),
    restriction<Paths, &P::filesystem, &Filesystem::denied_sources>("filesystem.deniedSources"),
    grant<Keyed<Mounts>, &P::filesystem, &Filesystem::mounts>("filesystem.mounts"),
    restriction<Union<MaskedPath>, &P::filesystem, &Filesystem::masked_paths>("filesystem.maskedPaths"),
    restriction<Paths, &P::filesystem, &Filesystem::readonly_paths>("filesystem.readonlyPaths"),
    restriction<Intersection<DevicePath>, &P::filesystem, &Filesystem::devices>("filesystem.devices"),
    restriction<Chain<ProcSubset>, &P::filesystem, &Filesystem::proc_subset>("filesystem.proc.subset"),
    restriction<Chain<Hidepid>, &P::filesystem, &Filesystem::proc_hidepid>("filesystem.proc.hidepid"),
    restriction<Chain<Access>, &P::filesystem, &Filesystem::sys>("filesystem.sys"),
    restriction<Chain<Access>, &P::filesystem, &Filesystem::cgroup>("filesystem.cgroup"),

    restriction<Union<WordOf<Namespace>>, &P::namespaces, &Namespaces::private_>("namespaces.private"),
    restriction<Truth, &P::namespaces, &Namespaces::restrict_namespaces>("namespaces.restrictNamespaces"),
    grant<Sysctl, &P::namespaces, &Namespaces::sysctl>("namespaces.sysctl"),

    restriction<Chain<NetworkMode>, &P::network, &Network::mode>("network.mode"),
    restriction<Chain<Egress>, &P::network, &Network::egress>("network.egress"),
    restriction<PortIntersection, &P::network, &Network::bind_ports>("network.bindPorts"),
    restriction<PortIntersection, &P::network, &Network::connect_ports>("network.connectPorts"),
    grant<Keyed<Ports>, &P::network, &Network::publish>("network.publish"),
    grant<Single<Truth>, &P::network, &Network::proxy_protocol>("network.proxyProtocol"),
    grant<Keyed<Listen>, &P::network, &Network::listen>("network.listen"),

    restriction<DefaultAction, &P::seccomp, &Seccomp::default_action>("seccomp.defaultAction"),
    restriction<ErrnoValue, &P::seccomp, &Seccomp::default_errno_ret>("seccomp.defaultErrnoRet"),
    row<AllowRow>("seccomp.allow", Field::Role::restriction),
    row<DenyRow>("seccomp.deny", Field::Role::restriction),
    restriction<Truth, &P::seccomp, &Seccomp::native_only>("seccomp.nativeOnly"),
    restriction<Intersection<WordOf<SocketFamily>>, &P::seccomp, &Seccomp::socket_families>("seccomp.socketFamilies"),
    restriction<Intersection<WordOf<NetlinkProtocol>>, &P::seccomp, &Seccomp::netlink_protocols>(
        "seccomp.netlinkProtocols"),
    restriction<Truth, &P::seccomp, &Seccomp::lock_personality>("seccomp.lockPersonality"),
    restriction<Truth, &P::seccomp, &Seccomp::restrict_realtime>("seccomp.restrictRealtime"),
    restriction<Truth, &P::seccomp, &Seccomp::restrict_suid_sgid>("seccomp.restrictSUIDSGID"),
    restriction<Truth, &P::seccomp, &Seccomp::deny_terminal_injection>("seccomp.denyTerminalInjection"),

    restriction<Truth, &P::landlock, &Landlock::derive>("landlock.derive"),
    restriction<AtLeast<Integer<int, 1, 7>>, &P::landlock, &Landlock::minimum_abi>("landlock.minimumAbi"),
    restriction<PathIntersection, &P::landlock, &Landlock::exec_paths>("landlock.execPaths"),

    restriction<Truth, &P::memory, &Memory::deny_write_execute>("memory.denyWriteExecute"),
    restriction<Chain<Memfd>, &P::memory, &Memory::memfd>("memory.memfd"),

    restriction<AtMost<Size>, &P::limits, &Limits::memory>("limits.memory"),
    restriction<AtMost<Size>, &P::limits, &Limits::swap>("limits.swap"),
    restriction<AtMost<Cpu>, &P::limits, &Limits::cpu_milli>("limits.cpu"),
    restriction<Count, &P::limits, &Limits::pids>("limits.pids"),
    restriction<Truth, &P::limits, &Limits::oom_group>("limits.oomGroup"),
    restriction<AtMost<Time>, &P::limits, &Limits::runtime_max_ms>("limits.runtimeMax"),
    restriction<Chain<CgroupNeed>, &P::limits, &Limits::cgroup>("limits.cgroup"),
    rlimit_field<0>("limits.rlimits.RLIMIT_AS"),
    rlimit_field<1>("limits.rlimits.RLIMIT_CORE"),
    rlimit_field<2>("limits.rlimits.RLIMIT_CPU"),
    rlimit_field<3>("limits.rlimits.RLIMIT_DATA"),
    rlimit_field<4>("limits.rlimits.RLIMIT_FSIZE"),
    rlimit_field<5>("limits.rlimits.RLIMIT_LOCKS"),
    rlimit_field<6>("limits.rlimits.RLIMIT_MEMLOCK"),
    rlimit_field<7>("limits.rlimits.RLIMIT_MSGQUEUE"),
    rlimit_field<8>("limits.rlimits.RLIMIT_NICE"),
    rlimit_field<9>("limits.rlimits.RLIMIT_NOFILE"),
    rlimit_field<10>("limits.rlimits.RLIMIT_NPROC"),
    rlimit_field<11>("limits.rlimits.RLIMIT_RSS"),
    rlimit_field<12>("limits.rlimits.RLIMIT_RTPRIO"),
    rlimit_field<13>("limits.rlimits.RLIMIT_RTTIME"),
    rlimit_field<14>("limits.rlimits.RLIMIT_SIGPENDING"),
    rlimit_field<15>("limits.rlimits.RLIMIT_STACK"),

    restriction<Chain<ImageEnvironment>, &P::environment, &Environment::image>("environment.image"),
    restriction<Union<VariablePattern>, &P::environment, &Environment::deny>("environment.deny"),
    grant<Variables, &P::environment, &Environment::set>("environment.set"),
    grant<Keyed<PassedNames>, &P::environment, &Environment::pass>("environment.pass"),

    restriction<Umask, &P::process, &Process::umask>("process.umask"),
    restriction<AtLeast<Integer<int, -1000, 1000>>, &P::process, &Process::oom_score_adj>("process.oomScoreAdj"),
    restriction<Same<AnyText>, &P::process, &Process::apparmor_profile>("process.apparmorProfile"),
    restriction<Same<AnyText>, &P::process, &Process::selinux_label>("process.selinuxLabel"),
    grant<Text<AnyText>, &P::process, &Process::hostname>("process.hostname"),
    grant<Text<AnyText>, &P::process, &Process::stop_signal>("process.stopSignal"),
    grant<Single<Time>, &P::process, &Process::stop_timeout_ms>("process.stopTimeout"),
    grant<Single<Truth>, &P::process, &Process::init>("process.init"),
    restriction<Truth, &P::process, &Process::die_with_parent>("process.dieWithParent"),

    restriction<Truth, &P::admission, &Admission::require_digest>("admission.requireDigest"),
    restriction<Truth, &P::admission, &Admission::minimal>("admission.minimal"),
    restriction<AtMost<Time>, &P::admission, &Admission::max_image_age_ms>("admission.maxImageAge"),
    restriction<AtMost<Size>, &P::admission, &Admission::max_size>("admission.maxSize"),
    restriction<Intersection<AnyText>, &P::admission, &Admission::allowed_bases>("admission.allowedBases"),
    restriction<Union<AnyText>, &P::admission, &Admission::required_labels>("admission.requiredLabels"),
    restriction<Union<AnyText>, &P::admission, &Admission::deny_files>("admission.denyFiles"),
    restriction<Truth, &P::admission, &Admission::signature_required>("admission.signature.required"),
    restriction<Intersection<AnyText>, &P::admission, &Admission::public_keys>("admission.signature.publicKeys"),
    row<GateRow<&Admission::audit_gates, parse_audit_gate>>("admission.audit", Field::Role::restriction),
    row<GateRow<&Admission::vulnerability_gates, parse_vulnerability_gate>>("admission.vulnerabilities",
                                                                            Field::Role::restriction),

    restriction<Chain<OciHooks>, &P::oci, &Oci::hooks>("oci.hooks"),
    restriction<Chain<OciRootUser>, &P::oci, &Oci::root_user>("oci.rootUser"),
    restriction<Chain<OciUserNamespace>, &P::oci, &Oci::user_namespace>("oci.userNamespace"),
    restriction<Chain<OciOnTighten>, &P::oci, &Oci::on_tighten>("oci.onTighten"),
    row<ExpectRow>("expect", Field::Role::grant),
};

}  // namespace

std::span<const Field> fields() { return table; }

const Field* find_field(std::string_view path) {
    const auto found = std::ranges::find(table, path, &Field::path);
    return found == std::end(table) ? nullptr : &*found;
}

std::string plain_text(const Field& field, const Profile& profile) {
    if (!field.present(profile)) return "not set";
    json::Writer writer;
    field.write(writer, profile);
    std::string text = writer.take();
    return text.starts_with('"') ? text.substr(1, text.size() - 2) : text;
}

std::string shown(const Field& field, const Profile& profile) {
    if (!field.present(profile)) return "not set";
    json::Writer writer;
    field.write(writer, profile);
    std::string text = writer.take();
    if (!text.starts_with('"')) return text;
    text.front() = text.back() = '\'';
    return text;
}

}  // namespace casemate::policy
