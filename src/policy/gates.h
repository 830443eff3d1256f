// admission.audit and admission.vulnerabilities: each object is one gate, kept whole as canonical JSON, because a gate
// and its suppressions belong together. Merging keeps both gates, so a suppression never reaches another layer's gate.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "json/writer.h"
#include "policy/at.h"
#include "policy/profile.h"

namespace casemate::policy {

// The gate with its keys in a fixed order, times in their shortest spelling.
std::optional<std::string> parse_audit_gate(const At& at, const json::Value& value);
std::optional<std::string> parse_vulnerability_gate(const At& at, const json::Value& value);
// One gate as its object; several, after a merge, as an array of them.
void write_gates(json::Writer& writer, std::span<const std::string> gates);

// Files that a gate or a signature names become absolute, as bind sources do: relative ones stand for a path below
// `directory`. False: one leaves no path.
bool make_paths_absolute(Admission& admission, std::string_view directory);

}  // namespace casemate::policy
