// The parts of casemate-audit that touch the system: its options, the image it reads and the tree it walks. The rooms'
// rules see values only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/process_facts.h"
#include "audit/tree_facts.h"
#include "audit/vulnerabilities.h"
#include "base/result.h"
#include "oci/image.h"

namespace casemate::audit {

struct Options {
    std::string source, bundle, rootfs, pid;  // one of them
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
    std::string format = "text";
    bool help = false, version = false, list_rules = false;
};

// Exit codes: 0 passed, `exit_code` (1) denied, 2 could not be judged.
inline constexpr int exit_unjudged = 2;

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
    oci::ImageConfig config;
    std::string config_text;
    bool owners_known = false;     // unpacked as root
    uint64_t skipped_devices = 0;  // device nodes that the unpacker left out
    std::string rootfs;            // empty without the layers
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

// Each judges, prints, and gives the exit code. `image` is null with --unbound, --bundle, --rootfs and --pid.
Result<int> run_rules(const Options& options, const ReadImage* image, Time now);
void print_catalogue();
Result<int> run_gate(const Options& options, const ReadImage* image, Time now);

}  // namespace casemate::audit
