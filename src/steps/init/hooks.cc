// Init waits while the host runs the hooks of config.json: prestart, createRuntime, createContainer. They are programs of
// the host, so the host runs them all; init runs nothing.
#include <sys/socket.h>

#include "base/text.h"
#include "steps/handshake.h"
#include "steps/init/steps.h"

namespace casemate::steps::init {

// Why here: everything is mounted, and the host's root is still in sight: hooks mount into the root file system by its
// path in the bundle, which is where it is attached then (runtime.md, Lifecycle; config.md, Hooks).
const InitStep hold_for_hooks{
    "hold for hooks", Phase::mounts, [](const plan::Plan& plan) { return plan::holds_for_hooks(plan.hooks()); },
    [](const plan::Plan& plan) {
        const plan::HooksPlan& hooks = plan.hooks();
        return concat(hooks.prestart.size(), " prestart, ", hooks.create_runtime.size(), " createRuntime, ", hooks.create_container.size(), " createContainer");
    },
    [](InitContext& context) -> Result<void> {
        if (::send(context.channel, &mounted_letter, 1, MSG_NOSIGNAL) != 1) return Error::sys("send");
        char word = 0;
        ssize_t got;
        do got = ::recv(context.channel, &word, 1, 0);
        while (got < 0 && errno == EINTR);
        if (got < 0) return Error::sys("recv");
        if (got != 1 || word != resume_letter) return Error::invalid("the launcher is gone");
        return {};
    }};

}  // namespace casemate::steps::init
