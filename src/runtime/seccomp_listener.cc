#include "runtime/seccomp_listener.h"

#include "json/writer.h"
#include "sys/unix_socket.h"

namespace casemate::runtime {
namespace {

std::string process_state(const plan::SeccompPlan& seccomp, const oci::State& state, pid_t pid) {
    json::Writer out;
    out.begin_object().field("ociVersion", state.oci_version);
    out.key("fds").begin_array().value("seccompFd").end_array();
    out.field("pid", pid);
    if (!seccomp.listener_metadata.empty()) out.field("metadata", seccomp.listener_metadata);
    out.key("state").begin_object();
    out.field("ociVersion", state.oci_version).field("id", state.id).field("status", oci::name_of(state.status));
    out.field("pid", state.pid).field("bundle", state.bundle).key("annotations").begin_object();
    for (const auto& [key, value] : state.annotations) out.field(key, value);
    return out.end_object().end_object().end_object().take();
}

}  // namespace

Result<void> send_seccomp_listener(const plan::SeccompPlan& seccomp, const oci::State& state, pid_t pid, FdView listener) {
    const Fd socket = TRY_IN("linux.seccomp.listenerPath", sys::connect_unix(seccomp.listener_path));
    TRY_IN("linux.seccomp.listenerPath", sys::send_descriptor(socket, listener, process_state(seccomp, state, pid)));
    return {};
}

}  // namespace casemate::runtime
