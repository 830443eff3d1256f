// OpenVEX 0.2.0 (github.com/openvex/spec): what a vendor says about a vulnerability in a product. Only not_affected and
// fixed suppress, and only for the product they name: our image by its digest, or the package itself by its URL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "audit/package_url.h"
#include "audit/scan_report.h"

namespace casemate::audit {

struct VexProduct {
    PackageUrl url;
    std::vector<PackageUrl> subcomponents;
};

struct VexStatement {
    std::vector<std::string> vulnerabilities;  // the name and its aliases
    std::vector<VexProduct> products;
    std::string status;     // not_affected, affected, fixed, under_investigation
    std::string statement;  // the justification or the impact statement
    Time time = 0;          // its own, or the document's
};

struct VexDocument {
    std::string name, author;
    std::vector<VexStatement> statements;
};

// Refused: another format or version, an unknown status, not_affected without a justification or impact statement, a
// product without a package URL, a statement without a time.
Result<VexDocument> parse_openvex(std::string_view text, std::string name);

struct VexVerdict {
    const VexDocument* document = nullptr;
    const VexStatement* statement = nullptr;
};
// The statement that is latest among all that speak of this finding, if it suppresses; of equally old ones the later in
// the list. `manifest_digest` is the image's, or empty.
VexVerdict vex_for(const std::vector<VexDocument>& documents, const ScanFinding& finding,
                   std::string_view manifest_digest);

}  // namespace casemate::audit
