// What a launch leaves on the host while its container lives, and takes away again on every path: record, data directory,
// id slot, listening sockets. `gc` and `delete --force` do the same from the record when the launcher was killed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "launch/listeners.h"
#include "runtime/decision.h"
#include "plan/plan.h"
#include "runtime/id_pool.h"
#include "runtime/record.h"

namespace casemate::runtime {

class Site {
public:
    // The record exists from here on: it precedes the first side effect (ARCHITECTURE, rule 6).
    static Result<Site> open(const Settings& settings, const std::string& id);
    Site(Site&&) noexcept = default;
    Site& operator=(Site&&) = delete;
    ~Site();

    Record& record() { return record_; }
    const RecordFile& file() const { return *file_; }
    Result<void> write() const { return file_->write(record_); }
    // A directory of the container's own below the data root, made now.
    Result<std::string> make_data();
    // Names the group that a launch is about to make.
    Result<void> plan_cgroup(const plan::Plan& plan);
    // Leaves the record where it is (a detached container that has ended stays visible until it is deleted).
    void keep_record() { keep_record_ = true; }

    // The container lives on without us: its record and its cgroup are `delete`'s.
    void hand_over() { keep_record_ = true, record_.cgroups.clear(); }

    std::optional<IdSlot> slot;
    std::optional<launch::Listeners> listeners;

private:
    Result<void> clear();
    Site(const Settings& settings, RecordFile file) : settings_(settings), file_(std::make_unique<RecordFile>(std::move(file))) {}
    Settings settings_;
    std::unique_ptr<RecordFile> file_;  // empty: moved from
    Record record_;
    Fd data_lock_;  // flock on the data directory: what is not locked is nobody's (gc)
    bool keep_record_ = false;
};

// Ends what lives in a recorded group, and removes it. One that may be another's is only removed, and only when empty.
Result<void> end_cgroup(const std::vector<cgroup::Path>& paths);
// Removes what a record names: cgroup, data directory and socket files. Its process must be gone.
Result<void> remove_leftovers(const Settings& settings, const Record& record);
// Removes data directories that no living launcher holds, whatever became of their records. What was removed.
Result<std::vector<std::string>> remove_unowned_data(const Settings& settings);

}  // namespace casemate::runtime
