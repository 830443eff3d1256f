// What the parts of the probe's plan share: the plan, the answer of its filter to a call, and the list they fill.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "proof/probe_plan.h"

namespace casemate::proof {

using CallArguments = std::array<uint64_t, 6>;

class CheckList {
public:
    CheckList(const plan::Plan& of, const policy::Profile& from, const ProbeContext& prepared)
        : plan(of), profile(from), context(prepared) {}

    const plan::Plan& plan;
    const policy::Profile& profile;
    const ProbeContext& context;
    std::vector<ProbeCheck> checks;

    void add(std::string name, std::string kind, std::string object, std::string expected) {
        checks.push_back({std::move(name), std::move(kind), std::move(object), std::move(expected)});
    }
    // What the filter makes of a call: an errno name, "SIGSYS", or empty when it lets it pass.
    std::string filtered(std::string_view call, const CallArguments& arguments = {}) const;
    std::string filtered(int number, const CallArguments& arguments) const;
    // `otherwise` is what must come of it when the filter lets it pass.
    std::string expect(std::string_view call, const CallArguments& arguments, std::string otherwise) const {
        const std::string verdict = filtered(call, arguments);
        return verdict.empty() ? otherwise : verdict;
    }
    // Has the app this capability once it runs (capabilities(7): after the exec)?
    bool has_capability(int capability) const;
    bool filtering() const { return !plan.seccomp().program.empty(); }
    bool owns(std::string_view type) const { return plan.namespaces().owns(type); }
};

// "NR:A,B,C" in hex, as the act `calls` reads it; empty when this architecture lacks the call.
std::string call_text(std::string_view call, const CallArguments& arguments);

}  // namespace casemate::proof
