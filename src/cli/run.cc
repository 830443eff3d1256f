// `casemate run`: a bundle under the OCI rules, in the foreground or detached.
#include "base/text.h"
#include "cli/verbs.h"

namespace casemate::cli {
namespace {

// An option that had no effect would be a restriction ignored: refused by name.
Result<void> refuse_unsupported(const Arguments& arguments) {
    if (arguments.has(Opt::no_pivot))
        return Error::invalid("run: '--no-pivot' is refused: without pivot_root the host's root stays within reach")
            .hint("casemate leaves an initramfs root by itself");
    for (const Opt id : {Opt::config, Opt::console_socket, Opt::pidfd_socket, Opt::no_new_keyring, Opt::systemd_cgroup})
        if (arguments.has(id))
            return Error::with_code(ENOSYS, concat("run: option '--", option(id).name, "' is not supported"));
    return {};
}

Result<runtime::RunOptions> run_options(const verbs::Call& call) {
    const Arguments& arguments = call.arguments;
    TRY(refuse_unsupported(arguments));
    runtime::RunOptions options;
    options.bundle = arguments.value(Opt::bundle);
    options.id = arguments.operands[0];
    options.pid_file = arguments.value(Opt::pid_file);
    options.profile = call.profile();
    options.detach = arguments.has(Opt::detach);
    options.keep = arguments.has(Opt::keep);
    const std::string_view fds = arguments.value(Opt::preserve_fds, "0");
    const auto count = parse_decimal(fds, 1024);
    if (!count) return Error::invalid(concat("run: '--preserve-fds': ", quoted(fds), " is no number up to 1024"));
    options.preserve_fds = static_cast<unsigned>(*count);
    return options;
}

}  // namespace

Result<int> verbs::run(const Call& call) { return runtime::run_bundle(call.settings, TRY(run_options(call))); }

}  // namespace casemate::cli
