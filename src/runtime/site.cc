#include "runtime/site.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "runtime/directories.h"
#include "sys/call.h"
#include "sys/removal.h"

namespace casemate::runtime {

Result<Site> Site::open(const Settings& settings, const std::string& id) {
    const std::string root = TRY(state_root(settings));
    Site site(settings, TRY(RecordFile::create(root, id)));
    site.record_.id = id;
    site.record_.created = timestamp();
    site.record_.supervisor = ::getpid();
    site.record_.supervisor_start = TRY(start_time_of(::getpid()));
    TRY(site.write());
    return site;
}

Site::~Site() {
    if (!file_) return;
    listeners.reset();
    if (auto removed = remove_leftovers(settings_, record_); !removed) log(LogLevel::error, removed.error().text());
    if (keep_record_) return;
    if (auto removed = file_->remove(); !removed) log(LogLevel::error, removed.error().text());
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
    return path;
}

Result<void> remove_leftovers(const Settings& settings, const Record& record) {
    for (const std::string& socket : record.sockets) (void)!::unlink(socket.c_str());
    if (record.data.empty()) return {};
    // Only ever a directory of that name in our own data root, whatever the record says.
    const std::string root = TRY(data_root(settings));
    if (record.data != concat(root, "/", record.id)) return Error::invalid(concat("the record names a data directory that is not ours: ", quoted(record.data)));
    const Fd directory = TRY_IN(quoted(root), sys::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return sys::remove_scratch(directory, record.id);
}

}  // namespace casemate::runtime
