// Admission: may this image be launched under this profile? (PROFILE 2.10, docs/audit.md)
//
// Pure, as the gate and the rules that it asks: the program reads, this decides. Each field of `admission` that is said
// is one check; all must pass, and what cannot be known (an image without a date, without a report, without a
// signature) does not pass. The record lists every check and every suppression.
#pragma once

#include <string>
#include <vector>

#include "audit/image_facts.h"
#include "audit/judgement.h"
#include "audit/vulnerabilities.h"
#include "policy/profile.h"

namespace casemate::audit {

struct AdmissionInput {
    ImageIdentity identity;
    std::string source;      // as the caller named it
    bool pinned = false;     // by a digest
    uint64_t blob_bytes = 0;  // of all layers as they are stored
    const ImageFacts* facts = nullptr;
    std::vector<Judgement> judgements;      // one for each gate of admission.audit
    std::vector<GateDecision> vulnerability;  // one for each of admission.vulnerabilities
    Time now = 0;
};

struct AdmissionCheck {
    std::string what;    // the profile's field: "admission.requireDigest"
    bool passed = false;
    std::string detail;  // one line
};

struct AdmissionDecision {
    bool allowed = false;
    std::vector<AdmissionCheck> checks;
    AdmissionInput input;
};

// Does the profile ask anything of an image?
bool asks_anything(const policy::Admission& wanted);
// Do its checks look at files? Then the layers are needed.
bool asks_for_files(const policy::Admission& wanted);
bool asks_for_signature(const policy::Admission& wanted);

AdmissionDecision decide(const policy::Admission& wanted, AdmissionInput input);

// The decision record (schema version 1, docs/audit.md), one line.
std::string to_json(const AdmissionDecision& decision);
std::string to_text(const AdmissionDecision& decision);

}  // namespace casemate::audit
