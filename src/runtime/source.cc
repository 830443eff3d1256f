#include "runtime/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "base/scope_exit.h"
#include "base/text.h"
#include "oci/config.h"
#include "runtime/pull.h"
#include "runtime/store.h"
#include "runtime/unpacker.h"
#include "sys/call.h"
#include "sys/removal.h"

namespace casemate::runtime {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<std::string> absolute(const std::string& path) {
    char resolved[PATH_MAX];
    if (!::realpath(path.c_str(), resolved)) return Error::sys("realpath").within(quoted(path));
    return std::string(resolved);
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

Result<Source> open_unpacked(const Settings& settings, const SourceRequest& request) {
    std::vector<std::string> words{"--setid", request.setid};
    if (!request.ref.empty()) words.insert(words.end(), {"--ref", request.ref});
    if (request.shift) words.insert(words.end(), {"--shift", std::to_string(request.shift)});
    words.insert(words.end(), request.unpacker_arguments.begin(), request.unpacker_arguments.end());
    words.insert(words.end(), {"--", request.source, request.scratch});
    // What was there before is its owner's: the unpacker refuses it, or takes an empty directory's place.
    const bool was_there = ::access(request.scratch.c_str(), F_OK) == 0;
    ScopeExit undo([&] {
        if (!was_there) (void)remove_unpacked(request.scratch).operator bool();
    });
    TRY(run_unpacker(settings, std::move(words)));
    const Fd directory = TRY_IN(quoted(request.scratch), sys::open(request.scratch.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const std::string text = TRY_IN("image.json", sys::read_file(directory, "image.json", size_t{4} << 20));
    Source source = std::move(TRY(parse_image_report(text)).source);
    source.unpacked = true;
    source.shifted = request.shift != 0;
    source.app.root_path = request.scratch + "/rootfs";
    undo.release();
    return source;
}

}  // namespace

Result<void> remove_unpacked(const std::string& path) {
    const size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    const Fd directory = TRY(sys::open(parent.c_str(), O_RDONLY | O_DIRECTORY));
    return sys::remove_scratch(directory, path.substr(slash == std::string::npos ? 0 : slash + 1));
}

Result<SourceKind> kind_of(const std::string& source) {
    if (source.starts_with("rootfs:")) return SourceKind::rootfs;
    if (source.starts_with("docker://")) return SourceKind::registry;
    // DIR:REF is a layout; a colon may also be part of a directory's name.
    std::string directory = source;
    for (size_t colon; !exists(directory) && (colon = directory.rfind(':')) != std::string::npos;) directory.resize(colon);
    struct stat status {};
    if (::stat(directory.c_str(), &status) < 0)
        return Error::sys("SOURCE").within(quoted(source)).hint("SOURCE is an OCI layout DIR[:REF], an OCI or docker archive, a bundle directory, or rootfs:DIR");
    if (!S_ISDIR(status.st_mode)) return SourceKind::image;
    if (exists(directory + "/index.json") || exists(directory + "/oci-layout")) return SourceKind::image;
    if (exists(directory + "/config.json")) return SourceKind::bundle;
    return Error::invalid(concat(quoted(source), ": neither an OCI layout (index.json) nor a bundle (config.json)")).hint("for a plain root directory write rootfs:DIR");
}

Result<Source> open_source(const Settings& settings, const SourceRequest& request) {
    const SourceKind kind = TRY(kind_of(request.source));
    const bool asks = request.profile && asks_for_admission(*request.profile);
    if (asks && kind != SourceKind::image)
        return Error::with_code(EPERM, concat("admission: ", quoted(request.source), " is no image: nothing of it can be judged"))
            .hint("the profile's 'admission' admits images only");
    switch (kind) {
        case SourceKind::rootfs: {
            Source source;
            source.app.root_path = TRY(absolute(request.source.substr(sizeof "rootfs:" - 1)));
            return source;
        }
        case SourceKind::bundle: return from_bundle(request.source);
        case SourceKind::image:
        case SourceKind::registry: break;
    }
    if (request.source.starts_with("docker://") && !request.store) {
        SourceRequest fetched = request;
        const std::string layout = request.scratch + ".layout";
        const ScopeExit remove([&] { (void)remove_unpacked(layout).operator bool(); });
        fetched.source = TRY(pull(request.source, layout));
        return open_source(settings, fetched);
    }
    Admitted admitted;
    if (asks) admitted = TRY(admit(settings, *request.profile, request.source, request.ref));
    Source source = TRY(request.store ? open_stored(settings, request) : open_unpacked(settings, request));
    // What was judged is what runs: the digest stands for every byte, whatever happened to the layout meanwhile.
    if (asks && source.digest != admitted.digest) {
        (void)remove_unpacked(request.scratch).operator bool();  // the launch fails either way
        return Error::with_code(EPERM, concat("admission: ", quoted(admitted.digest), " was admitted, ", quoted(source.digest), " was unpacked"));
    }
    source.admitted = std::move(admitted);
    return source;
}

}  // namespace casemate::runtime
