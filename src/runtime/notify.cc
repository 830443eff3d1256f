#include "runtime/notify.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <climits>
#include <cstdlib>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr const char* place = "/run/notify";

}  // namespace

std::string notify_address() {
    const char* address = std::getenv("NOTIFY_SOCKET");
    return address ? address : "";
}

Result<void> add_notify(const std::string& path, oci::Config& config) {
    // Below a directory that only we can enter: 0755 is for the container, whose app may be anybody.
    if (::mkdir(path.c_str(), 0755) < 0) return Error::sys("mkdir").within(quoted(path));
    const Fd directory = TRY_IN(quoted(path), sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (::fchmod(directory.get(), 0755) < 0) return Error::sys("fchmod").within(quoted(path));
    std::erase_if(config.mounts, [](const oci::Mount& mount) { return mount.destination == place; });
    char resolved[PATH_MAX];
    if (!::realpath(path.c_str(), resolved)) return Error::sys("realpath").within(quoted(path));
    config.mounts.push_back({place, "bind", resolved, {"bind", "ro", "nosuid", "nodev", "noexec"}, {}, {}});
    if (!config.process) return {};
    std::erase_if(config.process->env, [](const std::string& variable) { return variable.starts_with("NOTIFY_SOCKET="); });
    config.process->env.push_back(concat("NOTIFY_SOCKET=", place, "/", launch::Notifier::socket_name));
    return {};
}

Result<std::optional<launch::Notifier>> open_notifier(const std::string& path) {
    const std::string address = notify_address();
    if (address.empty()) return std::optional<launch::Notifier>();
    auto directory = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory && directory.error().code() == ENOENT) return std::optional<launch::Notifier>();
    if (!directory) return std::move(directory).take_error().within(quoted(path));
    return std::optional<launch::Notifier>(TRY(launch::Notifier::open(directory.value(), address)));
}

}  // namespace casemate::runtime
