// FS: what lies in an image's root file system.
#include <algorithm>
#include <map>

#include "audit/listed.h"
#include "audit/tree_facts.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

using Names = std::span<const std::string_view>;

constexpr size_t max_named = 50;  // findings of one rule; then one that counts the rest

std::string_view leaf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Reports what `pick` gives a text for.
template <typename Pick>
void for_entries(const TreeFacts& facts, const Report& report, Pick pick) {
    size_t found = 0;
    for (const TreeEntry& entry : facts.entries) {
        std::string detail = pick(entry);
        if (!detail.empty() && ++found <= max_named) report(printable(entry.path), std::move(detail));
    }
    if (found > max_named) report("/", concat(found - max_named, " more of them"));
}

// Programs on the usual search path by name, whatever they are links to.
void programs(const TreeFacts& facts, const Report& report, Names names) {
    for_entries(facts, report, [&](const TreeEntry& entry) -> std::string {
        const std::string_view path = entry.path;
        const std::string_view directory = path.substr(0, path.rfind('/'));
        const bool on_path = directory.ends_with("/bin") || directory.ends_with("/sbin");
        if (!on_path || entry.type == FileType::directory || !listed(names, leaf(path))) return {};
        return concat(leaf(path), " is there");
    });
}

void no_setid(const TreeFacts& facts, const Report& report) {
    for_entries(facts, report, [](const TreeEntry& entry) -> std::string {
        if (entry.type != FileType::regular || (entry.mode & 06000) == 0) return {};
        return concat((entry.mode & 04000) != 0 ? "setuid" : "setgid", ", owner ", entry.uid, ":", entry.gid);
    });
}

void no_file_capabilities(const TreeFacts& facts, const Report& report) {
    for_entries(facts, report,
                [](const TreeEntry& entry) { return std::string(entry.file_caps ? "has file capabilities" : ""); });
}

void not_world_writable(const TreeFacts& facts, const Report& report) {
    for_entries(facts, report, [](const TreeEntry& entry) -> std::string {
        if ((entry.mode & 0002) == 0) return {};
        if (entry.type == FileType::regular) return "a file that everybody may write";
        return entry.type == FileType::directory && (entry.mode & 01000) == 0 ? "a directory without the sticky bit"
                                                                              : "";
    });
}

void no_special_files(const TreeFacts& facts, const Report& report) {
    for_entries(facts, report, [](const TreeEntry& entry) -> std::string {
        switch (entry.type) {
            case FileType::char_device: return "a character device";
            case FileType::block_device: return "a block device";
            case FileType::fifo: return "a FIFO";
            case FileType::socket: return "a socket";
            default: return {};
        }
    });
    if (facts.skipped_devices > 0) report("/dev", concat(facts.skipped_devices, " device nodes in the layers"));
}

// Calls `row` with the fields of each line that has at least `count` of them.
template <typename Row>
void for_rows(const std::optional<std::string>& text, size_t count, Row row) {
    if (!text) return;
    for (const std::string_view line : split(*text, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() >= count && !fields[0].empty() && fields[0][0] != '#') row(fields);
    }
}
using Row = std::vector<std::string_view>;

void no_empty_password(const TreeFacts& facts, const Report& report) {
    for_rows(facts.shadow, 2, [&](const Row& row) {
        if (row[1].empty()) report("/etc/shadow", concat(quoted(row[0]), " has no password"));
    });
    for_rows(facts.passwd, 7, [&](const Row& row) {
        if (row[1].empty()) report("/etc/passwd", concat(quoted(row[0]), " has no password"));
    });
}

void unique_ids(const TreeFacts& facts, const Report& report) {
    const auto look = [&](const std::optional<std::string>& text, const char* path, size_t count) {
        std::map<std::string, std::string> owner;
        for_rows(text, count, [&](const Row& row) {
            const auto [known, fresh] = owner.emplace(row[2], row[0]);
            if (!fresh) report(path, concat(quoted(row[0]), " has the number of ", quoted(known->second)));
        });
    };
    look(facts.passwd, "/etc/passwd", 7);
    look(facts.group, "/etc/group", 4);
}

void accounts(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view shells[] = {"sh",  "bash", "dash", "ash",  "zsh",
                                                  "ksh", "csh",  "tcsh", "fish", "busybox"};
    for_rows(facts.passwd, 7, [&](const Row& row) {
        if (row[2] == "0" && row[0] != "root") return report("/etc/passwd", concat(quoted(row[0]), " is root too"));
        if (row[2] != "0" && (row[6].empty() || listed(shells, leaf(row[6]))))
            report("/etc/passwd", concat(quoted(row[0]), " has a login shell"));
    });
}

