// `casemate unpack`: an image to an OCI bundle, whose config.json says what the profile makes of it, as far as OCI has
// words for it: runc and crun can run it, too.
#include <fcntl.h>
#include <unistd.h>

#include "base/scope_exit.h"
#include "base/text.h"
#include "oci/config.h"
#include "runtime/decision.h"
#include "runtime/directories.h"
#include "runtime/facts.h"
#include "sys/call.h"

namespace casemate::runtime {
Result<void> unpack(const Settings& settings, const UnpackOptions& options) {
    LaunchOptions launch;
    launch.profile = options.profile;
    const HostConfig host = TRY(read_host_config());
    const policy::Profile profile = TRY(resolve_profile(launch, host));
    const plan::HostFacts facts = TRY(host_facts(profile, true));
    if (TRY(kind_of(options.source)) != SourceKind::image && !options.source.starts_with("docker://")) return Error::invalid(concat(quoted(options.source), ": is not an image"));
    constexpr const char* setid[] = {"keep", "ignore", "strip"};
    const SourceRequest request{options.source, options.ref, options.bundle, setid[static_cast<size_t>(profile.filesystem.setid_files.value_or(policy::SetidFiles::strip))], 0, false,
                                options.unpacker_arguments, &profile};
    Source source = TRY(open_source(settings, request));
    ScopeExit undo([&] { (void)remove_unpacked(options.bundle).operator bool(); });
    if (source.app.args.empty()) source.app.args = {"/bin/sh"};
    oci::Config config = TRY(configure(source, profile, facts, launch));
    config.root_path = "rootfs";
    // Another runtime makes no id range of its own: without maps it could not make the namespace.
    std::erase_if(config.linux_.namespaces, [](const oci::Namespace& ns) { return ns.type == "user"; });
    const std::string path = options.bundle + "/config.json";
    const Fd file = TRY_IN(quoted(path), sys::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
    TRY_IN(quoted(path), sys::write_all(file, oci::to_json(config) + "\n"));
    undo.release();
    return {};
}

}  // namespace casemate::runtime
