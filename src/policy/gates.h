// admission.audit and admission.vulnerabilities: each object is one gate, kept whole as canonical JSON, because a gate
// and its suppressions belong together. Merging keeps both gates, so a suppression never reaches another layer's gate.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "json/writer.h"
#include "policy/at.h"

namespace casemate::policy {

// The gate with its keys in a fixed order, times in their shortest spelling.
std::optional<std::string> parse_audit_gate(const At& at, const json::Value& value);
std::optional<std::string> parse_vulnerability_gate(const At& at, const json::Value& value);
// One gate as its object; several, after a merge, as an array of them.
void write_gates(json::Writer& writer, std::span<const std::string> gates);

}  // namespace casemate::policy
