// What the steps hand to one another. Descriptors only: paths are resolved once, by the host (SECURITY I1).
//
// Init is a copy of the host made by clone3: it inherits every descriptor below, so none is sent over the channel.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "cgroup/group.h"
#include "plan/expected.h"
#include "plan/plan.h"
#include "sys/netlink.h"
#include "sys/procfs.h"
#include "sys/root.h"

namespace casemate::steps {

// The two fifos of the container's state directory between the stub and a later `casemate start` (docs/launch.md).
struct StartGate {
    Fd go, said;
    bool present() const { return go.valid(); }
};

struct BindSource {
    Fd path;        // O_PATH of the source, opened once
    Fd tree;        // root modes: its detached clone
    Fd userns;      // of an idmapped mount with maps of its own
    dev_t device = 0;
    ino_t inode = 0;
    bool is_file = false;
};

// O_PATH of the directories that become a root: the image's layers, topmost first, and the container's own above them.
struct Layers {
    std::vector<Fd> directories;
    Fd own;
};

// Shared by both contexts: made by the host before the clone.
struct Prepared {
    explicit Prepared(const plan::Plan& p) : plan(p) {}
    const plan::Plan& plan;
    std::optional<sys::Root> root;        // the root file system, in the host's view
    dev_t root_device = 0;
    ino_t root_inode = 0;
    Fd tree;                              // root modes: its detached clone, or the overlay of its layers
    Layers layers;                        // of a root that is made of them
    Fd dev;                               // root modes: the whole /dev, detached
    std::map<std::string, std::string> reached;  // mount points that lead elsewhere through links of the image
    std::vector<BindSource> binds;        // one per mount of the plan; empty entries for the others
    Fd stub;                              // sealed memfd
    cgroup::Group group;                  // of the container; without members where there is none
    std::vector<Fd> inherited;            // for the app, from descriptor 3 on
    Fd stdio[3];                          // the app's 0, 1, 2; an invalid one: the launcher's own
    Fd console;                           // a stream socket that takes the terminal's master
    std::vector<sys::NetDeviceState> net_devices;  // of the plan, in its order: what they are on the host
    Fd program;                           // a sealed memfd to execute instead of the image's program (probe)
    StartGate gate;                       // create: where the stub waits for `start`
    plan::Expected expected;              // what verify compares with
    std::map<std::string, uint64_t> host_namespaces;  // kind -> inode, of those that must differ
    int host_session_keyring = 0;         // serial; 0: none
};

struct HostContext {
    explicit HostContext(Prepared& p) : prepared(p) {}
    Prepared& prepared;
    const plan::Plan& plan = prepared.plan;
    std::optional<sys::Procfs> proc;      // verified
    pid_t pid = -1;                       // init, after the clone
};

struct InitContext {
    explicit InitContext(Prepared& p) : prepared(p) {}
    Prepared& prepared;
    const plan::Plan& plan = prepared.plan;
    int channel = -1;                     // to the host
    int lifeline = -1;                    // readable or closed when the host is gone (PDEATHSIG plans only)
    std::optional<sys::Procfs> proc;      // private, of the new pid namespace
    std::vector<Fd> mounts;               // detached, one per mount of the plan
    std::vector<Fd> device_nodes;         // rootless: clones of the host's nodes
    std::string program, control;         // argv[0] as resolved in the container; what the stub is told
    std::vector<const char*> argv, envp;  // ready for the stub
};

}  // namespace casemate::steps
