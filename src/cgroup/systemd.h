// Calling casemate-systemd-cgroup: the scope is there, held by that program, until the container's init is in it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "cgroup/scope.h"

namespace casemate::cgroup {

// A scope with the helper program as its one process. systemd ends a scope with its last process, so whoever lets go
// must have put another one in, or wants it gone.
class HeldScope {
public:
    HeldScope() = default;
    HeldScope(HeldScope&&) noexcept = default;
    HeldScope& operator=(HeldScope&& other) noexcept;
    ~HeldScope() { let_go(); }

    // `program` is casemate-systemd-cgroup's absolute path. EEXIST and the like are systemd's own words.
    static Result<HeldScope> start(const std::string& program, const Scope& scope, const std::string& description,
                                   const std::vector<UnitProperty>& properties);
    // The group, from the root of the hierarchy, as systemd says it.
    const std::string& path() const { return path_; }
    void let_go();

private:
    pid_t pid_ = -1;
    Fd pidfd_, input_;  // the program ends with its input, should this process be killed
    std::string path_;
};

// Changes what systemd keeps of a scope's limits.
Result<void> set_scope(const std::string& program, Manager manager, const std::string& unit, const std::vector<UnitProperty>& properties);

}  // namespace casemate::cgroup
