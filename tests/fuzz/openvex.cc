// OpenVEX documents: none suppresses a finding whose id it does not hold.
// rooms: audit
#include <cstdlib>
#include <string>

#include "audit/openvex.h"

using namespace casemate::audit;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    auto document = parse_openvex(text, "fuzz");
    if (!document) return 0;
    ScanFinding finding;
    finding.id = "CVE-2023-1255";
    finding.purl = "pkg:apk/alpine/libcrypto3@3.0.8-r3";
    std::vector<VexDocument> documents;
    documents.push_back(std::move(document).take());
    const VexVerdict verdict = vex_for(documents, finding, "sha256:manifest");
    if (!verdict.statement) return 0;
    bool named = false;
    for (const std::string& id : verdict.statement->vulnerabilities) named = named || id == finding.id;
    if (!named || (verdict.statement->status != "not_affected" && verdict.statement->status != "fixed")) std::abort();
    return 0;
}
