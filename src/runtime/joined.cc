#include "runtime/joined.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope_exit.h"
#include "base/text.h"
#include "sys/call.h"
#include "sys/procfs.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

namespace casemate::runtime {
namespace {

struct Kind {
    std::string_view type, file;  // OCI's word, the file of /proc/PID/ns
    int flag;
};
constexpr Kind kinds[] = {{"pid", "pid", CLONE_NEWPID},     {"mount", "mnt", CLONE_NEWNS},      {"ipc", "ipc", CLONE_NEWIPC},
                          {"uts", "uts", CLONE_NEWUTS},     {"network", "net", CLONE_NEWNET},   {"user", "user", CLONE_NEWUSER},
                          {"time", "time", CLONE_NEWTIME},  {"cgroup", "cgroup", CLONE_NEWCGROUP}};

const Kind* kind_of_type(std::string_view type) {
    for (const Kind& kind : kinds)
        if (kind.type == type) return &kind;
    return nullptr;
}

Result<Fd> open_namespace(const std::string& path, const Kind& kind) {
    // O_NONBLOCK: whatever else lies there must not keep us waiting.
    Fd file = TRY(sys::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
    if (TRY(sys::filesystem_magic(file)) != NSFS_MAGIC) return Error::invalid("is no namespace");
    const int flag = ::ioctl(file.get(), NS_GET_NSTYPE);
    if (flag < 0) return Error::sys("ioctl NS_GET_NSTYPE");
    if (flag == kind.flag) return file;
    for (const Kind& other : kinds)
        if (other.flag == flag) return Error::invalid(concat("is a ", other.type, " namespace"));
    return Error::invalid("is another kind of namespace");
}

std::vector<plan::IdMapping> mapping(const std::vector<sys::IdMapLine>& lines) {
    std::vector<plan::IdMapping> map;
    for (const sys::IdMapLine& line : lines) map.push_back({line.inside, line.outside, line.count});
    return map;
}

// The maps of a user namespace that may have no process: a child goes in, and is looked at from here, so that the numbers
// are those of our own namespace.
Result<void> read_maps(FdView user_namespace, const sys::Procfs& proc, plan::NamespaceFact& fact) {
    int up[2], down[2];
    if (::pipe2(up, O_CLOEXEC) < 0) return Error::sys("pipe2");
    Fd says(up[1]);
    const Fd heard(up[0]);
    if (::pipe2(down, O_CLOEXEC) < 0) return Error::sys("pipe2");
    Fd release(down[1]), waits(down[0]);
    const pid_t child = ::fork();
    if (child < 0) return Error::sys("fork");
    if (child == 0) {
        release.reset();
        const auto joined = sys::setns(user_namespace, CLONE_NEWUSER);
        const int code = joined ? 0 : joined.error().code();
        char byte;
        if (::write(says.get(), &code, sizeof code) == sizeof code) (void)!::read(waits.get(), &byte, 1);
        ::_exit(0);
    }
    says.reset();
    const ScopeExit reap([&] {
        release.reset();
        while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
        }
    });
    int code = 0;
    if (::read(heard.get(), &code, sizeof code) != sizeof code) return Error::invalid("a look into the user namespace failed");
    if (code != 0) return Error::from_errno(code, "setns");
    const std::string uids = TRY_IN("uid_map", proc.read(concat(child, "/uid_map")));
    const std::string gids = TRY_IN("gid_map", proc.read(concat(child, "/gid_map")));
    fact.uid_map = mapping(TRY(sys::parse_id_map(uids)));
    fact.gid_map = mapping(TRY(sys::parse_id_map(gids)));
    const std::string setgroups = TRY_IN("setgroups", proc.read(concat(child, "/setgroups")));
    fact.setgroups_denied = trimmed(setgroups) == "deny";
    return {};
}

Result<void> open_one(const oci::Namespace& wanted, const sys::Procfs& proc, Joined& joined) {
    const Kind* kind = kind_of_type(wanted.type);
    if (!kind) return Error::invalid(concat("unknown namespace ", quoted(wanted.type)));
    Fd file = TRY(open_namespace(wanted.path, *kind));
    plan::NamespaceFact fact;
    fact.type = wanted.type;
    fact.path = wanted.path;
    const struct stat status = TRY(sys::fstat(file));
    fact.inode = status.st_ino;
    fact.is_hosts = fact.inode == TRY(proc.namespace_inode("self", std::string(kind->file)));
    if (kind->flag == CLONE_NEWUSER && !fact.is_hosts) TRY(read_maps(file, proc, fact));
    if (!fact.is_hosts) joined.files.push_back({wanted.type, kind->flag, std::move(file)});
    joined.facts.push_back(std::move(fact));
    return {};
}

}  // namespace

Result<Joined> open_joined(const oci::Config& config) {
    Joined joined;
    const auto& namespaces = config.linux_.namespaces;
    std::optional<sys::Procfs> proc;
    for (size_t i = 0; i < namespaces.size(); ++i) {
        if (namespaces[i].path.empty()) continue;
        if (!proc) proc = TRY(sys::Procfs::host());
        TRY_IN(concat("config.json: $.linux.namespaces[", i, "].path: ", quoted(namespaces[i].path)), open_one(namespaces[i], *proc, joined));
    }
    return joined;
}

}  // namespace casemate::runtime
