// Is a report about this image? Names and tags say nothing: anybody can scan another image under the same name.
#pragma once

#include "audit/vulnerabilities.h"

namespace casemate::audit {

// Every digest that both sides give must be the same, and at least one must be given by both. A repository digest may
// be an index's (a multi-platform tag): an equal one proves, another proves nothing. Errors say what differs.
Result<void> bind_report(const ScanReport& report, const ImageIdentity& image);

}  // namespace casemate::audit
