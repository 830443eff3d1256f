// What stays open: 0-2, the app's inherited descriptors, the channel, the stub. Everything else is closed here, before
// the filter and before the exec (I7, CVE-2024-21626).
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {
namespace {

constexpr int high = 64;  // above every final place

Result<int> lift(int fd) {
    const int lifted = ::fcntl(fd, F_DUPFD_CLOEXEC, high);
    if (lifted < 0) return Error::sys("fcntl F_DUPFD_CLOEXEC");
    return lifted;
}

Result<void> place(int from, int to, int flags) {
    if (::dup3(from, to, flags) < 0) return Error::sys("dup3");
    return {};
}

Result<void> arrange(InitContext& context) {
    // Lifted first, so that no final place is taken by a descriptor that is still to be moved.
    std::vector<int> inherited;
    for (const Fd& fd : context.prepared.inherited) inherited.push_back(TRY(lift(fd.get())));
    const int channel = TRY(lift(context.channel));
    const int stub = TRY(lift(context.prepared.stub.get()));
    const int program = context.prepared.program ? TRY(lift(context.prepared.program.get())) : -1;
    const int go = context.prepared.gate.present() ? TRY(lift(context.prepared.gate.go.get())) : -1;
    const int said = context.prepared.gate.present() ? TRY(lift(context.prepared.gate.said.get())) : -1;
    for (int fd = 0; fd < 3; ++fd)
        if (context.prepared.stdio[fd]) TRY(place(context.prepared.stdio[fd].get(), fd, 0));
    int next = 3;
    for (const int fd : inherited) TRY(place(fd, next++, 0));
    // The channel has no O_CLOEXEC: closed at the stub's exec it would look like success. The stub sets it (RECIPES I23),
    // as for the program and the gate.
    context.channel = next;
    TRY(place(channel, next, 0));
    TRY(place(stub, next + 1, O_CLOEXEC));
    if (program >= 0) TRY(place(program, next + 2, 0));
    if (!context.prepared.gate.present()) {
        if (program < 0) return sys::close_range(static_cast<unsigned>(next + 2), ~0U);
        return sys::close_range(static_cast<unsigned>(next + 3), ~0U);
    }
    TRY(place(go, next + 3, 0));
    TRY(place(said, next + 4, 0));
    if (program < 0) TRY(sys::close_range(static_cast<unsigned>(next + 2), static_cast<unsigned>(next + 2)));
    return sys::close_range(static_cast<unsigned>(next + 5), ~0U);
}

}  // namespace

const InitStep arrange_descriptors{
    "close descriptors", Phase::fds, [](const plan::Plan&) { return true; },
    [](const plan::Plan& plan) { return concat("all but 0-2", plan.process().inherited_fds ? concat(" and ", plan.process().inherited_fds, " for the app") : std::string()); },
    arrange};

}  // namespace casemate::steps::init
