// The order of a launch. A phase says why its steps stand where they stand (RECIPES, section 1).
#pragma once

#include <cstdint>
#include <string_view>

namespace casemate::steps {

enum class Phase : uint8_t {
    // Host, before the clone.
    prepare,         // everything that needs the host's rights or paths, as descriptors that init inherits
    // Host, after the clone.
    adopt,           // maps, limits and idmaps need init's pid and its user namespace
    // Init.
    session,         // ids and keyring first: nothing hostile shares a namespace yet
    mounts,          // while the host's tree is attached: proc and sysfs must be fully visible (trap T1)
    pivot,           // the only way the locked host mounts leave
    paths,           // masks and read-only paths need the final tree
    sysctl,          // through the private procfs, before the ids are dropped
    terminal,        // made in the container's own devpts, given the app's owner while init still may
    limits,          // before the uid changes, which may charge them
    sealed,          // create/start: the container is ready and waits
    no_new_privs,    // before credentials: nothing may be gained any more
    credentials,     // after every user namespace step: entering one refills the bounding set
    verify,          // init reads back what it can see while it still can
    mdwe,            // inherited by the exec
    landlock,        // after the last mount call: a domain denies them all
    fds,             // nothing opened after this stays
    seccomp,         // last: every later call is judged by the profile
    exec,            // the stub: says ready, awaits go, becomes the app
};

constexpr std::string_view phase_name(Phase phase) {
    constexpr std::string_view names[] = {"prepare", "adopt", "session", "mounts", "pivot", "paths", "sysctl", "terminal", "limits", "sealed",
                                          "no_new_privs", "credentials", "verify", "mdwe", "landlock", "fds", "seccomp", "exec"};
    return names[static_cast<size_t>(phase)];
}

}  // namespace casemate::steps
