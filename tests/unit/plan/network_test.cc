// What may come in and go out under `launch`; under an engine the network is the engine's.
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

TEST_CASE("network: not ours under the OCI verbs") {
    Input input;
    input.profile = shipped("web");
    input.profile.namespaces = {};
    input.profile.identity = {};
    const Plan plan = compiled(input);
    CHECK_FALSE(plan.network().managed);
    CHECK(plan.network().publish.empty());
    CHECK_FALSE(plan.network().egress_open);
}

TEST_CASE("network: the shipped profiles") {
    const NetworkPlan none = compiled(launching(shipped("hardened"))).network();
    CHECK(none.managed);
    CHECK(none.mode == policy::NetworkMode::none);
    CHECK_FALSE(none.egress_open);
    const NetworkPlan web =
        compiled(launching(child_of("web", R"("network": {"publish": ["8000:80"], "proxyProtocol": true})"))).network();
    REQUIRE(web.publish.size() == 1);
    CHECK(web.publish[0] == policy::Publish{"127.0.0.1", 8000, 80});
    CHECK(web.proxy_protocol);
    CHECK_FALSE(web.egress_open);
}

TEST_CASE("network: egress only where it is open, in a network namespace of the container's own") {
    const policy::Profile open = child_of(
        "web", R"("network": {"egress": "open"}, "waive": [{"what": "network.egress", "because": "calls an API"}])");
    CHECK(compiled(launching(open)).network().egress_open);
    policy::Profile host = silent();
    CHECK_FALSE(compiled(launching(host)).network().egress_open);  // the host's own
    host.namespaces.private_ = {"network"};
    CHECK(compiled(launching(host)).network().egress_open);  // silent on egress restricts nothing
}

TEST_CASE("network: any mode but 'host' is empty words in the host's network namespace") {
    policy::Profile profile = shipped("hardened");
    std::erase(*profile.namespaces.private_, "network");
    for (const auto& [mode, word] :
         {std::pair(policy::NetworkMode::none, "none"), std::pair(policy::NetworkMode::published, "published"),
          std::pair(policy::NetworkMode::sockets, "sockets")}) {
        profile.network.mode = mode;
        CHECK(refusal(launching(profile)) ==
              std::string("network.mode '") + word + "' needs 'network' in namespaces.private");
        CHECK(hint_of(launching(profile)) == "waive network.mode as well, if the app is to have the host's network");
    }
    profile.network.mode = policy::NetworkMode::host;
    CHECK(refusal(launching(profile)) == "compiled");
}

TEST_CASE("network: mode 'host' does not open a namespace of the container's own, and this is said") {
    policy::Profile profile = shipped("hardened");
    profile.network.mode = policy::NetworkMode::host;
    const Plan plan = compiled(launching(profile));
    CHECK(has_note(plan, "network.mode 'host' has no effect: namespaces.private holds 'network'"));
    CHECK_FALSE(has_note(compiled(launching(shipped("web"))), "network.mode"));
    CHECK_FALSE(plan.network().egress_open);
    profile.network.egress = policy::Egress::open;
    CHECK(compiled(launching(profile)).network().egress_open);
}
