#include "runtime/source.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "base/text.h"
#include "json/value.h"
#include "oci/config.h"
#include "runtime/directories.h"
#include "sys/call.h"
#include "sys/root.h"

namespace casemate::runtime {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<std::string> absolute(const std::string& path) {
    char resolved[PATH_MAX];
    if (!::realpath(path.c_str(), resolved)) return Error::sys("realpath").within(quoted(path));
    return std::string(resolved);
}

std::vector<std::string> strings(const json::Value* array) {
    std::vector<std::string> out;
    if (array)
        for (const json::Value& item : array->items()) out.emplace_back(item.string());
    return out;
}

std::string text(const json::Value& object, std::string_view key) {
    const json::Value* value = object.find(key);
    return value && value->is_string() ? std::string(value->string()) : std::string();
}

// image.json is our own program's, yet what it carries is the image's: shapes are checked, values are judged later.
Result<Source> read_image_report(const std::string& scratch, bool shifted) {
    const Fd directory = TRY_IN(quoted(scratch), sys::open(scratch.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const std::string report = TRY_IN("image.json", sys::read_file(directory, "image.json", size_t{4} << 20));
    const json::Document document = TRY_IN("image.json", json::Document::parse(report));
    const json::Value& root = document.root();
    Source source;
    source.unpacked = true;
    source.shifted = shifted;
    source.digest = text(root, "manifestDigest");
    source.app.root_path = scratch + "/rootfs";
    const json::Value* process = root.find("process");
    if (!process || !process->is_object()) return Error::invalid(concat("the image's configuration: ", text(root, "processError")));
    source.app.args = strings(process->find("args"));
    source.app.env = strings(process->find("env"));
    source.app.cwd = text(*process, "cwd");
    source.app.stop_signal = text(*process, "stopSignal");
    const json::Value* user = process->find("user");
    const auto number = [&](const char* key) -> uint32_t {
        const json::Value* value = user->find(key);
        return value && value->is_integer() ? static_cast<uint32_t>(value->unsigned_integer()) : UINT32_MAX;
    };
    const auto flag = [&](const char* key) {
        const json::Value* value = user->find(key);
        return value && value->is_bool() && value->boolean();
    };
    if (!user || !user->is_object() || !user->find("uid") || !user->find("gid")) return Error::invalid("image.json: no user");
    source.app.uid = number("uid");
    source.app.gid = number("gid");
    if (const json::Value* groups = user->find("additionalGids"))
        for (const json::Value& gid : groups->items()) source.app.additional_gids.push_back(static_cast<uint32_t>(gid.unsigned_integer()));
    source.app.has_user = flag("userGiven") && source.app.uid != 0;
    source.app.group_defaulted = flag("groupDefaulted");
    source.app.home = text(*user, "home");
    if (const json::Value* annotations = process->find("annotations"))
        for (const json::Member& member : annotations->members()) source.annotations[std::string(member.key)] = member.value.string();
    return source;
}

// What a failed casemate-unpack said, as an Error of ours: "casemate-unpack: TEXT" and "hint: TEXT".
Error unpack_error(std::string_view output, int code) {
    std::string message, hint;
    for (std::string_view line : split(output, '\n')) {
        if (line.starts_with("casemate-unpack: ")) message = line.substr(sizeof "casemate-unpack: " - 1);
        else if (line.starts_with("hint: ")) hint = line.substr(sizeof "hint: " - 1);
    }
    if (message.empty()) message = concat("casemate-unpack ended with code ", code);
    Error error = Error::invalid(concat("unpack: ", message));
    return hint.empty() ? error : std::move(error).hint(hint);
}

Result<void> run_unpacker(const std::string& program, std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int pipe_ends[2];
    if (::pipe2(pipe_ends, O_CLOEXEC) < 0) return Error::sys("pipe2");
    Fd reader(pipe_ends[0]);
    Fd writer(pipe_ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, writer.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, writer.get(), 2);
    // It handles signals itself: ours are blocked by now.
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char* environment[] = {path, nullptr};
    pid_t child = -1;
    const int failed = ::posix_spawn(&child, program.c_str(), &actions, &attributes, argv.data(), environment);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (failed) return Error::from_errno(failed, program);
    writer.reset();
    auto output = sys::read_all(reader, size_t{1} << 20);
    reader.reset();  // one that says too much must not wait for us
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return Error::sys("waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return unpack_error(output ? output.value() : "", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

Result<Source> from_bundle(const std::string& directory) {
    const std::string bundle = TRY(absolute(directory));
    const Fd opened = TRY_IN(quoted(bundle), sys::open(bundle.c_str(), O_RDONLY | O_DIRECTORY));
    const std::string config_text = TRY_IN(concat(quoted(bundle + "/config.json")), sys::read_file(opened, "config.json", size_t{4} << 20));
    const oci::Config config = TRY(oci::parse_config(config_text));
    if (!config.process) return Error::invalid("config.json: $.process: missing");
    TRY(check_bundle(config));
    Source source;
    plan::AppSource& app = source.app;
    app.root_path = config.root_path.starts_with('/') ? config.root_path : concat(bundle, "/", config.root_path);
    app.args = config.process->args;
    app.env = config.process->env;
    app.cwd = config.process->cwd;
    app.uid = config.process->user.uid;
    app.gid = config.process->user.gid;
    app.additional_gids = config.process->user.additional_gids;
    app.has_user = app.uid != 0;
    source.bundle = config;
    return source;
}

}  // namespace

Result<SourceKind> kind_of(const std::string& source) {
    if (source.starts_with("rootfs:")) return SourceKind::rootfs;
    if (source.starts_with("docker://"))
        return Error::with_code(ENOTSUP, "SOURCE docker://: pulling is not part of this version").hint("copy it first: skopeo copy docker://REF oci:DIR:TAG");
    // DIR:REF is a layout; a colon may also be part of a directory's name.
    const std::string directory = exists(source) ? source : source.substr(0, source.rfind(':'));
    struct stat status {};
    if (::stat(directory.c_str(), &status) < 0)
        return Error::sys("SOURCE").within(quoted(source)).hint("SOURCE is an OCI layout DIR[:REF], an OCI or docker archive, a bundle directory, or rootfs:DIR");
    if (!S_ISDIR(status.st_mode)) return SourceKind::image;
    if (exists(directory + "/index.json") || exists(directory + "/oci-layout")) return SourceKind::image;
    if (exists(directory + "/config.json")) return SourceKind::bundle;
    return Error::invalid(concat(quoted(source), ": neither an OCI layout (index.json) nor a bundle (config.json)")).hint("for a plain root directory write rootfs:DIR");
}

Result<Source> open_source(const Settings& settings, const SourceRequest& request) {
    switch (TRY(kind_of(request.source))) {
        case SourceKind::rootfs: {
            Source source;
            source.app.root_path = TRY(absolute(request.source.substr(sizeof "rootfs:" - 1)));
            return source;
        }
        case SourceKind::bundle: return from_bundle(request.source);
        case SourceKind::image: break;
    }
    std::vector<std::string> words{"casemate-unpack", "--setid", request.setid};
    if (!request.ref.empty()) words.insert(words.end(), {"--ref", request.ref});
    if (request.shift) words.insert(words.end(), {"--shift", std::to_string(request.shift)});
    words.insert(words.end(), request.unpacker_arguments.begin(), request.unpacker_arguments.end());
    words.insert(words.end(), {"--", request.source, request.scratch});
    const std::string program = TRY(find_libexec(settings, "casemate-unpack"));
    TRY(run_unpacker(program, std::move(words)));
    return read_image_report(request.scratch, request.shift != 0);
}

}  // namespace casemate::runtime
