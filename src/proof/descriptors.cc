// /proc/PID/fd is 0500 and the process's own. Rootless, with a range of ids, the app's uid is not the launcher's, and
// the launcher's capabilities count only inside the user namespace that it made: so a forked child enters that
// namespace, in which the directory's owner is mapped, and sends what it reads.
#include "proof/descriptors.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <span>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::proof {

namespace {

// The mount of the file that descriptor `number` is open on. nullopt: it is none, gone, or hidden.
std::optional<int> mount_of(const sys::Procfs& procfs, const std::string& process, int number) {
    const auto link = procfs.open(concat(process, "/fd/", number), O_PATH | O_NOFOLLOW);
    if (!link) return std::nullopt;
    const auto target = sys::readlinkat(link.value(), "");
    // No table of mounts shows where pipes, sockets, eventfds and memfds live.
    if (!target || !target.value().starts_with('/') || target.value().starts_with("/memfd:")) return std::nullopt;
    const auto info = procfs.read(concat(process, "/fdinfo/", number));
    if (!info) return std::nullopt;
    constexpr std::string_view key = "mnt_id:";
    const size_t at = info.value().find(key);
    if (at == std::string::npos) return std::nullopt;
    const std::string_view rest = std::string_view(info.value()).substr(at + key.size());
    const auto id = parse_decimal(trimmed(rest.substr(0, rest.find('\n'))), INT32_MAX);
    return id ? std::optional(static_cast<int>(*id)) : std::nullopt;
}

Result<Descriptors> read_here(const sys::Procfs& procfs, const std::string& process) {
    Descriptors found;
    found.numbers = TRY(procfs.descriptors(process));
    constexpr int standard_streams = 3;
    for (const int number : found.numbers) {
        if (number < standard_streams) continue;
        if (const auto mount = mount_of(procfs, process, number)) found.files.push_back({number, *mount});
    }
    return found;
}

// On the pipe: the count of numbers, the numbers, then a pair for each file, as ints.
std::string packed(const Descriptors& found) {
    std::vector<int> values = {static_cast<int>(found.numbers.size())};
    values.insert(values.end(), found.numbers.begin(), found.numbers.end());
    for (const OpenFile& file : found.files) values.insert(values.end(), {file.number, file.mount_id});
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int));
}

std::optional<Descriptors> unpacked(const std::string& bytes) {
    std::vector<int> values(bytes.size() / sizeof(int));
    if (values.empty()) return std::nullopt;
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(int));
    const auto count = static_cast<size_t>(values[0]);
    if (values[0] < 0 || count > values.size() - 1) return std::nullopt;
    const std::span<const int> all = std::span<const int>(values).subspan(1), pairs = all.subspan(count);
    if (pairs.size() % 2 != 0) return std::nullopt;
    Descriptors found{{all.begin(), all.begin() + values[0]}, {}};
    for (size_t i = 0; i < pairs.size(); i += 2) found.files.push_back({pairs[i], pairs[i + 1]});
    return found;
}

Result<Descriptors> read_from_inside(const sys::Procfs& procfs, const std::string& process) {
    const Fd userns = TRY(procfs.namespace_fd(process, "user"));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return Error::sys("fork");
    if (child == 0) {
        bool done = false;
        if (sys::setns(userns, CLONE_NEWUSER)) {
            const auto found = read_here(procfs, process);
            done = found && sys::write_all(writer, packed(found.value()));
        }
        ::_exit(done ? 0 : 1);
    }
    writer = Fd();
    constexpr size_t limit = size_t{1} << 20;
    const auto bytes = sys::read_all(reader, limit);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    const auto found = bytes && status == 0 ? unpacked(bytes.value()) : std::nullopt;
    if (!found)
        return Error::with_code(
            EACCES, concat("procfs '", process, "/fd': hidden from us, and its user namespace is not ours"));
    return *found;
}

}  // namespace

Result<Descriptors> read_descriptors(const sys::Procfs& procfs, const std::string& process) {
    auto found = read_here(procfs, process);
    if (found || found.error().code() != EACCES) return found;
    return read_from_inside(procfs, process);
}

}  // namespace casemate::proof
