#include "runtime/site.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "launch/host.h"
#include "runtime/directories.h"
#include "runtime/range_removal.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {
constexpr int unproven_patience_ms = 2000;
}

Result<Site> Site::open(const Settings& settings, const std::string& id) {
    const std::string root = TRY(state_root(settings));
    Record record;
    record.id = id;
    record.created = timestamp();
    record.supervisor = ::getpid();
    record.supervisor_start = TRY(start_time_of(::getpid()));
    Site site(settings, TRY(RecordFile::create(root, record)));
    site.record_ = std::move(record);
    return site;
}

Site::~Site() {
    if (!file_) return;
    listeners.reset();
    // Named without inode: not made, or taken away again by the launch that failed. What is there is somebody else's.
    std::erase_if(record_.cgroups, [](const cgroup::Path& group) { return group.inode == 0; });
    // Twice: what an interruption or a moment without memory kept from going goes the second time.
    auto cleared = clear();
    if (!cleared) cleared = clear();
    // The record stays: it is how `delete` and `gc` find what is left.
    if (!cleared) log(LogLevel::error, cleared.error().text());
}

Result<void> Site::clear() {
    TRY(end_cgroup(record_.cgroups));
    if (keep_record_) {
        // The app's output stays beside the record until it is deleted; the image, and what lay above it, goes now.
        for (const char* leaf : {"image", "own"})
            if (data_lock_) TRY(remove_tree(data_lock_, leaf));
        return {};
    }
    TRY(remove_leftovers(settings_, record_));
    return file_->remove();
}

Result<std::string> Site::make_data() {
    const std::string root = TRY(data_root(settings_));
    const std::string path = concat(root, "/", record_.id);
    // Named in the record before it is made: whatever dies in between, gc finds it.
    record_.data = path;
    TRY(write());
    if (::mkdir(path.c_str(), 0700) < 0) {
        const int why = errno;
        record_.data.clear();
        Error error = Error::from_errno(why, "mkdir").within(quoted(path));
        return why == EEXIST ? std::move(error).hint("left by a launcher that was killed: remove it with 'casemate gc'") : error;
    }
    data_lock_ = TRY_IN(quoted(path), sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (::flock(data_lock_.get(), LOCK_EX | LOCK_NB) < 0) return Error::sys("flock").within(quoted(path));
    return path;
}

Result<void> Site::plan_cgroup(const plan::Plan& plan) {
    record_.cgroups = plan.cgroup().paths();
    return record_.cgroups.empty() ? Result<void>() : write();
}

Result<void> end_cgroup(const std::vector<cgroup::Path>& paths) {
    const bool proven = std::none_of(paths.begin(), paths.end(), [](const cgroup::Path& path) { return path.inode == 0; });
    cgroup::Group group = TRY(cgroup::Group::open_existing(paths));
    if (proven) return launch::end_group(group);
    // Of a launcher that was killed: its init notices at once and ends. Another's group is left alone.
    auto removed = group.remove(unproven_patience_ms);
    if (removed || removed.error().code() != EBUSY) return removed;
    log(LogLevel::warning, concat(removed.error().text(), ": it may be another's, and is left alone"));
    return {};
}

Result<void> remove_leftovers(const Settings& settings, const Record& record) {
    TRY(end_cgroup(record.cgroups));
    for (const launch::SocketFile& socket : record.sockets) TRY(launch::remove_socket_file(socket));
    if (record.data.empty()) return {};
    // Only ever a directory of that name in our own data root, whatever the record says.
    const std::string root = TRY(data_root(settings));
    if (record.data != concat(root, "/", record.id)) return Error::invalid(concat("the record names a data directory that is not ours: ", quoted(record.data)));
    const Fd directory = TRY_IN(quoted(root), sys::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return remove_tree(directory, record.id);
}

Result<std::vector<std::string>> remove_unowned_data(const Settings& settings) {
    const std::string root = TRY(data_root(settings));
    const Fd directory = TRY_IN(quoted(root), sys::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    std::vector<std::string> names, removed;
    {
        const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(root.c_str()), ::closedir);
        if (!stream) return Error::sys("opendir").within(quoted(root));
        while (const dirent* entry = ::readdir(stream.get()))
            if (check_id(entry->d_name)) names.emplace_back(entry->d_name);
    }
    for (const std::string& name : names) {
        const auto data = sys::openat2(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (!data || ::flock(data.value().get(), LOCK_EX | LOCK_NB) < 0) continue;  // a living launcher's
        TRY_IN(quoted(concat(root, "/", name)), remove_tree(directory, name));
        removed.push_back(concat(root, "/", name));
    }
    return removed;
}

}  // namespace casemate::runtime
