// Inputs of the planner as values, and its two answers as values: a Plan, or the text of an error. No privilege, no
// host.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/compiler.h"
#include "plan/plan.h"

namespace casemate::plan::test {

inline constexpr uint64_t every_capability = (uint64_t{1} << 41) - 1;

// A host of Linux 6.18 with everything, as its root sees it, or as user 1000 with or without a range of ids.
HostFacts root_facts();
HostFacts user_facts(bool with_range = true);
// An older kernel, as root sees it.
HostFacts old_kernel(int landlock_abi, bool mdwe);

// A profile that says nothing; one that is shipped; a shipped one with a child's statements.
policy::Profile silent();
policy::Profile shipped(const std::string& name);
policy::Profile child_of(const std::string& parent, const std::string& statements);

// Both wholes of a config.json: the smallest that can run, and that with `more` members of `linux` and of the whole.
oci::Config parsed(const std::string& text);
oci::Config smallest();
oci::Config with_linux(const std::string& members);
oci::Config with_mount(const std::string& mount);
oci::Config with_process(const std::string& members);

// What an image without a user says, and the request that `launch` makes of it.
AppSource image();
Request launch_request();
Request bundle_request();

// Everything that compile() takes. The default: root runs the smallest bundle, under a profile that says nothing.
struct Input {
    oci::Config config = smallest();
    policy::Profile profile = silent();
    HostFacts facts = root_facts();
    Request request = bundle_request();
};
// As `launch` does it: the profile is the author of config.json.
Input launching(const policy::Profile& profile, const HostFacts& facts = root_facts(), const AppSource& app = image());

Plan compiled(const Input& input);        // must be sound
std::string refusal(const Input& input);  // must not be: the error's text
std::string hint_of(const Input& input);

std::string read_data(const std::string& name);  // below tests/data
bool contains(std::string_view text, std::string_view part);
std::optional<MountPlan> find_mount(const Plan& plan, std::string_view destination);
std::optional<Rlimit> find_limit(const Plan& plan, std::string_view name);
bool has_note(const Plan& plan, std::string_view part);

}  // namespace casemate::plan::test
