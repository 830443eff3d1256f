#include "seccomp/guards.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

namespace casemate::seccomp {
namespace {

struct NamedNumber {
    std::string_view name;
    uint32_t value;
};

// The numbers of <linux/socket.h> and <linux/netlink.h>, the same on every architecture; gaps are numbers given back.
constexpr NamedNumber families[] = {
    {"AF_UNSPEC", 0},    {"AF_UNIX", 1},      {"AF_LOCAL", 1},    {"AF_INET", 2},        {"AF_AX25", 3},
    {"AF_IPX", 4},       {"AF_APPLETALK", 5}, {"AF_NETROM", 6},   {"AF_BRIDGE", 7},      {"AF_ATMPVC", 8},
    {"AF_X25", 9},       {"AF_INET6", 10},    {"AF_ROSE", 11},    {"AF_DECnet", 12},     {"AF_NETBEUI", 13},
    {"AF_SECURITY", 14}, {"AF_KEY", 15},      {"AF_NETLINK", 16}, {"AF_ROUTE", 16},      {"AF_PACKET", 17},
    {"AF_ASH", 18},      {"AF_ECONET", 19},   {"AF_ATMSVC", 20},  {"AF_RDS", 21},        {"AF_SNA", 22},
    {"AF_IRDA", 23},     {"AF_PPPOX", 24},    {"AF_WANPIPE", 25}, {"AF_LLC", 26},        {"AF_IB", 27},
    {"AF_MPLS", 28},     {"AF_CAN", 29},      {"AF_TIPC", 30},    {"AF_BLUETOOTH", 31},  {"AF_IUCV", 32},
    {"AF_RXRPC", 33},    {"AF_ISDN", 34},     {"AF_PHONET", 35},  {"AF_IEEE802154", 36}, {"AF_CAIF", 37},
    {"AF_ALG", 38},      {"AF_NFC", 39},      {"AF_VSOCK", 40},   {"AF_KCM", 41},        {"AF_QIPCRTR", 42},
    {"AF_SMC", 43},      {"AF_XDP", 44},      {"AF_MCTP", 45}};

constexpr NamedNumber protocols[] = {{"NETLINK_ROUTE", 0},       {"NETLINK_USERSOCK", 2},
                                     {"NETLINK_FIREWALL", 3},    {"NETLINK_SOCK_DIAG", 4},
                                     {"NETLINK_INET_DIAG", 4},   {"NETLINK_NFLOG", 5},
                                     {"NETLINK_XFRM", 6},        {"NETLINK_SELINUX", 7},
                                     {"NETLINK_ISCSI", 8},       {"NETLINK_AUDIT", 9},
                                     {"NETLINK_FIB_LOOKUP", 10}, {"NETLINK_CONNECTOR", 11},
                                     {"NETLINK_NETFILTER", 12},  {"NETLINK_IP6_FW", 13},
                                     {"NETLINK_DNRTMSG", 14},    {"NETLINK_KOBJECT_UEVENT", 15},
                                     {"NETLINK_GENERIC", 16},    {"NETLINK_SCSITRANSPORT", 18},
                                     {"NETLINK_ECRYPTFS", 19},   {"NETLINK_RDMA", 20},
                                     {"NETLINK_CRYPTO", 21},     {"NETLINK_SMC", 22}};

constexpr uint32_t fastopen = 0x20000000;        // MSG_FASTOPEN
constexpr uint32_t new_namespaces = 0x7e020000;  // every CLONE_NEW* that clone(2) takes; NEWTIME is CSIGNAL's there
constexpr uint32_t tmpfile_bit = 020000000;      // O_TMPFILE without O_DIRECTORY
constexpr uint32_t setid_bits = 06000;
constexpr uint32_t tiocsti = 0x5412, tioclinux = 0x541c;
// x86's socketcall(call, words) and ipc(call, ...): their call numbers, from <linux/net.h> and <linux/ipc.h>.
constexpr uint32_t call_socket = 1, call_connect = 3, call_socketpair = 8, call_sendto = 11, call_sendmsg = 16,
                   call_sendmmsg = 20, call_shmat = 21;

std::optional<uint32_t> find(std::span<const NamedNumber> all, std::string_view name) {
    for (const NamedNumber& one : all)
        if (one.name == name) return one.value;
    return std::nullopt;
}

std::vector<std::string_view> names_of(std::span<const NamedNumber> all) {
    std::vector<std::string_view> names;
    for (const NamedNumber& one : all) names.push_back(one.name);
    return names;
}

Condition is(uint8_t index, uint64_t value) { return {index, Op::eq, value, 0}; }
Condition is_not(uint8_t index, uint64_t value) { return {index, Op::ne, value, 0}; }
Condition any_bit(uint8_t index, uint64_t bits) { return {index, Op::any_bit, bits, 0}; }
Condition all_bits(uint8_t index, uint64_t bits) { return {index, Op::masked_eq, bits, bits}; }

Rule deny(std::string_view name, int error, std::vector<Condition> conditions = {}) {
    return {find_syscall(name), std::move(conditions), {Action::errno_, static_cast<uint16_t>(error), true}};
}

void deny_socketcall(Rules& rules, int error, std::initializer_list<uint32_t> calls) {
    for (uint32_t call : calls) rules.push_back(deny("socketcall", error, {is(0, call)}));
}

}  // namespace

std::optional<uint32_t> socket_family_by_name(std::string_view name) { return find(families, name); }
std::vector<std::string_view> socket_family_names() { return names_of(families); }
std::optional<uint32_t> netlink_protocol_by_name(std::string_view name) { return find(protocols, name); }
std::vector<std::string_view> netlink_protocol_names() { return names_of(protocols); }

Rules only_socket_families(std::span<const uint32_t> allowed) {
    std::vector<Condition> others;
    for (uint32_t family : allowed) others.push_back(is_not(0, family));
    Rules rules{deny("socket", EAFNOSUPPORT, others), deny("socketpair", EAFNOSUPPORT, others)};
    deny_socketcall(rules, EAFNOSUPPORT, {call_socket, call_socketpair});
    return rules;
}

Rules only_netlink_protocols(std::span<const uint32_t> allowed) {
    std::vector<Condition> others{is(0, AF_NETLINK)};
    for (uint32_t protocol : allowed) others.push_back(is_not(2, protocol));
    Rules rules{deny("socket", EPROTONOSUPPORT, others), deny("socketpair", EPROTONOSUPPORT, others)};
    deny_socketcall(rules, EPROTONOSUPPORT, {call_socket, call_socketpair});
    return rules;
}

Rules lock_personality() { return {deny("personality", EPERM, {is_not(0, 0), is_not(0, 0xffffffff)})}; }

Rules restrict_realtime() {
    constexpr uint64_t policy = 0xffffffff & ~uint64_t{SCHED_RESET_ON_FORK};
    Rules rules;
    for (uint64_t realtime : {SCHED_FIFO, SCHED_RR, SCHED_DEADLINE})
        rules.push_back(deny("sched_setscheduler", EPERM, {{1, Op::masked_eq, policy, realtime}}));
    rules.push_back(deny("sched_setattr", EPERM));
    return rules;
}

Rules restrict_suid_sgid() {
    return {deny("chmod", EPERM, {any_bit(1, setid_bits)}),
            deny("fchmod", EPERM, {any_bit(1, setid_bits)}),
            deny("fchmodat", EPERM, {any_bit(2, setid_bits)}),
            deny("fchmodat2", EPERM, {any_bit(2, setid_bits)}),
            deny("mkdir", EPERM, {any_bit(1, setid_bits)}),
            deny("mkdirat", EPERM, {any_bit(2, setid_bits)}),
            deny("mknod", EPERM, {any_bit(1, setid_bits)}),
            deny("mknodat", EPERM, {any_bit(2, setid_bits)}),
            deny("creat", EPERM, {any_bit(1, setid_bits)}),
            deny("open", EPERM, {any_bit(1, O_CREAT | tmpfile_bit), any_bit(2, setid_bits)}),
            deny("openat", EPERM, {any_bit(2, O_CREAT | tmpfile_bit), any_bit(3, setid_bits)}),
            deny("openat2", ENOSYS)};
}

Rules deny_terminal_injection() {
    return {deny("ioctl", EPERM, {is(1, tiocsti)}), deny("ioctl", EPERM, {is(1, tioclinux)})};
}

Rules restrict_namespaces() {
    Rules rules{deny("unshare", EPERM), deny("setns", EPERM), deny("clone", EPERM, {any_bit(0, new_namespaces)})};
    rules.push_back(clone3_unknown().front());
    return rules;
}

Rules clone3_unknown() { return {deny("clone3", ENOSYS)}; }

Rules deny_shmat_exec() {
    return {deny("shmat", EACCES, {any_bit(2, SHM_EXEC)}),
            deny("ipc", EACCES, {{0, Op::masked_eq, 0xffff, call_shmat}, any_bit(2, SHM_EXEC)})};
}

Rules deny_write_execute() {
    Rules rules = deny_shmat_exec();
    for (std::string_view map : {"mmap", "mmap2"})
        rules.push_back(deny(map, EACCES, {all_bits(2, PROT_WRITE | PROT_EXEC)}));
    for (std::string_view protect : {"mprotect", "pkey_mprotect"})
        rules.push_back(deny(protect, EACCES, {any_bit(2, PROT_EXEC)}));
    rules.push_back(deny("personality", EPERM, {is_not(0, 0xffffffff), any_bit(0, READ_IMPLIES_EXEC)}));
    return rules;
}

Rules deny_memfd() { return {deny("memfd_create", ENOSYS), deny("memfd_secret", ENOSYS)}; }

Rules deny_connect() {
    Rules rules{deny("connect", EPERM)};
    deny_socketcall(rules, EPERM, {call_connect});
    return rules;
}

Rules deny_fastopen() {
    Rules rules{deny("sendto", EOPNOTSUPP, {any_bit(3, fastopen)}), deny("sendmsg", EOPNOTSUPP, {any_bit(2, fastopen)}),
                deny("sendmmsg", EOPNOTSUPP, {any_bit(3, fastopen)})};
    deny_socketcall(rules, EOPNOTSUPP, {call_sendto, call_sendmsg, call_sendmmsg});
    return rules;
}

}  // namespace casemate::seccomp
