// casemate audit --admission: reads what admission judges. The launcher asks with a profile that says nothing else, on
// standard input, and takes the record from standard output.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "audit/admission.h"
#include "audit/program.h"
#include "base/text.h"
#include "policy/profile.h"
#include "sys/call.h"

namespace casemate::audit {
namespace {

constexpr size_t max_profile_bytes = size_t{1} << 20, max_key_bytes = 64 << 10;

// One profile, and what casemate has compiled in.
class OneProfile final : public policy::Reader {
public:
    OneProfile(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {}
    Result<policy::Source> read(const std::string& name, const std::string& from) override {
        if (!from.empty()) return built_in_.read(name, from);
        const size_t slash = name_.rfind('/');
        return policy::Source{name_, text_, slash == std::string::npos ? "" : name_.substr(0, slash + 1)};
    }
    std::vector<std::string> names() override { return built_in_.names(); }

private:
    std::string name_, text_;
    policy::BuiltInReader built_in_;
};

Result<policy::Admission> wanted_by(const std::string& path) {
    const bool standard_input = path == "-";
    std::string text = standard_input ? TRY_IN("standard input", sys::read_all(STDIN_FILENO, max_profile_bytes))
                                      : TRY(read_input(path, max_profile_bytes));
    char* const resolved = standard_input ? nullptr : ::realpath(path.c_str(), nullptr);
    OneProfile reader(resolved ? resolved : "standard input", std::move(text));
    std::free(resolved);
    const policy::Profile profile = TRY(policy::load(path, reader));
    if (!asks_anything(profile.admission)) return Error::invalid("the profile's 'admission' asks nothing of an image");
    return profile.admission;
}

// The report of a gate that has none, by the scanner that it names.
Result<void> scan(const Options& options, const ReadImage& image, GateTexts& texts) {
    if (texts.report || texts.gate.scanner.empty()) return {};
    ScannerCall call{texts.gate.scanner, options.source, options.reference, image.identity.manifest_digest,
                     texts.gate.scanner_timeout};
    auto report = run_scanner(call);
    if (report)
        texts.report = std::move(report).take();
    else if (report.error().exit_code() > 128)
        return std::move(report).take_error();
    else
        texts.missing_because = report.error().text();
    return {};
}

// Everything that is read before the judging is confined.
struct Prepared {
    policy::Admission wanted;
    std::vector<PublicKey> keys;
    std::vector<AuditPolicy> policies;
    std::vector<GateTexts> gates;
};

Result<Prepared> prepare(const Options& options) {
    Prepared prepared;
    prepared.wanted = TRY_IN("admission", wanted_by(options.admission));
    if (prepared.wanted.public_keys) prepared.keys = TRY(read_keys(*prepared.wanted.public_keys));
    for (const std::string& gate : prepared.wanted.audit_gates)
        prepared.policies.push_back(TRY_IN("admission.audit", parse_audit_policy(gate)));
    for (const std::string& text : prepared.wanted.vulnerability_gates) {
        VulnerabilityGate gate = TRY_IN("admission.vulnerabilities", parse_vulnerability_gate(text));
        prepared.gates.push_back(TRY(read_gate(std::move(gate))));
    }
    return prepared;
}

Result<int> judge_prepared(const Options& options, const Prepared& prepared, ReadImage& image,
                           const std::string& rootfs, Time now) {
    TRY(image.understand());
    ImageFacts facts = TRY(facts_of(image, prepared.keys, now));
    TreeFacts tree;
    if (image.has_layers) {
        tree = TRY(tree_of(image, rootfs, now));
        attach_tree(facts, tree);
    }
    // Signatures are asked for even without a key to check with: then none holds.
    if (asks_for_signature(prepared.wanted) && !facts.signature)
        facts.signature = judge_signatures(facts.attachments, image.identity.manifest_digest, {}, nullptr);
    AdmissionInput input;
    input.identity = image.identity;
    input.source = options.source;
    input.pinned = image.pinned;
    input.blob_bytes = image.blob_bytes;
    input.facts = &facts;
    input.now = now;
    for (const AuditPolicy& policy : prepared.policies) {
        std::vector<Finding> findings;
        std::vector<const Rule*> rules;
        ask_image(facts, findings, rules);
        input.judgements.push_back(judge(options.source, std::move(findings), std::move(rules), policy, now));
    }
    for (const GateTexts& gate : prepared.gates)
        input.vulnerability.push_back(TRY(judge_gate(gate, &image.identity, now)));
    const AdmissionDecision decision = decide(prepared.wanted, std::move(input));
    const std::string out = options.format == "json" ? to_json(decision) + "\n" : to_text(decision);
    std::fputs(out.c_str(), stdout);
    return decision.allowed ? 0 : options.exit_code;
}

}  // namespace

// Whoever may write a key file may sign.
Result<std::vector<PublicKey>> read_keys(const std::vector<std::string>& files) {
    std::vector<PublicKey> keys;
    for (const std::string& path : files) {
        const struct stat status = TRY_IN("public key", sys::fstatat(AT_FDCWD, path.c_str(), 0));
        if ((status.st_uid != 0 && status.st_uid != ::geteuid()) || (status.st_mode & 022) != 0)
            return Error::with_code(EACCES, concat("public key ", quoted(path), ": others may write it"))
                .hint("make it root's or yours, and writable by nobody else");
        keys.push_back({path, TRY_IN("public key", read_input(path, max_key_bytes))});
    }
    return keys;
}

Result<int> run_admission(const Options& options, Time now) {
    Prepared prepared = TRY(prepare(options));
    const ScratchDirectory scratch = TRY(ScratchDirectory::make());
    ReadImage image = TRY(read_image(options, asks_for_files(prepared.wanted), scratch));
    for (GateTexts& gate : prepared.gates) TRY(scan(options, image, gate));
    return judge_confined(scratch, [&](const std::string& rootfs) {
        return judge_prepared(options, prepared, image, rootfs, now);
    });
}

}  // namespace casemate::audit
