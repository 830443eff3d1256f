// A root file system made of busybox, and plans for it: a profile (or a config.json) compiled for this very host.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "policy/profile.h"

namespace casemate::test {

// The first host id of the containers made by tests: a range that nobody here uses.
constexpr uint32_t id_base = 0x70000000;

// What a test wants of a plan. The hooks change the parts that matter to it.
struct Wanted {
    std::string profile = "hardened";
    plan::Mode mode = plan::Mode::root_userns;
    std::vector<std::string> args = {"/bin/true"};
    std::function<void(policy::Profile&)> edit_profile{};
    std::function<void(oci::Config&)> edit_config{};
    std::function<void(plan::Request&)> edit_request{};
    std::function<void(plan::HostFacts&)> edit_facts{};  // as they come, the host has no cgroups
};

class TempBundle {
public:
    TempBundle();  // below /tmp, mode 0755: an unprivileged launcher must reach it
    ~TempBundle();
    TempBundle(const TempBundle&) = delete;
    TempBundle& operator=(const TempBundle&) = delete;

    const std::string& path() const { return path_; }
    std::string rootfs() const { return path_ + "/rootfs"; }
    // A file with its content, `name` relative to the bundle; parents must exist. Gives its absolute path.
    std::string file(const std::string& name, const std::string& content, unsigned mode = 0644) const;
    std::string directory(const std::string& name, unsigned mode = 0755) const;
    void link(const std::string& target, const std::string& name) const;

    // As `launch` compiles it. A plan that cannot be compiled fails the test.
    plan::Plan plan(const Wanted& wanted = {}) const;
    // As the OCI verbs do: what config.json says and nothing else. `edit` gets a small config with the six namespaces of
    // an engine, /proc, /dev, /sys and uid 0.
    plan::Plan oci_plan(const std::function<void(oci::Config&)>& edit = {}, const std::function<void(plan::Request&)>& edit_request = {}) const;

private:
    std::string path_;
};

}  // namespace casemate::test
