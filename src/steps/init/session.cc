// A session and a session keyring of the container's own: no terminal of the caller's session to inject into (SECURITY
// 3.H), no key of it to read.
#include <unistd.h>

#include "steps/init/steps.h"
#include "sys/call.h"

namespace casemate::steps::init {

const InitStep join_session_keyring{
    "join session keyring", Phase::session, [](const plan::Plan& plan) { return plan.namespaces().new_session_keyring; },
    [](const plan::Plan&) { return std::string("a new, empty one"); }, [](InitContext&) { return sys::join_session_keyring(); }};

const InitStep start_session{
    "start session", Phase::session, [](const plan::Plan& plan) { return plan.process().new_session; },
    [](const plan::Plan&) { return std::string("setsid: no controlling terminal"); },
    [](InitContext&) -> Result<void> {
        if (::setsid() < 0) return Error::sys("setsid");
        return {};
    }};

}  // namespace casemate::steps::init
