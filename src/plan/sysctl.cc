// Sysctls of namespaces that are not the host's, by a closed list; nothing of the host (CVE-2022-0811).
#include <algorithm>

#include "base/text.h"
#include "plan/compiler.h"

namespace casemate::plan {

namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
// In no name: it could only be meant for whoever reads the key as a line.
bool foreign(char c) { return is_control(c) || c == ' ' || c == '='; }

}  // namespace

Result<std::string> sysctl_path(std::string_view key, const NamespacesPlan& namespaces) {
    // Both spellings: "net.ipv4.ip_forward" and "net/ipv4/conf/eth0.1/forwarding", where dots are part of a name.
    std::string path(key);
    const bool slashes = key.find('/') != std::string_view::npos;
    if (!slashes)
        for (char& c : path)
            if (c == '.') c = '/';
    for (const std::string_view part : split(path, '/'))
        if (part.empty() || part == "." || part == ".." || std::any_of(part.begin(), part.end(), foreign)) return Error::invalid(concat(quoted(key), ": not a sysctl"));
    const auto owned = [&](const char* type) -> Result<std::string> {
        if (!namespaces.is_apart(type)) return Error::with_code(EPERM, concat(quoted(key), ": needs an own ", type, " namespace"));
        return path;
    };
    if (path.starts_with("net/")) return owned("network");
    if (path.starts_with("fs/mqueue/") || path.starts_with("kernel/shm") || path.starts_with("kernel/msg") || path == "kernel/sem") return owned("ipc");
    return Error::with_code(EPERM, concat(quoted(key), ": belongs to the host, not to a namespace"));
}

Result<void> Compiler::sysctl() {
    for (const auto& [key, value] : config_.linux_.sysctl) {
        // Of the uts namespace, but no file that init could write in a user namespace (RECIPES T4): the calls do it.
        if (key == "kernel.hostname" || key == "kernel/hostname")
            return Error::invalid("config.json: $.linux.sysctl: 'kernel.hostname' is the field hostname");
        if (key == "kernel.domainname" || key == "kernel/domainname") {
            if (!plan_.namespaces_.owns("uts")) return Error::with_code(EPERM, "config.json: $.linux.sysctl: 'kernel.domainname': needs an own uts namespace");
            if (!config_.domainname.empty() && config_.domainname != value) return Error::invalid("config.json: $.linux.sysctl: 'kernel.domainname' is not what domainname says");
            plan_.namespaces_.domainname = value;
            continue;
        }
        const std::string path = TRY_IN("config.json: $.linux.sysctl", sysctl_path(key, plan_.namespaces_));
        for (const char c : value)
            if (is_control(c) && c != '\t') return Error::invalid(concat("config.json: $.linux.sysctl: ", quoted(key), ": a control character in the value"));
        for (const auto& [earlier, ignored] : plan_.sysctl_.values)
            if (earlier == path) return Error::invalid(concat("config.json: $.linux.sysctl: ", quoted(key), ": given twice"));
        plan_.sysctl_.values.emplace_back(path, value);
    }
    return {};
}

}  // namespace casemate::plan
