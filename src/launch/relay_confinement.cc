#include "launch/relay_confinement.h"

#include <sys/prctl.h>

#include "launch/companion.h"
#include "sys/call.h"

namespace casemate::launch {
namespace {

// linux/landlock.h of the named ABI; Debian 12's own stops at 2.
constexpr uint64_t fs_rights_abi_1 = (uint64_t{1} << 13) - 1;
constexpr uint64_t fs_refer_abi_2 = uint64_t{1} << 13;
constexpr uint64_t fs_truncate_abi_3 = uint64_t{1} << 14;
constexpr uint64_t fs_ioctl_dev_abi_5 = uint64_t{1} << 15;
constexpr uint64_t net_bind_tcp_abi_4 = 1, net_connect_tcp_abi_4 = 2;
constexpr uint64_t scope_abstract_unix_abi_6 = 1, scope_signal_abi_6 = 2;

Result<void> take_ids(const RelayIds& ids) {
    TRY(sys::set_groups({}));
    return sys::set_ids(ids.uid, ids.gid);
}

// No file at all; of TCP the container's published ports and, for bind, port 0 ("any"); no abstract socket, no signal.
Result<void> enter_landlock(const RelaySpec& spec) {
    const int abi = sys::landlock_abi();
    if (abi < 1) return Error::with_code(EOPNOTSUPP, "this kernel has no Landlock").hint("boot with lsm=landlock,...");
    sys::LandlockAttributes attributes;
    attributes.handled_fs = fs_rights_abi_1 | (abi >= 2 ? fs_refer_abi_2 : 0) | (abi >= 3 ? fs_truncate_abi_3 : 0) |
                            (abi >= 5 ? fs_ioctl_dev_abi_5 : 0);
    if (abi >= 4) attributes.handled_net = net_bind_tcp_abi_4 | net_connect_tcp_abi_4;
    if (abi >= 6) attributes.scoped = scope_abstract_unix_abi_6 | scope_signal_abi_6;
    const Fd ruleset = TRY(sys::landlock_create(attributes, abi));
    if (abi >= 4) {
        TRY(sys::landlock_allow_port(ruleset, 0, net_bind_tcp_abi_4));
        for (const RelayListener& listener : spec.listeners)
            TRY(sys::landlock_allow_port(ruleset, listener.container_port, net_connect_tcp_abi_4));
    }
    return sys::landlock_restrict(ruleset);
}

}  // namespace

Result<void> confine_relay(const RelaySpec& spec) {
    TRY(sys::set_no_new_privs());
    TRY_IN("bounding set", empty_bounding_set());
    if (spec.ids) TRY_IN("ids", take_ids(*spec.ids));
    TRY(sys::capset({}));
    // After the ids: changing them sets it anew (prctl(2)).
    TRY(sys::prctl(PR_SET_DUMPABLE, 0, "prctl PR_SET_DUMPABLE"));
    if (spec.landlock) TRY_IN("Landlock", enter_landlock(spec));
    return sys::load_seccomp(spec.filter, 0);
}

}  // namespace casemate::launch
