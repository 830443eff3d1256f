// The host's steps, one file a concern. In the order of RECIPES H1..H13.
#pragma once

#include "steps/context.h"
#include "steps/step.h"

namespace casemate::steps::host {

extern const HostStep take_oom_score;        // limits.cc
extern const HostStep hide_from_ptrace;      // process.cc
extern const HostStep open_procfs;           // process.cc
extern const HostStep open_root;             // mounts.cc
extern const HostStep open_layers;           // layers.cc
extern const HostStep open_bind_sources;     // mounts.cc
extern const HostStep create_mount_points;   // mounts.cc
extern const HostStep clone_trees;           // mounts.cc
extern const HostStep make_root_devices;     // devices.cc
extern const HostStep make_devices;          // devices.cc
extern const HostStep look_at_net_devices;   // network.cc
extern const HostStep seal_stub;             // process.cc
extern const HostStep make_cgroup;           // cgroup.cc
extern const HostStep join_cgroup;           // cgroup.cc
extern const HostStep write_id_maps;         // ids.cc
extern const HostStep set_process_limits;    // limits.cc
extern const HostStep set_tree_attributes;   // mounts.cc
extern const HostStep stack_layers;          // layers.cc
extern const HostStep set_scheduling;        // scheduling.cc
extern const HostStep move_net_devices;      // network.cc

}  // namespace casemate::steps::host
