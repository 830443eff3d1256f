// Landlock by number and with structures of our own: Debian 12's header stops at ABI 2, kernels are at 7.
#include <sys/syscall.h>

#include "sys/call.h"

namespace casemate::sys {
namespace {
constexpr unsigned version_flag = 1;       // LANDLOCK_CREATE_RULESET_VERSION
constexpr unsigned rule_path_beneath = 1;  // LANDLOCK_RULE_PATH_BENEATH
constexpr unsigned rule_net_port = 2;      // LANDLOCK_RULE_NET_PORT

struct PathBeneath {
    uint64_t access;
    int32_t parent;
} __attribute__((packed));

struct NetPort {
    uint64_t access, port;
};
}  // namespace

int landlock_abi() {
    const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, version_flag);
    return abi < 0 ? 0 : static_cast<int>(abi);
}

Result<Fd> landlock_create(const LandlockAttributes& attributes, int abi) {
    // The structure grew with the ABI: fs in 1, net in 4, scoped in 6.
    const size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    const long fd = ::syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (fd < 0) return Error::sys("landlock_create_ruleset");
    return Fd(static_cast<int>(fd));
}

Result<void> landlock_allow_path(FdView ruleset, FdView path, uint64_t access) {
    const PathBeneath rule{access, path.get()};
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), rule_path_beneath, &rule, 0) < 0) return Error::sys("landlock_add_rule");
    return {};
}

Result<void> landlock_allow_port(FdView ruleset, uint16_t port, uint64_t access) {
    const NetPort rule{access, port};
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), rule_net_port, &rule, 0) < 0) return Error::sys("landlock_add_rule");
    return {};
}

Result<void> landlock_restrict(FdView ruleset) {
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) < 0) return Error::sys("landlock_restrict_self");
    return {};
}

}  // namespace casemate::sys
