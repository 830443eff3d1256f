// What casemate remembers of a container: one small file on tmpfs, written before the first side effect and again when
// the app runs. Identity is pid and start time: a pid may be reused, both together are not. What it must look like lies
// beside it, for those who compare.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "cgroup/draft.h"
#include "launch/listeners.h"
#include "oci/state.h"
#include "plan/expected.h"

namespace casemate::runtime {

struct Record {
    std::string id;
    pid_t pid = 0;              // init; 0: not started yet
    uint64_t start_time = 0;    // clock ticks since boot, field 22 of /proc/PID/stat
    pid_t supervisor = 0;       // the launcher that waits for it
    uint64_t supervisor_start = 0;
    std::string bundle;         // absolute
    std::string rootfs;
    std::string profile;
    std::string program;        // argv[0], for the messages of `start`
    bool until_deleted = false; // complete, and its engine's to delete: gc leaves it alone
    std::string created;        // RFC 3339
    std::string data;           // directory of ours to be removed with it, or empty
    std::string admitted;       // the digest that admission let pass, its record in `data`; empty: nothing was asked
    std::vector<launch::SocketFile> sockets;  // unix listeners' files, to be removed while they are the same
    std::vector<cgroup::Path> cgroups;  // before the launch without inodes: then maybe somebody else's
    std::map<std::string, std::string> annotations;
    std::vector<policy::WaiverRecord> waivers;
};

std::string to_json(const Record& record);
Result<Record> parse_record(std::string_view text);

// The container's directory below the state root. Made exclusively: an id that exists is an error.
class RecordFile {
public:
    // With its first content, in one step: nobody ever sees a container without a record.
    static Result<RecordFile> create(const std::string& state_root, const Record& record);
    static Result<RecordFile> open(const std::string& state_root, const std::string& id);  // "container 'x' does not exist"
    static Result<std::vector<std::string>> ids(const std::string& state_root);

    // Takes away what `create` was making when it was killed. What was removed.
    static Result<std::vector<std::string>> remove_unborn(const std::string& state_root);

    Result<void> write(const Record& record) const;  // replaces it in one step
    Result<Record> read() const;
    // What its process must look like, with the seccomp program in a file of its own. Written before the app runs, and by `update`.
    Result<void> write_expected(const plan::Expected& expected) const;
    Result<plan::Expected> read_expected() const;
    // The program alone. EINVAL: it is not of that many instructions, 0 for none.
    Result<std::vector<sock_filter>> read_program(size_t instructions) const;
    Result<void> remove();  // the record and its directory
    // The container's own directory on the host: fifos of `create`, what `exec` needs.
    FdView directory() const { return directory_; }
    // Waits for whoever starts or deletes this container at this moment. Held until the RecordFile goes.
    Result<void> lock() const;

private:
    Result<std::string> read(const char* name) const;
    Result<void> replace(const char* name, std::string_view bytes) const;  // in one step

    RecordFile(std::string root, std::string id, Fd directory) : root_(std::move(root)), id_(std::move(id)), directory_(std::move(directory)) {}
    std::string root_, id_;
    Fd directory_;
};

// What it is doing now, from its record and the kernel.
Result<oci::State> state_of(const RecordFile& file, const Record& record);
// The same without a look at its process: whether that is `alive` is known.
Result<oci::Status> status_of(const RecordFile& file, const Record& record, bool alive);
// Is the process with this pid still the one that was recorded? What cannot be found out is an error: a container that lives
// is never taken for one that has ended.
Result<bool> is_alive(pid_t pid, uint64_t start_time);
// Whether an error of RecordFile::read() says that there is no usable record, and not that it could not be read now.
bool is_broken(const Error& error);
Result<uint64_t> start_time_of(pid_t pid);
// Now, as RFC 3339 in UTC.
std::string timestamp();

}  // namespace casemate::runtime
