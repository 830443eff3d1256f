// No file, no memory mapping, no process and no message with an address. sendto takes one set of flags only, which
// leaves out MSG_FASTOPEN, a connect(2) in disguise (RECIPES 4), and an address of no length; sockets are TCP streams.
#include "plan/relay_filter.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/text.h"
#include "seccomp/filter.h"

namespace casemate::plan {
namespace {

using seccomp::Condition;
using seccomp::Op;

struct AllowedCall {
    std::string_view name;
    std::vector<Condition> conditions;
};

Condition equals(uint8_t index, uint64_t value) { return {index, Op::eq, value, 0}; }

std::vector<AllowedCall> allowed_calls(bool proxy_protocol) {
    constexpr uint64_t stream = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    std::vector<AllowedCall> calls = {
        {"accept4", {equals(3, SOCK_NONBLOCK | SOCK_CLOEXEC)}},
        {"bind", {}},
        {"close", {}},
        {"connect", {}},
        {"epoll_ctl", {}},
        {"epoll_pwait", {}},  // what glibc makes of epoll_wait on arm64
        {"epoll_wait", {}},
        {"exit_group", {}},
        {"getsockopt", {equals(1, SOL_SOCKET), equals(2, SO_ERROR)}},
        {"madvise", {equals(2, MADV_DONTNEED)}},
        {"recvfrom", {equals(3, MSG_DONTWAIT)}},
        {"sendto", {equals(3, MSG_DONTWAIT | MSG_NOSIGNAL), equals(5, 0)}},
        {"setsockopt", {equals(1, IPPROTO_IP), equals(2, IP_BIND_ADDRESS_NO_PORT)}},
        {"setsockopt", {equals(1, IPPROTO_TCP), equals(2, TCP_KEEPIDLE)}},
        {"setsockopt", {equals(1, IPPROTO_TCP), equals(2, TCP_NODELAY)}},
        {"setsockopt", {equals(1, SOL_SOCKET), equals(2, SO_KEEPALIVE)}},
        {"setsockopt", {equals(1, SOL_SOCKET), equals(2, SO_LINGER)}},
        {"shutdown", {equals(1, SHUT_WR)}},
        {"socket", {equals(0, AF_INET), equals(1, stream), equals(2, IPPROTO_TCP)}},
        {"socket", {equals(0, AF_INET6), equals(1, stream), equals(2, IPPROTO_TCP)}},
    };
    if (proxy_protocol) calls.push_back({"getsockname", {}});
    return calls;
}

}  // namespace

std::vector<std::string_view> relay_calls(bool proxy_protocol) {
    std::vector<std::string_view> names;
    for (const AllowedCall& call : allowed_calls(proxy_protocol))
        if (names.empty() || names.back() != call.name) names.push_back(call.name);
    return names;
}

Result<std::vector<sock_filter>> relay_filter(bool proxy_protocol) {
    const seccomp::Verdict kill{seccomp::Action::kill_process, 0, true};
    seccomp::Layer layer;
    layer.default_verdict = kill;
    layer.unknown_verdict = kill;
    layer.allow.emplace();
    std::vector<AllowedCall> calls = allowed_calls(proxy_protocol);
    for (AllowedCall& call : calls) {
        const seccomp::Syscall* known = seccomp::find_syscall(call.name);
        if (!known) return Error::invalid(concat("relay filter: no system call ", quoted(call.name)));
        layer.allow->push_back({known, std::move(call.conditions), {}});
    }
    seccomp::Policy policy;
    policy.layers.push_back(std::move(layer));
    return TRY_IN("relay filter", seccomp::compile(policy));
}

}  // namespace casemate::plan
