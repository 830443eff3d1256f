// What the verbs do: the API that the command line (and later the C ABI) stands on. Every function takes values and gives
// a Result; it prints nothing and logs through the callback (base/log.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "oci/state.h"
#include "plan/plan.h"
#include "policy/profile.h"
#include "proof/verify.h"
#include "steps/sequence.h"

namespace casemate::runtime {

struct Settings {
    std::string state_root;   // --root; empty: /run/casemate, or $XDG_RUNTIME_DIR/casemate without root
    std::string data_root;    // unpacked images; empty: /var/lib/casemate, or $XDG_DATA_HOME/casemate
    std::string program_path; // this launcher, for finding the libexec programs beside it
};

// An app to launch, plan or probe.
struct LaunchOptions {
    std::string source;                 // layout DIR[:REF], archive, bundle directory, rootfs:DIR
    std::vector<std::string> command;   // after "--"
    std::string profile;                // name or file; empty: the host's default, else "hardened"
    std::string child_profile;          // JSON text of the flags (cli/child_profile.h), or empty
    std::string user, cwd, ref;
    std::string id;                     // --name; empty: made up
    std::string pid_file, report;
    bool detach = false;
    bool terminal = false;
    bool keep = false;                  // without --rm: state stays for `state`, `verify` and `delete` after the end
};

// Runs the app to its end (or, detached, to its start) and gives its exit code: the app's, or 128+signal.
Result<int> launch(const Settings& settings, const LaunchOptions& options);

// What launch would do: every step in order, the waivers, the notes. No side effect but unpacking into a directory that
// is removed again when SOURCE is an image.
struct PlanReport {
    std::string profile_name;
    std::string mode;
    std::vector<steps::Line> lines;
    std::vector<policy::WaiverRecord> waivers;
    std::vector<std::string> notes;
    std::vector<std::string> tightened, refused, unused;  // plan_bundle under a ceiling (PROFILE 3.4)
    std::vector<std::string> launcher_calls;  // that the launcher adds to the filter
    std::string plan_json;
    std::string text() const;
    std::string json() const;
};
Result<PlanReport> plan_launch(const Settings& settings, const LaunchOptions& options);
Result<PlanReport> plan_bundle(const Settings& settings, const std::string& bundle, const std::string& profile);

// SOURCE to an OCI bundle: unpacked, with a config.json that the profile makes of it.
struct UnpackOptions {
    std::string source, bundle, ref, profile;
    std::vector<std::string> unpacker_arguments;  // passed on: --max-size and the like
};
Result<void> unpack(const Settings& settings, const UnpackOptions& options);

// The verbs of the OCI runtime command line.
enum class CgroupManager : uint8_t { cgroupfs, systemd, disabled };

struct CreateOptions {
    std::string bundle;        // empty: the working directory
    std::string config;        // another file than the bundle's config.json, or empty
    std::string id;
    std::string pid_file;
    std::string console_socket;  // unix socket that gets the terminal's master, or empty
    std::string pidfd_socket;  // unix socket that gets a pidfd of init, or empty
    std::string profile;       // empty: oci
    unsigned preserve_fds = 0;
    CgroupManager cgroup_manager = CgroupManager::cgroupfs;
    bool no_new_keyring = false;  // the caller's session keyring stays the container's
    bool detached = false;        // run: do not wait for the end
};
// The container stands, confined and verified, and waits for start().
Result<void> create(const Settings& settings, const CreateOptions& options);
Result<void> start(const Settings& settings, const std::string& id);
struct RunOptions : CreateOptions {
    bool keep = false;
};
Result<int> run_bundle(const Settings& settings, const RunOptions& options);
// One more process in a running container.
struct ExecOptions {
    std::string id;
    std::string process_file;           // the whole process as JSON; else the container's own with what follows
    std::vector<std::string> command, env;
    std::string cwd;                    // empty: the container's
    std::string user;                   // "UID[:GID]", or empty
    std::vector<uint32_t> additional_gids;
    std::vector<std::string> capabilities;  // added to bounding, permitted and effective
    std::string apparmor, process_label;
    std::string pid_file, console_socket, pidfd_socket;
    std::vector<std::string> cgroups;  // PATH or CONTROLLERS:PATH, below the container's (cgroup::Group::below)
    unsigned preserve_fds = 0;
    bool no_new_privs = false, tty = false, detach = false;
    bool ignore_paused = false;
};
// Its exit code, or 128+signal; detached: 0 as soon as it runs. What it may do is decided by what the container was started
// with, kept on the host. It does not end with its caller (runc's rule), but with the container.
Result<int> exec(const Settings& settings, const ExecOptions& options);
Result<oci::State> state(const Settings& settings, const std::string& id);
Result<std::vector<oci::State>> list(const Settings& settings);
// `all`: every process of the container's cgroup, also after the first one has ended.
Result<void> kill(const Settings& settings, const std::string& id, int signal, bool all);
Result<void> pause(const Settings& settings, const std::string& id);
Result<void> resume(const Settings& settings, const std::string& id);
// In the caller's pid namespace, sorted.
Result<std::vector<pid_t>> processes(const Settings& settings, const std::string& id);
// The host's ps with these options ("-ef" when none), only the lines of `pids` and the heading (runc: ps.go).
Result<std::string> ps_table(const std::vector<pid_t>& pids, std::vector<std::string> options);
// Changes what `resources` names and leaves the rest; device rules are none of it, as in runc. Back to the old values
// on failure.
Result<void> update(const Settings& settings, const std::string& id, oci::Resources resources);
// The document of `update --resources`: a file, "-" for standard input, or nothing.
Result<oci::Resources> read_resources(std::string_view file);
// Lines of JSON for go-runc's Events: {"type":"stats"|"oom","id":..,"data":..}.
Result<std::string> stats_line(const Settings& settings, const std::string& id);
// Such a line every `interval_ms`, and one for each time the kernel ends a process for memory, until the container ends.
Result<void> watch_events(const Settings& settings, const std::string& id, int interval_ms, const std::function<Result<void>(const std::string&)>& print);
Result<void> remove(const Settings& settings, const std::string& id, bool force);
// Leftovers of launchers that were killed: containers without a process, directories without a container. What was removed.
Result<std::vector<std::string>> gc(const Settings& settings);

// A live container against its plan, or any process against a profile.
Result<proof::Verification> verify_id(const Settings& settings, const std::string& id);
Result<proof::Verification> verify_pid(const Settings& settings, pid_t pid, const std::string& profile);

// The probe inside the sandbox of `options` (SOURCE may be empty: an empty root file system). The text in `format`
// (text, json, tap, junit), and whether anything was a surprise.
struct ProbeOutcome {
    std::string report;
    bool surprised = false;
};
Result<ProbeOutcome> probe(const Settings& settings, const LaunchOptions& options, const std::string& format, bool colour);

// Profiles: installed, shipped and compiled in.
struct ProfileEntry {
    std::string name, where, description;
};
std::vector<ProfileEntry> profiles();
Result<policy::Profile> load_profile(const std::string& name_or_path);
std::string profile_schema();

// `spec`: config.json as `oci` users know it; `features`: of this runtime and of the host's kernel.
std::string default_config_json(bool rootless);
std::string features_json();
struct KernelFeature {
    std::string name, first_kernel;
    bool present = false;
    std::string without;  // what happens then
};
std::vector<KernelFeature> kernel_features();

}  // namespace casemate::runtime
