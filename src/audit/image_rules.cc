// IMG: what an image's configuration asks for.
#include <algorithm>

#include "audit/image_facts.h"
#include "audit/listed.h"
#include "audit/secrets.h"
#include "base/text.h"

namespace casemate::audit {
namespace {

constexpr std::string_view system_directories[] = {"/",     "/bin",  "/boot", "/dev",  "/etc", "/lib", "/lib64",
                                                   "/proc", "/root", "/run",  "/sbin", "/sys", "/usr", "/var"};
constexpr std::string_view shells[] = {"sh",        "bash",      "dash",     "ash",         "/bin/sh",
                                       "/bin/bash", "/bin/dash", "/bin/ash", "/usr/bin/sh", "/usr/bin/bash"};

std::vector<std::string> arguments(const oci::ImageConfig& config) {
    std::vector<std::string> args = config.defaults.entrypoint;
    args.insert(args.end(), config.defaults.cmd.begin(), config.defaults.cmd.end());
    return args;
}

void user_not_root(const ImageFacts& facts, const Report& report) {
    const std::string& text = facts.config.defaults.user;
    if (text.empty()) return report("config.User", "not set, which means root");
    const auto request = oci::parse_user(text);
    if (!request) return report("config.User", request.error().text());
    const auto& user = request.value().user;
    if (user && (user->id == 0u || user->name == "root"))
        return report("config.User", concat(quoted(text), " is root"));
    if (!facts.tree) return;
    const auto resolved = resolve_user(facts);
    if (!resolved)
        report("config.User", resolved.error().text());
    else if (resolved.value().uid == 0)
        report("config.User", concat(quoted(text), " has uid 0 in the image's /etc/passwd"));
}

void user_numeric(const ImageFacts& facts, const Report& report) {
    const auto request = oci::parse_user(facts.config.defaults.user);
    if (!request) return;
    const auto& [user, group] = request.value();
    if ((user && !user->id) || (group && !group->id))
        report("config.User", concat(quoted(facts.config.defaults.user), " is looked up in files of the image"));
}

void group_not_root(const ImageFacts& facts, const Report& report) {
    const auto request = oci::parse_user(facts.config.defaults.user);
    if (!request || !request.value().user) return;  // IMG-01's
    const auto& group = request.value().group;
    if (group && (group->id == 0u || group->name == "root")) return report("config.User", "the group is root's");
    if (!facts.tree) {
        if (!group && request.value().user->id)
            report("config.User", "names no group: 0, unless /etc/passwd has a row");
        return;
    }
    const auto resolved = resolve_user(facts);
    if (!resolved) return;
    if (resolved.value().gid == 0) return report("config.User", "its group is 0");
    if (listed(resolved.value().additional_gids, 0u)) report("config.User", "is a member of group 0");
}

void no_secrets(const ImageFacts& facts, const Report& report) {
    const auto look = [&](std::string where, std::string_view name, std::string_view value) {
        if (const std::string_view reason = secret_reason(name, value); !reason.empty())
            report(std::move(where), concat("looks like a credential by ", reason));
    };
    for (const std::string& variable : facts.config.defaults.env) {
        const size_t equals = std::min(variable.find('='), variable.size() - (variable.empty() ? 0 : 1));
        const std::string name = variable.substr(0, equals);
        look(concat("config.Env ", printable(name)), name,
             std::string_view(variable).substr(std::min(equals + 1, variable.size())));
    }
    for (const auto& [name, value] : facts.config.defaults.labels)
        look(concat("config.Labels ", printable(name)), name, value);
    const std::vector<std::string> args = arguments(facts.config);
    for (size_t i = 0; i < args.size(); ++i) {
        const size_t equals = args[i].find('=');
        const bool flag = args[i].starts_with("--") && equals == std::string::npos && i + 1 < args.size();
        const std::string name = flag ? args[i] : args[i].substr(0, equals == std::string::npos ? 0 : equals);
        const std::string value = flag                          ? args[i + 1]
                                  : equals == std::string::npos ? args[i]
                                                                : args[i].substr(equals + 1);
        look(concat("argument ", i), name, value);
    }
}

void health(const ImageFacts& facts, const Report& report) {
    if (!facts.healthcheck) report("config.Healthcheck", "the image says not how to tell that it works");
}

// "80/tcp" -> 80; nothing for what is no port.
std::optional<uint64_t> port_of(std::string_view text) {
    const std::string_view number = text.substr(0, text.find('/'));
    const auto port = parse_decimal(number, 65535);
    const std::string_view protocol = number.size() == text.size() ? "tcp" : text.substr(number.size() + 1);
    const bool known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
    return known && port && *port > 0 ? port : std::nullopt;
}

void no_ssh(const ImageFacts& facts, const Report& report) {
    for (const std::string& port : facts.config.defaults.exposed_ports)
        if (port_of(port) == 22u) report("config.ExposedPorts", "port 22");
}

void ports(const ImageFacts& facts, const Report& report) {
    for (const std::string& text : facts.config.defaults.exposed_ports) {
        const auto port = port_of(text);
        if (!port)
            report("config.ExposedPorts", concat(quoted(text), " is no port"));
        else if (*port < 1024)
            report("config.ExposedPorts", concat("port ", *port, " needs a privilege to listen on"));
    }
}

void volumes(const ImageFacts& facts, const Report& report) {
    for (const std::string& path : facts.config.defaults.volumes)
        if (listed(system_directories, path)) report("config.Volumes", concat(quoted(path), " is a system directory"));
}

void working_directory(const ImageFacts& facts, const Report& report) {
    const std::string& path = facts.config.defaults.working_dir;
    if (path.empty() || path == "/") return;
    if (!path.starts_with('/')) return report("config.WorkingDir", concat(quoted(path), " is relative"));
    if (listed(system_directories, path))
        return report("config.WorkingDir", concat(quoted(path), " is a system directory"));
    if (!facts.tree) return;
    const TreeEntry* const entry = facts.tree->resolve(path);
    if (!entry || entry->type != FileType::directory)
        report("config.WorkingDir", concat(quoted(path), entry ? " is no directory" : " does not exist"));
}

void exec_form(const ImageFacts& facts, const Report& report) {
    const std::vector<std::string> args = arguments(facts.config);
    if (args.empty()) return report("config.Entrypoint", "neither Entrypoint nor Cmd: nothing to run");
    if (args.size() > 1 && listed(shells, args[0]) && args[1] == "-c")
        return report("config.Entrypoint", "runs through a shell, which gets the signals and expands text");
    if (!args[0].starts_with('/')) report("config.Entrypoint", concat(quoted(args[0]), " is searched on PATH"));
}

// The program that will run: absolute, or found on the image's PATH.
const TreeEntry* find_program(const ImageFacts& facts, const std::string& name) {
    if (name.find('/') != std::string::npos) {
        const std::string base = facts.config.defaults.working_dir;
        return facts.tree->resolve(name.starts_with('/') ? name : concat(base, '/', name));
    }
    std::string path(oci::default_path);
    for (const std::string& variable : facts.config.defaults.env)
        if (variable.starts_with("PATH=")) path = variable.substr(5);
    for (const std::string_view directory : split(path, ':')) {
        const TreeEntry* const entry = facts.tree->resolve(concat(directory, '/', name));
        if (entry && entry->type == FileType::regular) return entry;
    }
    return nullptr;
}

void entry_point(const ImageFacts& facts, const Report& report) {
    const std::vector<std::string> args = arguments(facts.config);
    if (!facts.tree || args.empty()) return;
    const TreeEntry* const program = find_program(facts, args[0]);
    if (!program) return report(printable(args[0]), "does not exist in the image");
    if (program->type != FileType::regular) return report(program->path, "is no regular file");
    if ((program->mode & 0111) == 0) return report(program->path, "is not executable");
    if ((program->mode & 06000) != 0) report(program->path, "is set-id");
    if (facts.tree->owners_known && facts.tree->user && facts.tree->user->uid != 0 &&
        may_write(*program, *facts.tree->user))
        report(program->path, "may be overwritten by the user that runs it");
}

void reference(const ImageFacts& facts, const Report& report) {
    if (facts.pinned || facts.reference.find("@sha256:") != std::string::npos) return;
    const size_t colon = facts.reference.rfind(':');
    const std::string tag = colon == std::string::npos ? facts.reference : facts.reference.substr(colon + 1);
    if (tag.empty() || tag == "latest") report("reference", concat(quoted(tag), " moves with every build"));
}

void age(const ImageFacts& facts, const Report& report) {
    const auto created = parse_time(facts.config.created);
    if (!created) return report("created", "not said");
    if (*created <= day_seconds) return report("created", "1970: a reproducible build without SOURCE_DATE_EPOCH?");
    if (*created > facts.now + day_seconds) return report("created", concat("in the future: ", time_text(*created)));
    if (facts.now - *created > facts.max_age)
        report("created", concat((facts.now - *created) / day_seconds, " days ago"));
}

void base_image(const ImageFacts& facts, const Report& report) {
    const auto& labels = facts.config.defaults.labels;
    for (const char* key : {"org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"})
        if (!labels.contains(key) && !facts.annotations.contains(key)) report("config.Labels", concat("no ", key));
}

void signature(const ImageFacts& facts, const Report& report) {
    if (facts.signature && !facts.signature->verified) report("signature", facts.signature->reason);
}

void bill_of_materials(const ImageFacts& facts, const Report& report) {
    if (std::ranges::none_of(facts.attachments, is_bill_of_materials))
        report("attachments", "no SPDX or CycloneDX document names the image's digest");
}

void labels(const ImageFacts& facts, const Report& report) {
    const auto& known = facts.config.defaults.labels;
    for (const char* key :
         {"org.opencontainers.image.source", "org.opencontainers.image.revision", "org.opencontainers.image.licenses"})
        if (!known.contains(key)) report("config.Labels", concat("no ", key));
}

void platform(const ImageFacts& facts, const Report& report) {
    if (!oci::runs_on(facts.config.platform, facts.host))
        report("platform",
               concat(oci::describe(facts.config.platform), " does not run on ", oci::describe(facts.host)));
}

void layer_count(const ImageFacts& facts, const Report& report) {
    constexpr size_t overlay_limit = 127;  // containers/storage and moby: what fits one mount's options
    if (facts.config.diff_ids.size() > overlay_limit)
        report("rootfs.diff_ids", concat(facts.config.diff_ids.size(), " layers, more than ", overlay_limit));
}

constexpr Check<ImageFacts> checks[] = {
    {"IMG-01", user_not_root}, {"IMG-02", user_numeric}, {"IMG-03", group_not_root},
    {"IMG-04", no_secrets},    {"IMG-05", health},       {"IMG-06", no_ssh},
    {"IMG-07", ports},         {"IMG-08", volumes},      {"IMG-09", working_directory},
    {"IMG-10", exec_form},     {"IMG-11", entry_point},  {"IMG-12", reference},
    {"IMG-13", age},           {"IMG-14", base_image},   {"IMG-15", signature},
    {"IMG-17", bill_of_materials}, {"IMG-18", labels}, {"IMG-19", platform},
    {"IMG-21", layer_count}};

}  // namespace

Result<oci::ResolvedUser> resolve_user(const ImageFacts& facts) {
    const oci::UserRequest request = TRY(oci::parse_user(facts.config.defaults.user));
    const std::string none;
    const std::string& passwd = facts.tree && facts.tree->passwd ? *facts.tree->passwd : none;
    const std::string& group = facts.tree && facts.tree->group ? *facts.tree->group : none;
    return oci::resolve_user(request, passwd, group);
}

std::span<const Check<ImageFacts>> image_checks() { return checks; }

}  // namespace casemate::audit
