// Plans of the shipped profiles as `launch` makes them, for a host that is a value: no launch, no privilege.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "plan/plan.h"
#include "policy/profile.h"

namespace casemate::proof::test {

struct Planned {
    policy::Profile profile;
    plan::Plan plan;
};

inline policy::Profile shipped(const std::string& name) {
    policy::BuiltInReader reader;
    auto profile = policy::load(name, reader);
    REQUIRE_MESSAGE(profile, name);
    return std::move(profile).take();
}

inline Planned planned(const policy::Profile& profile, unsigned inherited_fds = 0) {
    plan::HostFacts facts;
    facts.kernel = "6.18.0";
    facts.landlock_abi = 6;
    facts.bounding = facts.permitted = (uint64_t{1} << 41) - 1;
    plan::AppSource app;
    app.root_path = "/srv/app/rootfs";
    app.args = {"/app"};
    plan::Request request;
    request.bundle = "/srv/app";
    request.launch = true;
    request.id_base = 524288;
    request.inherited_fds = inherited_fds;
    auto config = plan::synthesize(app, profile, facts);
    REQUIRE_MESSAGE(config, (config ? std::string() : config.error().text()));
    auto plan = plan::compile(config.value(), profile, facts, request);
    REQUIRE_MESSAGE(plan, (plan ? std::string() : plan.error().text()));
    return {profile, std::move(plan).take()};
}

inline Planned planned(const std::string& name, unsigned inherited_fds = 0) {
    return planned(shipped(name), inherited_fds);
}

}  // namespace casemate::proof::test
