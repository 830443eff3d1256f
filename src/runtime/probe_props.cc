// See probe_props.h.
#include "runtime/probe_props.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::runtime {

namespace {

// A name in the host's network namespace that the app must not reach.
Result<Fd> abstract_listener(const std::string& name) {
    Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener) return Error::sys("socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.size() + 1 > sizeof address.sun_path) return Error::invalid("the name of the probe's socket is too long");
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size) < 0) return Error::sys("bind");
    if (::listen(listener.get(), 1) < 0) return Error::sys("listen");
    return listener;
}

// A connection that waits in the listener's queue, for the app to accept.
Result<Fd> client_of(const launch::InheritedListener& listener) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0)
        return Error::sys("getsockname");
    Fd client(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!client) return Error::sys("socket");
    if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), size) < 0)
        return Error::sys("connect").within(listener.name);
    return client;
}

// The copy belongs to the inside's root: without nosuid and no_new_privs its exec would gain uid 0.
Result<void> setid_copy(const std::string& path, const std::string& program, uint32_t owner) {
    constexpr size_t limit = size_t{16} << 20;
    const Fd source = TRY(sys::open(program.c_str(), O_RDONLY));
    const std::string text = TRY(sys::read_all(source, limit));
    const Fd copy = TRY(sys::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0700));
    TRY(sys::write_all(copy, text));
    if (::fchown(copy.get(), owner, owner) < 0) return Error::sys("fchown");
    if (::fchmod(copy.get(), 06755) < 0) return Error::sys("fchmod");
    return {};
}

}  // namespace

Result<ProbeProps> make_probe_props(const launch::Listeners& listeners, const std::string& id, const std::string& root,
                                    const std::string& program, uint32_t owner) {
    ProbeProps props;
    props.context.abstract_socket = "casemate-probe-" + id;
    props.abstract_socket = TRY_IN("abstract socket", abstract_listener(props.context.abstract_socket));
    constexpr int acts_that_accept = 2;
    for (const launch::InheritedListener& listener : listeners.inherited()) {
        for (int i = 0; i < acts_that_accept; ++i) props.clients.push_back(TRY(client_of(listener)));
    }
    // Without root the owner would be the app's own uid: nothing to gain.
    if (!root.empty() && ::geteuid() == 0) {
        props.context.setid_copy = "/.casemate-probe-setid";
        const std::string path = root + props.context.setid_copy;
        TRY_IN(quoted(path), setid_copy(path, program, owner));
    }
    return props;
}

}  // namespace casemate::runtime
