// A policy profile as a typed value: what an app may do (docs/profile.md). Pure: no system call.
//
// Two kinds of member. A restriction (R) has an order and the stricter of two wins; a grant or setting (G) is what the
// app is given, checked against the merged restrictions. Absent says nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "seccomp/filter.h"

namespace casemate::policy {

// Chains are declared weak to strong: the stricter of two is the larger value.
enum class ImageUser : uint8_t { accept, ignore };
enum class SetidFiles : uint8_t { keep, ignore, strip };
enum class Propagation : uint8_t { shared, slave, private_ };
enum class Volumes : uint8_t { readwrite, readonly, none };
enum class ProcSubset : uint8_t { all, pid };
enum class Hidepid : uint8_t { off, noaccess, invisible, ptraceable };
enum class Access : uint8_t { readwrite, readonly, none };
enum class NetworkMode : uint8_t { host, sockets, published, none };
enum class Egress : uint8_t { open, closed };
enum class Memfd : uint8_t { allow, deny };
enum class CgroupNeed : uint8_t { optional, required };
enum class ImageEnvironment : uint8_t { accept, ignore };
enum class OciHooks : uint8_t { allow, deny };
enum class OciRootUser : uint8_t { replace, refuse };
enum class OciUserNamespace : uint8_t { engine, require };
enum class OciOnTighten : uint8_t { log, refuse };

template <typename T>
using Opt = std::optional<T>;
using Strings = std::vector<std::string>;  // kept sorted and unique where it is a set

struct UserIds {
    uint32_t uid = 0, gid = 0;
    std::vector<uint32_t> additional_gids;
    bool operator==(const UserIds&) const = default;
};

struct MountGrant {
    std::string destination;
    enum class Type : uint8_t { tmpfs, bind, none } type = Type::tmpfs;
    std::string source;  // bind; absolute after loading
    bool readonly = true;
    Opt<bool> noexec;
    Opt<uint64_t> size;  // bytes
    Opt<uint64_t> inodes;
    Opt<uint32_t> mode;
    bool operator==(const MountGrant&) const = default;
};

struct RlimitPair {
    uint64_t soft = 0, hard = 0;
    bool operator==(const RlimitPair&) const = default;
};

struct Publish {
    std::string address = "127.0.0.1";
    uint16_t host_port = 0, container_port = 0;
    bool operator==(const Publish&) const = default;
};

struct Expectation {
    enum class Act : uint8_t { syscall, read, write, execute, socket, bind, connect } act = Act::syscall;
    std::string object;
    std::string result;  // "ok", "denied" or an errno name
    bool operator==(const Expectation&) const = default;
};

// One weakening, by name and reason; travels with the resolved profile.
struct WaiverRecord {
    std::string what, from, to, because, file;
    std::string overruled_by;  // after a merge: who restricts it all the same
    bool operator==(const WaiverRecord&) const = default;
};

struct Identity {
    Opt<bool> run_as_non_root, deny_root_group;
    Opt<ImageUser> image_user;
    Opt<UserIds> user;  // G
    bool operator==(const Identity&) const = default;
};

struct Filesystem {
    Opt<bool> readonly_root, deny_write_execute;
    Opt<SetidFiles> setid_files;
    Opt<Propagation> rootfs_propagation;
    Opt<Volumes> volumes;
    Opt<Strings> allowed_sources, denied_sources;
    Opt<std::vector<MountGrant>> mounts;  // G
    Opt<Strings> masked_paths, readonly_paths, devices;
    Opt<ProcSubset> proc_subset;
    Opt<Hidepid> proc_hidepid;
    Opt<Access> sys, cgroup;
    bool operator==(const Filesystem&) const = default;
};

struct Namespaces {
    Opt<Strings> private_;  // of: pid mount ipc uts network user cgroup time
    Opt<bool> restrict_namespaces;
    Opt<std::map<std::string, std::string>> sysctl;  // G
    bool operator==(const Namespaces&) const = default;
};

struct Network {
    Opt<NetworkMode> mode;
    Opt<Egress> egress;
    Opt<std::vector<uint16_t>> bind_ports, connect_ports;
    Opt<std::vector<Publish>> publish;  // G
    Opt<bool> proxy_protocol;           // G
    Opt<Strings> listen;                // G
    bool operator==(const Network&) const = default;
};

// The seccomp fields, already as a meaning: pointwise maximum is concatenation of layers (seccomp/filter.h). The guards
// (socketFamilies, lockPersonality ...) stay fields here; seccomp_policy() turns them into denies.
struct Seccomp {
    Opt<seccomp::Action> default_action;
    Opt<uint16_t> default_errno_ret;
    std::vector<seccomp::Layer> layers;  // from allow and deny; empty when neither is given anywhere
    Opt<bool> native_only;
    Opt<Strings> socket_families, netlink_protocols;
    Opt<bool> lock_personality, restrict_realtime, restrict_suid_sgid, deny_terminal_injection;
    bool operator==(const Seccomp&) const = default;
};

struct Landlock {
    Opt<bool> derive;
    Opt<int> minimum_abi;
    Opt<Strings> exec_paths;
    bool operator==(const Landlock&) const = default;
};

struct Memory {
    Opt<bool> deny_write_execute;
    Opt<Memfd> memfd;
    bool operator==(const Memory&) const = default;
};

struct Limits {
    Opt<uint64_t> memory, swap;  // bytes
    Opt<uint64_t> cpu_milli;     // thousandths of a CPU
    Opt<uint64_t> pids;
    Opt<bool> oom_group;
    Opt<uint64_t> runtime_max_ms;
    Opt<CgroupNeed> cgroup;
    Opt<std::map<std::string, RlimitPair, std::less<>>> rlimits;
    bool operator==(const Limits&) const = default;
};

struct Environment {
    Opt<ImageEnvironment> image;
    Opt<Strings> deny;
    Opt<std::map<std::string, std::string>> set;  // G
    Opt<Strings> pass;                            // G
    bool operator==(const Environment&) const = default;
};

struct Process {
    Opt<uint32_t> umask;
    Opt<int> oom_score_adj;
    Opt<std::string> apparmor_profile, selinux_label;
    Opt<std::string> hostname, stop_signal;  // G
    Opt<uint64_t> stop_timeout_ms;           // G
    Opt<bool> init;                          // G
    Opt<bool> die_with_parent;
    bool operator==(const Process&) const = default;
};

// `admission` is parsed, checked and merged now, and decided by the image gate: kept as canonical JSON texts.
struct Admission {
    Opt<bool> require_digest, minimal, signature_required;
    Opt<uint64_t> max_image_age_ms, max_size;
    Opt<Strings> allowed_bases, public_keys, required_labels, deny_files;
    Strings audit_gates, vulnerability_gates;  // each a canonical JSON object; merge keeps all
    bool operator==(const Admission&) const = default;
};

struct Oci {
    Opt<OciHooks> hooks;
    Opt<OciRootUser> root_user;
    Opt<OciUserNamespace> user_namespace;
    Opt<OciOnTighten> on_tighten;
    bool operator==(const Oci&) const = default;
};

// Which profile said a field last: for messages and `plan`. Not part of the value, hence always equal.
struct Provenance {
    std::map<std::string_view, std::string> by_field;  // keys: the paths of the field table ("network.mode")
    bool operator==(const Provenance&) const { return true; }
};

struct Profile {
    std::string name;  // "hardened", or the file's path
    std::string description;
    Opt<bool> no_new_privileges;
    Opt<Strings> capabilities;
    Identity identity;
    Filesystem filesystem;
    Namespaces namespaces;
    Network network;
    Seccomp seccomp;
    Landlock landlock;
    Memory memory;
    Limits limits;
    Environment environment;
    Process process;
    Admission admission;
    Oci oci;
    std::vector<Expectation> expect;
    std::vector<WaiverRecord> waivers;
    Provenance provenance;
    bool operator==(const Profile&) const = default;
};

// Reads the text of a profile by name ("hardened") or path (contains '/'). Supplied by the caller: this room makes no
// system call. The reader checks owner and mode (PROFILE 1.10). `from` is the file that says `extends`, or empty.
struct Source {
    std::string name;  // what messages call it
    std::string text;
    std::string directory;  // for relative bind sources
};
class Reader {
public:
    virtual ~Reader() = default;
    virtual Result<Source> read(const std::string& name_or_path, const std::string& from) = 0;
    // Names that may be extended, for "did you mean".
    virtual std::vector<std::string> names() = 0;
};

// A profile that is compiled in ("hardened" ...), or nullptr.
const char* built_in_profile(std::string_view name);
std::vector<std::string_view> built_in_names();
// The JSON Schema (draft 2020-12) of the language's shape: `casemate profile schema`.
std::string_view profile_schema();

// Reads the compiled-in profiles and nothing else.
class BuiltInReader : public Reader {
public:
    Result<Source> read(const std::string& name_or_path, const std::string& from) override;
    std::vector<std::string> names() override;
};

// Loads, checks and resolves one profile with its ancestors. All errors of a file are reported, at most 20, one a line.
Result<Profile> load(const std::string& name_or_path, Reader& reader);
// A child given as text (the flags of the command line as an anonymous child of `parent`): refine, not merge.
Result<Profile> refine(const Profile& parent, const Source& child);

// The stricter of two, field by field: commutative, associative, idempotent, never weaker than either (PROFILE 3.3).
Result<Profile> merge(const Profile& a, const Profile& b);
// The ceiling's R fields only (its G fields are dropped first, PROFILE 3.1).
Profile restrictions_only(const Profile& profile);
// Every G against the R fields: mounts, ports, user, variables (PROFILE 3.1). `layer` names who speaks, for messages.
Result<void> check_grants(const Profile& profile);

// The layers and guards of the profile as a filter; empty when it restricts no call. `mdwe_by_filter`: the kernel has
// no PR_SET_MDWE; `listening`: an inherited socket is handed over, so connect(2) is denied; `own_init`: process.init.
struct FilterNeeds {
    bool mdwe_by_filter = false;
    bool listening = false;
    bool own_init = false;
};
// The launcher's own last calls, which every filter lets pass and `plan` prints (PROFILE 5.2).
std::vector<std::string_view> launcher_calls(const FilterNeeds& needs);
seccomp::Policy seccomp_policy(const Profile& profile, const FilterNeeds& needs);

// The resolved profile as JSON (for `profile show`, state and plan), and one field's value as the profile writes it.
std::string to_json(const Profile& profile);

}  // namespace casemate::policy
