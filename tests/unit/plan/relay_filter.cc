// The relay's filter as a function: what its loop calls passes, everything else ends it.
#include "plan/relay_filter.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>

#include "seccomp/filter.h"

using namespace casemate;

namespace {

using Arguments = std::array<uint64_t, 6>;

uint32_t verdict(bool proxy_protocol, std::string_view name, const Arguments& arguments = {}) {
    const auto filter = plan::relay_filter(proxy_protocol);
    REQUIRE(filter);
    const seccomp::Syscall* syscall = seccomp::find_syscall(name);
    REQUIRE(syscall);
    seccomp_data call{};
    call.arch = seccomp::audit_arch(seccomp::native_arch());
    call.nr = syscall->number[static_cast<size_t>(seccomp::native_arch())];
    std::copy(arguments.begin(), arguments.end(), call.args);
    const auto value = seccomp::evaluate(filter.value(), call);
    REQUIRE(value);
    return value.value();
}

constexpr uint64_t stream = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr uint64_t send_flags = MSG_DONTWAIT | MSG_NOSIGNAL;

}  // namespace

TEST_CASE("relay_filter: what the event loop calls is allowed") {
    CHECK(verdict(false, "accept4", {3, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC}) == SECCOMP_RET_ALLOW);
    CHECK(verdict(false, "socket", {AF_INET, stream, IPPROTO_TCP}) == SECCOMP_RET_ALLOW);
    CHECK(verdict(false, "socket", {AF_INET6, stream, IPPROTO_TCP}) == SECCOMP_RET_ALLOW);
    CHECK(verdict(false, "sendto", {3, 0, 1, send_flags, 0, 0}) == SECCOMP_RET_ALLOW);
    CHECK(verdict(false, "recvfrom", {3, 0, 1, MSG_DONTWAIT, 0, 0}) == SECCOMP_RET_ALLOW);
    CHECK(verdict(false, "setsockopt", {3, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT}) == SECCOMP_RET_ALLOW);
    for (const char* name : {"bind", "close", "connect", "epoll_ctl", "exit_group"})
        CHECK(verdict(false, name) == SECCOMP_RET_ALLOW);
}

TEST_CASE("relay_filter: everything else ends the relay") {
    CHECK(verdict(false, "socket", {AF_UNIX, stream, 0}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict(false, "socket", {AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0}) ==
          SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict(false, "socket", {AF_INET, stream, IPPROTO_SCTP}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict(false, "sendto", {3, 0, 1, MSG_FASTOPEN, 0, 16}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict(false, "sendto", {3, 0, 1, send_flags | MSG_FASTOPEN, 0, 0}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict(false, "sendto", {3, 0, 1, send_flags, 0, 16}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict(false, "setsockopt", {3, SOL_SOCKET, SO_BINDTODEVICE}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict(false, "madvise", {0, 4096, MADV_HUGEPAGE}) == SECCOMP_RET_KILL_PROCESS);
    for (const char* name : {"openat", "execve", "clone", "ptrace", "mmap", "mprotect", "sendmsg", "recvmsg", "listen",
                             "ioctl", "setns", "read", "write"})
        CHECK(verdict(false, name) == SECCOMP_RET_KILL_PROCESS);
}

TEST_CASE("relay_filter: getsockname belongs to the PROXY protocol alone") {
    CHECK(verdict(false, "getsockname") == SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict(true, "getsockname") == SECCOMP_RET_ALLOW);
    const auto names = plan::relay_calls(true);
    CHECK(std::find(names.begin(), names.end(), "getsockname") != names.end());
    CHECK(std::count(names.begin(), names.end(), "setsockopt") == 1);
    CHECK(plan::relay_calls(false).size() == names.size() - 1);
}
