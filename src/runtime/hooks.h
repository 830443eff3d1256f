// The hooks of one container through its life: what `create`, `run`, `start` and `delete` share. Only its own words differ
// from phase to phase: the state that a hook reads.
#pragma once

#include "launch/hooks.h"
#include "launch/host.h"
#include "oci/hooks.h"
#include "oci/state.h"
#include "runtime/record.h"

namespace casemate::runtime {

class Hooks {
public:
    // `record`: id, bundle and annotations of the container. `signals`: as in launch::HookRun.
    Hooks(oci::Hooks hooks, const Record& record, const sigset_t& signal_mask, FdView signals);
    // Of a container that exists: those that were saved for later. None saved: none to run.
    static Result<Hooks> load(const RecordFile& file, const Record& record);
    Hooks(Hooks&& other) noexcept;
    Hooks& operator=(Hooks&&) = delete;
    // poststop, unless the container lives on: see container_exists().
    ~Hooks();

    // For a later `start` and `delete`, into the container's directory.
    Result<void> save(const RecordFile& file) const;
    // prestart, createRuntime and createContainer: while init holds, everything mounted, before its pivot_root.
    Result<void> run_mounted(const launch::Waiting& container);
    // startContainer: in the container whose stub waits, before it executes the app. `file` has its record and policy.
    Result<void> run_start_container(const RecordFile& file);
    Result<void> run_poststart(pid_t pid);
    // From here on poststop is due when this goes; or no more, as the container lives on without us.
    void container_exists() { due_ = true; }
    void container_stays() { due_ = false; }

private:
    launch::HookRun run_with(oci::Status status, pid_t pid) const;

    oci::Hooks hooks_;
    oci::State state_;
    sigset_t signal_mask_;
    FdView signals_;
    bool due_ = false;
};

}  // namespace casemate::runtime
