// The two formats behind parse_scan_report(). Field names and meanings: aquasecurity/trivy pkg/types/report.go,
// anchore/grype grype/presenter/models.
#pragma once

#include "audit/fields.h"
#include "audit/scan_report.h"

namespace casemate::audit {

// Problems are left with `root`; the value is then meaningless.
ScanReport read_trivy(const Fields& root);
ScanReport read_grype(const Fields& root);

}  // namespace casemate::audit
