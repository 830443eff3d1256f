// A container made of a bundle under the OCI rules: what `create` and `run` share.
#pragma once

#include "launch/host.h"
#include "launch/owned_process.h"
#include "launch/supervise.h"
#include "runtime/bundle.h"
#include "runtime/hooks.h"
#include "runtime/record.h"
#include "runtime/site.h"

namespace casemate::runtime {

// Two fifos in the container's state directory stand between `create` and `start`: the stub, confined and verified, reads
// one letter from "go" and says on "said" why it cannot execute; both close at its exec. A fifo and not a socket, because
// waiting then needs no call that the app's filter might deny, and nothing has to stay resident.
Result<steps::StartGate> make_start_gate(const RecordFile& file);
// Does a stub wait there? The kernel answers: "go" has a reader for as long as nobody was let through.
bool waits_for_start(const RecordFile& file);
// Lets the stub through, and waits for its exec, its complaint or its end.
Result<void> pass_start_gate(const RecordFile& file, const std::string& program);

// Copies of the caller's descriptors 3 .. 3+count-1; one that is not open is an error. To be taken before anything else is
// opened: a number that the caller left free would be a descriptor of ours.
Result<std::vector<Fd>> preserved_descriptors(unsigned count);
Result<std::vector<Fd>> preserved_descriptors(const CreateOptions& options);  // --preserve-fds and LISTEN_FDS
// A pidfd for the engine: one byte or more, and the descriptor (go-runc: pidfd.go). An empty path: nothing.
Result<void> send_pidfd(const std::string& path, FdView pidfd);

struct Made {
    Bundle bundle;
    plan::Plan plan;
    launch::Running running;
    launch::OwnedProcess owner;  // ends the container unless it is released
    std::optional<launch::Notifier> notifier;  // the same, and until the app is ready
    std::optional<launch::Terminal> terminal;  // in the foreground: for supervise()
};

// Everything up to the running app, or with `gate` up to the stub that waits for `start`. On an error nothing is left but
// what `site` removes.
// `hooks` gets those of the bundle, and must outlive `site`: poststop comes after everything else is gone.
Result<Made> make_container(const Settings& settings, const CreateOptions& options, std::vector<Fd> preserved, Site& site, launch::SignalGate& signals, bool gate, std::optional<Hooks>& hooks);

}  // namespace casemate::runtime
