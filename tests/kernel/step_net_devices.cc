// A device of the host in the container's network namespace: renamed, up, with its permanent addresses. The host here is
// a network namespace of the test's own.
#include <doctest/doctest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "support/confined.h"
#include "support/temp_bundle.h"
#include "sys/netlink.h"

using namespace casemate;
using namespace casemate::test;
using steps::InitContext;

namespace {

struct View {
    bool made, there, up;
    int addresses;
    uint8_t last, prefix;
    bool left_behind;  // on the host
    Text failure;
};

bool is_up(const char* name) {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    const bool up = ::ioctl(socket, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP);
    ::close(socket);
    return up;
}

std::optional<View> run(const plan::Plan& plan, const Choice& choice = {}) {
    return in_child<View>([&](View& view) {
        view.made = std::system("ip link add fi-test type dummy && ip addr add 192.0.2.7/24 dev fi-test && ip link set fi-test up") == 0;
        if (!view.made) return;
        const auto seen = confined<View>(plan, [](InitContext&, View& inside) {
            const auto device = sys::net_device("eth7");
            inside.there = static_cast<bool>(device);
            if (!device) return;
            inside.up = is_up("eth7");
            inside.addresses = static_cast<int>(device.value().addresses.size());
            if (inside.addresses > 0) inside.last = device.value().addresses[0].local.back(), inside.prefix = device.value().addresses[0].prefix;
        }, choice);
        view = seen.value;
        view.made = true;
        if (!seen.ok()) view.failure = seen.failure.text.str();
        view.left_behind = ::if_nametoindex("fi-test") != 0;
    }, CLONE_NEWNET);
}

}  // namespace

TEST_CASE("network devices: moved, renamed, up, with their addresses: without the steps they stay or are down") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    for (const bool user_namespace : {false, true}) {
        CAPTURE(user_namespace);
        const plan::Plan plan = bundle.oci_plan([&](oci::Config& config) {
            config.linux_.net_devices["fi-test"].name = "eth7";
            if (!user_namespace) return;
            config.linux_.namespaces.push_back({"user", ""});
            config.linux_.uid_mappings = config.linux_.gid_mappings = {{0, id_base, 65536}};
        });
        const auto moved = run(plan);
        REQUIRE(moved);
        if (!moved->made) {
            MESSAGE("SKIP: needs ip(8) and dummy devices");
            return;
        }
        REQUIRE_MESSAGE(moved->failure.str().empty(), moved->failure.str());
        CHECK(moved->there);
        CHECK(moved->up);
        CHECK(moved->addresses == 1);
        CHECK(moved->last == 7);
        CHECK(moved->prefix == 24);
        CHECK_FALSE(moved->left_behind);
        const auto down = run(plan, leaving_out({"bring network devices up"}));
        REQUIRE(down);
        CHECK(down->there);
        CHECK_FALSE(down->up);
        CHECK(down->addresses == 0);
        const auto stays = run(plan, leaving_out({"move network devices", "bring network devices up"}));
        REQUIRE(stays);
        CHECK_FALSE(stays->there);
        CHECK(stays->left_behind);
    }
}

TEST_CASE("network devices: one that the host does not have is named") {
    if (!needs(Need::root)) return;
    const TempBundle bundle;
    const plan::Plan plan = bundle.oci_plan([](oci::Config& config) { config.linux_.net_devices["no-such-dev"]; });
    CHECK(refusal(plan).text.contains("network device 'no-such-dev'"));
}
