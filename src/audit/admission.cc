#include "audit/admission.h"

#include <algorithm>

#include "audit/package_url.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr Time clock_skew_seconds = 300;

std::string base_of(const ImageFacts& facts, const char* key) {
    if (const auto found = facts.annotations.find(key); found != facts.annotations.end()) return found->second;
    const auto& labels = facts.config.defaults.labels;
    const auto found = labels.find(key);
    return found == labels.end() ? std::string() : found->second;
}

class Decider {
public:
    Decider(const policy::Admission& wanted, AdmissionDecision& decision) : wanted_(wanted), decision_(decision) {}

    void run() {
        if (wanted_.require_digest.value_or(false)) digest();
        if (asks_for_signature(wanted_)) signature();
        if (wanted_.max_image_age_ms) age(*wanted_.max_image_age_ms);
        if (wanted_.max_size) size(*wanted_.max_size);
        if (wanted_.allowed_bases) base(*wanted_.allowed_bases);
        if (wanted_.required_labels)
            for (const std::string& label : *wanted_.required_labels) labelled(label);
        if (wanted_.deny_files) files(*wanted_.deny_files);
        if (wanted_.minimal.value_or(false)) minimal();
        rules();
        vulnerabilities();
        decision_.allowed = std::ranges::all_of(decision_.checks, &AdmissionCheck::passed);
    }

private:
    const AdmissionInput& input() const { return decision_.input; }
    const ImageFacts& facts() const { return *decision_.input.facts; }
    void say(std::string_view field, bool passed, std::string detail) {
        decision_.checks.push_back({concat("admission.", field), passed, std::move(detail)});
    }

    void digest() {
        say("requireDigest", input().pinned,
            input().pinned ? "named by its digest" : concat(quoted(input().source), " names no digest"));
    }

    void signature() {
        const SignatureVerdict none{false, {}, {}, "the image is not signed"};
        const SignatureVerdict& verdict = facts().signature ? *facts().signature : none;
        say("signature", verdict.verified,
            verdict.verified ? concat("signed under ", quoted(verdict.key)) : verdict.reason);
    }

    void age(uint64_t max_ms) {
        const auto created = parse_time(facts().config.created);
        if (!created) return say("maxImageAge", false, "the image does not say when it was made");
        const Time age = input().now - *created;
        if (age < -clock_skew_seconds)
            return say("maxImageAge", false, concat("made in the future: ", time_text(*created)));
        say("maxImageAge", age <= static_cast<Time>(max_ms / 1000),
            concat("made ", time_text(*created), ", ", std::max<Time>(age, 0) / day_seconds, " days ago"));
    }

    void size(uint64_t max) {
        say("maxSize", input().blob_bytes <= max, concat("the layers' blobs have ", input().blob_bytes, " bytes"));
    }

    void base(const policy::Strings& allowed) {
        const std::string name = base_of(facts(), "org.opencontainers.image.base.name");
        const std::string digest = base_of(facts(), "org.opencontainers.image.base.digest");
        if (name.empty()) return say("allowedBases", false, "the image does not say what it is based on");
        const bool known = std::ranges::any_of(allowed, [&](const std::string& pattern) {
            return matches_glob(pattern, name) || matches_glob(pattern, concat(name, '@', digest));
        });
        say("allowedBases", known, concat("based on ", quoted(name)));
    }

    // "KEY", or "KEY=VALUE".
    void labelled(const std::string& wanted) {
        const size_t equals = wanted.find('=');
        const auto& labels = facts().config.defaults.labels;
        const auto found = labels.find(wanted.substr(0, equals));
        const bool there = found != labels.end() && !found->second.empty() &&
                           (equals == std::string::npos || found->second == wanted.substr(equals + 1));
        say("requiredLabels", there, concat(quoted(wanted), there ? " is there" : " is not there"));
    }

    // A pattern without '/' is one for names, wherever they are.
    void files(const policy::Strings& patterns) {
        std::string found;
        if (facts().tree)
            for (const TreeEntry& entry : facts().tree->entries) {
                const std::string_view path = std::string_view(entry.path).substr(1);
                const bool denied = std::ranges::any_of(patterns, [&](std::string_view pattern) {
                    const bool name_only = pattern.find('/') == std::string_view::npos;
                    while (pattern.starts_with('/')) pattern.remove_prefix(1);
                    return matches_glob(pattern, name_only ? path.substr(path.rfind('/') + 1) : path);
                });
                if (denied && found.empty()) found = entry.path;
            }
        say("denyFiles", facts().tree && found.empty(),
            found.empty() ? "no such file is there" : concat(quoted(found), " is there"));
    }

    // FS-11 to FS-15: shells, package managers, compilers, network tools, ways to another user.
    void minimal() {
        std::vector<Finding> findings;
        if (facts().tree) run_checks(tree_checks(), *facts().tree, findings);
        const auto found = std::ranges::find_if(findings, [](const Finding& finding) {
            return finding.rule->id >= "FS-11" && finding.rule->id <= "FS-15";
        });
        const bool passed = facts().tree && found == findings.end();
        say("minimal", passed, found == findings.end() ? "no tools are there" : concat(found->rule->id, ": ", found->where));
    }

    void rules() {
        for (const Judgement& judgement : input().judgements)
            say("audit", judgement.passed,
                concat(judgement.count(Level::fatal), " fatal, ", judgement.count(Level::warn), " warn, ",
                       judgement.count(Level::info), " info"));
        if (input().judgements.size() != wanted_.audit_gates.size()) say("audit", false, "a gate was not asked");
    }

    void vulnerabilities() {
        for (const GateDecision& gate : input().vulnerability) {
            std::string detail = concat(gate.denied.size(), " findings deny, ", gate.suppressed.size(), " suppressed");
            if (!gate.reasons.empty()) detail = gate.reasons.front();
            say("vulnerabilities", gate.allowed, std::move(detail));
        }
        if (input().vulnerability.size() != wanted_.vulnerability_gates.size())
            say("vulnerabilities", false, "a gate was not asked");
    }

    const policy::Admission& wanted_;
    AdmissionDecision& decision_;
};

}  // namespace

bool asks_anything(const policy::Admission& wanted) { return wanted != policy::Admission{}; }

bool asks_for_files(const policy::Admission& wanted) {
    return !wanted.audit_gates.empty() || wanted.minimal.value_or(false) || wanted.deny_files;
}

bool asks_for_signature(const policy::Admission& wanted) {
    return wanted.signature_required.value_or(false) || wanted.public_keys;
}

AdmissionDecision decide(const policy::Admission& wanted, AdmissionInput input) {
    AdmissionDecision decision;
    decision.input = std::move(input);
    Decider(wanted, decision).run();
    return decision;
}

}  // namespace casemate::audit
