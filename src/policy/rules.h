// seccomp.allow and seccomp.deny: names, @groups and rules with conditions, read into seccomp::Rule and written back.
// Rules are kept sorted and without those that another one covers, so that equal meanings are mostly equal values.
#pragma once

#include <string>
#include <vector>

#include "json/writer.h"
#include "policy/at.h"
#include "seccomp/filter.h"

namespace casemate::policy {

using Rules = std::vector<seccomp::Rule>;

// The whole list. nullopt: something was noted.
std::optional<Rules> parse_allow(const At& at, const json::Value& list);
std::optional<Rules> parse_deny(const At& at, const json::Value& list);

void sort_rules(Rules& rules);
// What both lists allow. Both sorted; so is the result.
Rules intersect_allowed(const Rules& a, const Rules& b);
Rules unite_rules(const Rules& a, const Rules& b);

// A child's denies over its parent's layer, so that none answers less than the parent's default does: a call that the
// parent does not allow keeps a default that is stricter than the deny.
Rules at_least(Rules denies, const seccomp::Layer& parent);

// The first system call of an item of `allow` ("name", "@group" or a rule) that `parent` does not allow at all; or
// empty.
std::string_view first_not_allowed(const Rules& parent, const json::Value& item);

// A list of names, groups and rules that reads back to the same.
void write_allow(json::Writer& writer, const Rules& rules);
void write_deny(json::Writer& writer, const Rules& rules);

// A total order of layers, so that a union of layers has one representation.
bool before(const seccomp::Layer& a, const seccomp::Layer& b);

}  // namespace casemate::policy