void no_credentials(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view names[] = {"id_rsa",
                                                 "id_dsa",
                                                 "id_ecdsa",
                                                 "id_ed25519",
                                                 ".env",
                                                 ".netrc",
                                                 ".pgpass",
                                                 ".htpasswd",
                                                 ".git-credentials",
                                                 ".npmrc",
                                                 ".pypirc",
                                                 "credentials.json",
                                                 "service-account.json",
                                                 ".dockercfg"};
    static constexpr std::string_view ends[] = {"/.aws/credentials", "/.docker/config.json", "/.kube/config",
                                                "/.config/gcloud/application_default_credentials.json",
                                                "/.azure/accessTokens.json"};
    for_entries(facts, report, [](const TreeEntry& entry) -> std::string {
        if (entry.type != FileType::regular) return {};
        if (entry.private_key) return "a private key";
        const bool named = listed(names, leaf(entry.path)) ||
                           std::ranges::any_of(ends, [&](std::string_view end) { return entry.path.ends_with(end); });
        return named && entry.size > 0 ? "a file that holds credentials" : "";
    });
}

void no_caches(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view places[] = {
        "/var/lib/apt/lists/", "/var/cache/apt/archives/", "/var/cache/apk/", "/var/cache/dnf/",
        "/var/cache/yum/",     "/root/.cache/pip/",        "/root/.npm/"};
    for (const std::string_view place : places) {
        size_t files = 0;
        for (const TreeEntry& entry : facts.entries)
            if (entry.type == FileType::regular && entry.size > 0 && entry.path.starts_with(place)) ++files;
        if (files > 0) report(std::string(place), concat(files, " files"));
    }
}

void no_developer_files(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view directories[] = {".git", ".svn", ".hg", ".aws", ".ssh", ".vscode", ".idea"};
    static constexpr std::string_view files[] = {"Dockerfile",    "Containerfile", "docker-compose.yml", "compose.yaml",
                                                 ".dockerignore", ".bash_history", ".python_history"};
    for_entries(facts, report, [](const TreeEntry& entry) -> std::string {
        if (entry.type == FileType::directory)
            return listed(directories, leaf(entry.path)) ? "a developer's directory" : "";
        return listed(files, leaf(entry.path)) ? "belongs to the build" : "";
    });
}

void no_shell(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view names[] = {"sh",  "bash", "dash",    "ash",   "zsh",
                                                 "ksh", "csh",  "busybox", "rbash", "toybox"};
    programs(facts, report, names);
}
void no_package_manager(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view names[] = {"apt",    "apt-get", "dpkg", "apk",  "yum", "dnf", "microdnf", "rpm",
                                                 "zypper", "pacman",  "pip",  "pip3", "npm", "gem", "opkg"};
    programs(facts, report, names);
}
void no_compiler(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view names[] = {"cc",   "gcc",   "g++", "c++",    "clang",  "ld",   "as",
                                                 "make", "cmake", "gdb", "strace", "ltrace", "perf", "bpftool"};
    programs(facts, report, names);
}
void no_network_tools(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view names[] = {"curl", "wget",  "nc",     "ncat", "netcat",  "ssh",  "sshd",
                                                 "scp",  "socat", "telnet", "ftp",  "tcpdump", "nmap", "rsync"};
    programs(facts, report, names);
}
void no_identity_change(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view names[] = {"su",     "sudo",    "doas", "newuidmap", "newgidmap", "newgrp",
                                                 "pkexec", "runuser", "chsh", "chfn",      "gpasswd",   "passwd"};
    programs(facts, report, names);
}

void application_read_only(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view may[] = {"/tmp",  "/var/tmp", "/run",      "/dev",
                                               "/proc", "/sys",     "/var/lock", "/var/run"};
    if (!facts.owners_known || !facts.user || facts.user->uid == 0) return;
    for_entries(facts, report, [&](const TreeEntry& entry) -> std::string {
        const bool temporary =
            std::ranges::any_of(may, [&](std::string_view path) { return is_at_or_below(entry.path, path); });
        if (temporary || !may_write(entry, *facts.user)) return {};
        return concat("writable by uid ", facts.user->uid);
    });
}

void no_outside_links(const TreeFacts& facts, const Report& report) {
    for_entries(facts, report, [](const TreeEntry& entry) -> std::string {
        if (entry.type != FileType::symlink) return {};
        // /dev/stdin and the like, /etc/mtab: everywhere, and harmless inside.
        if (entry.path.starts_with("/dev/") || entry.path == "/etc/mtab") return {};
        const std::string_view to = entry.link;
        const bool kernel = is_at_or_below(to, "/proc") || to.starts_with("/sys/");
        const bool standard = to == "/proc/mounts" || to == "/proc/self/mounts" || to == "/proc/self/fd";
        if (kernel && !standard) return concat("leads to ", printable(to));
        if (to.find("docker.sock") != std::string_view::npos || to.find("containerd.sock") != std::string_view::npos)
            return concat("leads to ", printable(to));
        // More ".." than there are directories above.
        int depth = static_cast<int>(std::ranges::count(entry.path, '/')) - 1;
        if (to.starts_with('/')) depth = 0;
        for (const std::string_view part : split(to, '/')) {
            if (part.empty() || part == ".") continue;
            depth += part == ".." ? -1 : 1;
            if (depth < 0) return concat("leads above the root: ", printable(to));
        }
        return {};
    });
}

