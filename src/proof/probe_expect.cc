// The profile's own `expect` entries (PROFILE 2.11), as further checks.
#include <array>

#include "base/text.h"
#include "proof/check_list.h"

namespace casemate::proof {

namespace {

using Act = policy::Expectation::Act;

struct FamilyName {
    std::string_view name;
    uint64_t number;
};
constexpr std::array<FamilyName, 14> families = {{{"AF_UNIX", 1},
                                                  {"AF_INET", 2},
                                                  {"AF_INET6", 10},
                                                  {"AF_KEY", 15},
                                                  {"AF_NETLINK", 16},
                                                  {"AF_PACKET", 17},
                                                  {"AF_RDS", 21},
                                                  {"AF_CAN", 29},
                                                  {"AF_TIPC", 30},
                                                  {"AF_BLUETOOTH", 31},
                                                  {"AF_ALG", 38},
                                                  {"AF_VSOCK", 40},
                                                  {"AF_SMC", 43},
                                                  {"AF_XDP", 44}}};

std::string call_object(const policy::Expectation& entry) {
    constexpr uint64_t bad = ~uint64_t{0}, datagram = 2;
    if (entry.act == Act::syscall) return call_text(entry.object, {bad, bad, bad, bad, bad, bad});
    for (const FamilyName& family : families) {
        if (family.name == entry.object) return call_text("socket", {family.number, datagram, 0});
    }
    return {};
}

// "8000" means loopback; "ADDR:PORT" itself.
std::string endpoint(const std::string& object) {
    return object.find(':') == std::string::npos ? "127.0.0.1:" + object : object;
}

}  // namespace

void add_expectations(CheckList& list) {
    for (const policy::Expectation& entry : list.profile.expect) {
        const bool bad_arguments = entry.act == Act::syscall && entry.result == "ok";
        const std::string wanted = bad_arguments ? "not refused" : entry.result;
        const std::string name = "expect: " + entry.object;
        switch (entry.act) {
            // A reader may find a file empty; what counts is that it was let in.
            case Act::read:
                list.add(name + ": read", "read", entry.object,
                         wanted == "ok"       ? "ok|empty"
                         : wanted == "denied" ? "denied|empty"
                                              : wanted);
                break;
            case Act::write: list.add(name + ": write", "write", entry.object, wanted); break;
            case Act::execute: list.add(name + ": execute", "exec", entry.object, wanted); break;
            case Act::bind: list.add(name + ": bind", "bind-tcp", endpoint(entry.object), wanted); break;
            case Act::connect: list.add(name + ": connect", "connect-tcp", endpoint(entry.object), wanted); break;
            case Act::syscall:
            case Act::socket: list.add(name, "calls", call_object(entry), wanted); break;
        }
    }
}

}  // namespace casemate::proof
