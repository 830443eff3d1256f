// The parts of casemate-audit that touch the system: its options, the image it reads and the tree it walks. The rooms'
// rules see values only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/attachments.h"
#include "audit/host_facts.h"
#include "audit/image_facts.h"
#include "audit/judgement.h"
#include "audit/process_facts.h"
#include "audit/tree_facts.h"
#include "audit/vulnerabilities.h"
#include "base/fd.h"
#include "base/result.h"
#include "oci/image.h"

namespace casemate::audit {

struct Options {
    std::string source, bundle, rootfs, pid, unit;  // one of them
    bool host = false;                              // or this
    std::string reference;
    oci::Platform platform = oci::native_platform();
    std::optional<Time> now;
    // The gate.
    std::string report, severities, threshold, ignore_file, max_report_age, format_of_report;
    std::vector<std::string> vex;
    std::string max_ignore_days;
    bool ignore_unfixed = false, unbound = false, deny_eol = false, allow_secrets = false;
    int exit_code = 1;
    // The rules.
    std::string fail_on, policy;
    std::vector<std::string> public_keys;  // files
    std::string admission;                 // a profile's file, "-" for standard input
    std::string format = "text";
    bool help = false, version = false, list_rules = false;
};

// Exit codes: 0 passed, `exit_code` (1) denied, 2 could not be judged.
inline constexpr int exit_unjudged = 2;

// Says it on stderr and gives the exit code: of a signal as a shell would see it, else exit_unjudged.
int complain(const Error& error);

Result<Options> parse_options(int argc, char** argv);
extern const char usage[];

// A directory of our own, 0700, that goes away with this object.
class ScratchDirectory {
public:
    static Result<ScratchDirectory> make();
    ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
    ScratchDirectory& operator=(ScratchDirectory&&) = delete;
    ~ScratchDirectory();
    const std::string& path() const { return path_; }

private:
    explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

struct ReadImage {
    ImageIdentity identity;
    std::string reference;
    bool pinned = false;  // named by its digest
    std::map<std::string, std::string> annotations;
    uint64_t blob_bytes = 0;
    std::string attachments_text;
    oci::ImageConfig config;
    std::string config_text;
    // Parses what came from the image itself, in the child that judges: fills `config` and `identity.diff_ids`.
    Result<void> understand();
    bool owners_known = false;     // unpacked as root
    uint64_t skipped_devices = 0;  // device nodes that the unpacker left out
    bool has_layers = false;       // below the scratch directory
};

// Through casemate-unpack's own confined worker: every document's and, with `layers`, every layer's digest is verified
// before anything of it is used.
Result<ReadImage> read_image(const Options& options, bool layers, const ScratchDirectory& scratch);

// A regular file of the operator's.
Result<std::string> read_input(const std::string& path, size_t limit);

// Every file below `path`, and the texts that the rules read. Nothing is followed, nothing is changed.
Result<TreeFacts> walk_tree(const std::string& path);

// What the kernel says of a running process.
Result<ProcessFacts> read_process(const std::string& pid);
Result<HostFacts> read_host();

// Runs `judge` in a child that can do nothing but read the scratch directory (image/confine.h) and write to what it has
// open, and gives its exit code. `judge` gets the path of the unpacked root as the child sees it.
using Judging = std::function<Result<int>(const std::string& rootfs)>;
Result<int> judge_confined(const ScratchDirectory& scratch, const Judging& judge);

// SIGINT, SIGTERM, SIGHUP and SIGQUIT as a descriptor, blocked: they end what we wait for, and then us.
Result<Fd> signals_of_the_caller();
Result<void> fail_if_signalled(FdView signals);

// Calls trivy or grype on the image and gives its report: without a network, as nobody, without our environment, in a
// directory of its own. ETIMEDOUT after `timeout_seconds`; ENOENT when it is not installed.
struct ScannerCall {
    std::string scanner, source, reference, manifest_digest;
    int64_t timeout_seconds = 300;
};
Result<std::string> run_scanner(const ScannerCall& call);

// `casemate audit --admission PROFILE IMAGE`: what launch asks.
Result<int> run_admission(const Options& options, Time now);

Result<std::vector<PublicKey>> read_keys(const std::vector<std::string>& files);
// The image's documents and files as the rules see them.
Result<ImageFacts> facts_of(const ReadImage& image, const std::vector<PublicKey>& keys, Time now);
Result<TreeFacts> tree_of(const ReadImage& image, const std::string& rootfs, Time now);
// Also finds out whom the image runs as. `tree` outlives `facts`.
void attach_tree(ImageFacts& facts, TreeFacts& tree);
void ask_image(const ImageFacts& facts, std::vector<Finding>& findings, std::vector<const Rule*>& asked);
Result<std::string> digest_of(std::string_view text);

// Each judges, prints, and gives the exit code. `image` is null with --unbound, --bundle, --rootfs and --pid.
Result<int> run_rules(const Options& options, const AuditPolicy& policy, const ImageFacts* image, Time now);
Result<AuditPolicy> policy_of(const Options& options);
void print_catalogue();

// A vulnerability gate with the texts that it names: read before the judging is confined, parsed there.
struct GateTexts {
    VulnerabilityGate gate;
    std::optional<std::string> report;
    std::string missing_because;
    std::string ignore;
    std::vector<std::string> vex;
};
// A report that is not there is left out; everything else that cannot be read is an error.
Result<GateTexts> read_gate(VulnerabilityGate gate);
Result<GateTexts> gate_texts(const Options& options);
Result<GateDecision> judge_gate(const GateTexts& texts, const ImageIdentity* image, Time now);
Result<int> run_gate(const Options& options, const GateTexts& texts, const ReadImage* image, Time now);

}  // namespace casemate::audit