std::string value_in(const std::string& text, std::string_view key) {
    for (const std::string_view line : split(text, '\n')) {
        if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != '=') continue;
        std::string_view value = line.substr(key.size() + 1);
        if (value.size() > 1 && (value[0] == '"' || value[0] == '\'')) value = value.substr(1, value.size() - 2);
        return std::string(value);
    }
    return {};
}

// When security support by the distribution itself ends (endoflife pages of each; long-term offers for money not
// counted).
void distribution_supported(const TreeFacts& facts, const Report& report) {
    struct Release {
        std::string_view id, version, until;
    };
    static constexpr Release releases[] = {
        {"debian", "9", "2022-06-30"},     {"debian", "10", "2024-06-30"},    {"debian", "11", "2026-08-31"},
        {"debian", "12", "2028-06-30"},    {"ubuntu", "18.04", "2023-05-31"}, {"ubuntu", "20.04", "2025-05-31"},
        {"ubuntu", "22.04", "2027-04-30"}, {"ubuntu", "24.04", "2029-04-30"}, {"alpine", "3.15", "2023-11-01"},
        {"alpine", "3.16", "2024-05-23"},  {"alpine", "3.17", "2024-11-22"},  {"alpine", "3.18", "2025-05-09"},
        {"alpine", "3.19", "2025-11-01"},  {"alpine", "3.20", "2026-04-01"},  {"alpine", "3.21", "2026-11-01"},
        {"centos", "7", "2024-06-30"},     {"centos", "8", "2021-12-31"},     {"rhel", "7", "2024-06-30"}};
    if (!facts.os_release) return;
    const std::string id = value_in(*facts.os_release, "ID"), version = value_in(*facts.os_release, "VERSION_ID");
    for (const Release& release : releases) {
        const bool same = version == release.version || version.starts_with(concat(release.version, '.'));
        if (id == release.id && same && facts.now > *parse_date(release.until))
            report("/etc/os-release", concat(id, ' ', printable(version), " ended on ", release.until));
    }
}

void loader_safe(const TreeFacts& facts, const Report& report) {
    if (const TreeEntry* const preload = facts.find("/etc/ld.so.preload"); preload && preload->size > 0)
        report("/etc/ld.so.preload", "is loaded into every process");
    static constexpr std::string_view places[] = {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"};
    for_entries(facts, report, [&](const TreeEntry& entry) -> std::string {
        if (entry.type != FileType::directory) return {};
        const bool library = std::ranges::any_of(places, [&](std::string_view place) {
            return entry.path == place || (entry.path.starts_with(place) && entry.path.ends_with("-linux-gnu"));
        });
        const bool foreign = facts.owners_known && entry.uid != 0;
        return library && (foreign || (entry.mode & 0002) != 0) ? "a library directory that others write to" : "";
    });
}

void no_baked_secrets(const TreeFacts& facts, const Report& report) {
    static constexpr std::string_view sockets[] = {"docker.sock", "containerd.sock", "podman.sock", "crio.sock"};
    for_entries(facts, report, [](const TreeEntry& entry) -> std::string {
        if (listed(sockets, leaf(entry.path))) return "an engine's socket";
        const bool secret = entry.path.starts_with("/run/secrets/") || entry.path.starts_with("/var/run/secrets/");
        return secret && entry.type == FileType::regular && entry.size > 0 ? "a run-time secret" : "";
    });
}

constexpr Check<TreeFacts> checks[] = {{"FS-01", no_setid},           {"FS-02", no_file_capabilities},
                                       {"FS-03", not_world_writable}, {"FS-04", no_special_files},
                                       {"FS-05", no_empty_password},  {"FS-06", unique_ids},
                                       {"FS-07", accounts},           {"FS-08", no_credentials},
                                       {"FS-09", no_caches},          {"FS-10", no_developer_files},
                                       {"FS-11", no_shell},           {"FS-12", no_package_manager},
                                       {"FS-13", no_compiler},        {"FS-14", no_network_tools},
                                       {"FS-15", no_identity_change}, {"FS-16", application_read_only},
                                       {"FS-17", no_outside_links},   {"FS-18", distribution_supported},
                                       {"FS-19", loader_safe},        {"FS-20", no_baked_secrets}};

}  // namespace

std::span<const Check<TreeFacts>> tree_checks() { return checks; }

}  // namespace casemate::audit
