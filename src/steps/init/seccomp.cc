// Puts the filter in force. The planner compiled it: init runs no compiler.
//
// Why last: every call after this one is judged by the profile. The launcher's own last calls are in every filter, and
// `plan` prints them (PROFILE 5.2). Cannot be undone. Kernel: 3.17 for seccomp(2).
#include <unistd.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {
namespace {

// Says where the listener's descriptor is (launch/wire.h: Letter::listener), and waits until the host has handed a copy
// of it over: from then on somebody answers what the filter asks. Only write(2) may not be asked before; the plan
// refuses such a filter. The descriptor here closes at the stub's exec.
Result<void> load_with_listener(InitContext& context) {
    const plan::SeccompPlan& plan = context.plan.seccomp();
    struct __attribute__((packed)) {
        char letter = 'l';
        int32_t number = -1;
    } message;
    Fd listener = TRY(sys::load_seccomp_listener(plan.program, plan.flags));
    message.number = listener.get();
    if (::write(context.channel, &message, sizeof message) != static_cast<ssize_t>(sizeof message)) return Error::sys("write");
    char answer = 0;
    ssize_t got;
    do got = ::read(context.channel, &answer, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1) return Error::invalid("the launcher is gone");
    (void)listener.release();
    return {};
}

}  // namespace

const InitStep load_seccomp{
    "load seccomp filter", Phase::seccomp, [](const plan::Plan& plan) { return !plan.seccomp().program.empty(); },
    [](const plan::Plan& plan) {
        return concat(plan.seccomp().program.size(), " instructions", plan.seccomp().has_listener() ? concat(", listener to ", quoted(plan.seccomp().listener_path)) : "");
    },
    [](InitContext& context) {
        const plan::SeccompPlan& plan = context.plan.seccomp();
        return plan.has_listener() ? load_with_listener(context) : sys::load_seccomp(plan.program, plan.flags);
    }};

}  // namespace casemate::steps::init
