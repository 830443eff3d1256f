// The exit report as JSON (`launch --report FILE`): schemaVersion 1, every field always there, null where there is
// nothing to say.
#pragma once

#include <string>

#include "base/result.h"
#include "launch/report.h"

namespace casemate::runtime {

std::string to_json(const launch::ExitReport& report);
// Writes it to `path` (the operator's), replacing the content.
Result<void> write_report(const std::string& path, const launch::ExitReport& report);

}  // namespace casemate::runtime
