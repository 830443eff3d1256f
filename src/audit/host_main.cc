// casemate audit --host, --unit: reads what the host's rules judge. A setting that is not there is not there; anything
// else that cannot be read is an error.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "audit/program.h"
#include "base/text.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::audit {
namespace {

constexpr const char* settings[] = {"kernel.kptr_restrict",     "kernel.dmesg_restrict",
                                    "kernel.unprivileged_bpf_disabled", "kernel.yama.ptrace_scope",
                                    "kernel.randomize_va_space", "fs.protected_symlinks",
                                    "fs.protected_hardlinks",   "fs.protected_fifos",
                                    "fs.protected_regular",     "kernel.kexec_load_disabled",
                                    "user.max_user_namespaces"};
constexpr const char* own_paths[] = {"/etc/casemate/casemate.json", "/etc/casemate/profiles",
                                     "/usr/share/casemate/profiles", "/run/casemate", "/var/lib/casemate"};

Result<void> read_settings(const sys::Procfs& proc, HostFacts& facts) {
    for (const std::string name : settings) {
        std::string path = concat("sys/", name);
        for (char& c : path)
            if (c == '.') c = '/';
        auto value = proc.read(path);
        if (!value && value.error().code() == ENOENT) continue;
        const std::string text = TRY(std::move(value));
        facts.sysctls[name] = trimmed(text);
    }
    return {};
}

// Each file that is there, with every directory above it.
Result<void> read_files(HostFacts& facts) {
    std::set<std::string> paths;
    for (const std::string path : own_paths) {
        if (::access(path.c_str(), F_OK) != 0) continue;
        for (size_t slash = path.size(); slash != std::string::npos && slash > 0; slash = path.rfind('/', slash - 1))
            paths.insert(path.substr(0, slash));
    }
    paths.insert("/");
    for (const std::string& path : paths) {
        const struct stat status = TRY_IN(quoted(path), sys::fstatat(AT_FDCWD, path.c_str(), 0));
        facts.files.push_back({path, status.st_uid, status.st_mode & 07777});
    }
    return {};
}

}  // namespace

Result<HostFacts> read_host() {
    HostFacts facts;
    const sys::Procfs proc = TRY(sys::Procfs::host());
    TRY(read_settings(proc, facts));
    TRY(read_files(facts));
    struct utsname name {};
    if (::uname(&name) != 0) return Error::sys("uname");
    const auto parts = split(name.release, '.');
    facts.kernel_major = static_cast<unsigned>(parse_decimal(parts[0], 1000).value_or(0));
    if (parts.size() > 1) facts.kernel_minor = static_cast<unsigned>(parse_decimal(parts[1], 1000).value_or(0));
    facts.landlock_abi = sys::landlock_abi();
    // EFAULT for a program that is nowhere: filters are there. EINVAL: they are not (seccomp(2)).
    facts.seccomp_filter = ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, nullptr, 0, 0) != 0 && errno == EFAULT;
    const auto controllers = sys::open("/sys/fs/cgroup/cgroup.controllers", O_RDONLY);
    if (controllers) facts.cgroup_v2 = !trimmed(TRY(sys::read_all(controllers.value(), 4096))).empty();
    return facts;
}

}  // namespace casemate::audit
