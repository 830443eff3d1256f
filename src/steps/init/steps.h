// Init's steps, one file a concern. In the order of RECIPES I2..I24.
#pragma once

#include "steps/context.h"
#include "steps/step.h"

namespace casemate::steps::init {

extern const InitStep become_namespace_root;     // ids.cc
extern const InitStep set_time_offsets;          // namespaces.cc
extern const InitStep hide_from_ptrace;          // process.cc
extern const InitStep join_session_keyring;      // session.cc
extern const InitStep start_session;             // session.cc
extern const InitStep set_hostname;              // namespaces.cc
extern const InitStep unshare_cgroup;            // namespaces.cc
extern const InitStep bring_loopback_up;         // network.cc
extern const InitStep bring_net_devices_up;      // network.cc
extern const InitStep make_mounts_private;       // mounts.cc
extern const InitStep make_filesystems;          // mounts.cc
extern const InitStep clone_trees_rootless;      // mounts_rootless.cc
extern const InitStep attach_root;               // mounts.cc
extern const InitStep attach_mounts;             // mounts.cc
extern const InitStep attach_devices_rootless;   // mounts_rootless.cc
extern const InitStep hold_for_hooks;            // hooks.cc
extern const InitStep change_root;               // chroot.cc
extern const InitStep pivot_root;                // pivot.cc
extern const InitStep mask_paths;                // paths.cc
extern const InitStep make_paths_readonly;       // paths.cc
extern const InitStep set_propagation;           // pivot.cc
extern const InitStep write_sysctls;             // sysctl.cc
extern const InitStep forbid_user_namespaces;    // sysctl.cc
extern const InitStep make_terminal;             // terminal.cc
extern const InitStep set_limits;                // limits.cc
extern const InitStep set_cpu_affinity;          // limits.cc
extern const InitStep set_personality;           // scheduling.cc
extern const InitStep set_memory_policy;         // scheduling.cc
extern const InitStep set_labels;                // lsm.cc
extern const InitStep set_no_new_privs;          // credentials.cc
extern const InitStep drop_bounding_set;         // capabilities.cc
extern const InitStep set_ids;                   // credentials.cc
extern const InitStep set_capabilities;          // capabilities.cc
extern const InitStep set_umask;                 // process.cc
extern const InitStep resolve_program;           // process.cc
extern const InitStep rearm_parent_death;        // process.cc
extern const InitStep verify_inside;             // verify.cc
extern const InitStep verify_joined;             // verify.cc
extern const InitStep deny_write_execute;        // mdwe.cc
extern const InitStep restrict_with_landlock;    // landlock.cc
extern const InitStep arrange_descriptors;       // fds.cc
extern const InitStep set_descriptor_limit;      // limits.cc
extern const InitStep load_seccomp;              // seccomp.cc
extern const InitStep drop_last_capabilities;   // capabilities.cc
extern const InitStep execute_stub;              // process.cc

}  // namespace casemate::steps::init
