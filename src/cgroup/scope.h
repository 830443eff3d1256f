// The systemd driver's half that needs no bus: which scope a cgroupsPath means, where systemd will put it, and what its
// unit is told. Pure; casemate-systemd-cgroup (systemd_main.cc) talks to systemd.
//
// The unit gets those limits for which it has a property, so that `daemon-reload` writes the values in force and not its
// defaults; everything else, and the device policy, is written to the group itself, as without systemd.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cgroup/layout.h"
#include "cgroup/limits.h"

namespace casemate::cgroup {

// Whose systemd: the host's (system bus), or the caller's own (user bus, rootless).
enum class Manager : uint8_t { system, user };

struct Scope {
    Manager manager = Manager::system;
    std::string slice;  // "machine.slice", "-.slice"
    std::string unit;   // "libpod-ID.scope"
    bool operator==(const Scope&) const = default;

    // From the root of each hierarchy: "/a.slice/a-b.slice/x.scope"; below user@UID.service for a user's systemd.
    std::string path(uint32_t uid) const;
};

// cgroupsPath SLICE:PREFIX:NAME as runc has it (docs/systemd.md there). Empty: system.slice, or user.slice without root,
// and casemate-ID.scope. What no unit name may hold is escaped as systemd-escape does it.
Result<Scope> parse_scope(std::string_view cgroups_path, std::string_view id, Manager manager);

// One property of StartTransientUnit and SetUnitProperties (org.freedesktop.systemd1(5)).
struct UnitProperty {
    std::string name;
    char type = 't';  // D-Bus: t (uint64), i (int32), s (string)
    std::string value;
    bool operator==(const UnitProperty&) const = default;

    // "MemoryMax=t:1048576", as the helper program takes it; it is also what it parses.
    std::string text() const;
    static Result<UnitProperty> parse(std::string_view text);
};

// Limits that systemd keeps too. `memory` tells which generation of names this host's systemd listens to.
std::vector<UnitProperty> properties_of(const Limits& limits, Version memory);

// Annotations org.systemd.property.NAME with GVariant text as value. How the scope is stopped and collected may be said
// (podman says it of every container); anything else would let an image's annotations change the limits: EPERM, by name.
Result<std::vector<UnitProperty>> properties_of(const std::map<std::string, std::string>& annotations);

}  // namespace casemate::cgroup
