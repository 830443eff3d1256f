#include "cli/bundle_options.h"

#include "base/text.h"

namespace casemate::cli {
namespace {

// An option that had no effect would be a restriction ignored: refused by name.
Result<void> refuse_unsupported(const Arguments& arguments) {
    const std::string_view verb = arguments.command->name;
    if (arguments.has(Opt::no_pivot))
        return Error::invalid(concat(verb, ": '--no-pivot' is refused: without pivot_root the host's root stays within reach"))
            .hint("casemate leaves an initramfs root by itself");
    return {};
}

Result<runtime::CgroupManager> cgroup_manager(const Arguments& arguments) {
    using runtime::CgroupManager;
    const std::string_view name = arguments.value(Opt::cgroup_manager, arguments.has(Opt::systemd_cgroup) ? "systemd" : "cgroupfs");
    if (name == "systemd") return CgroupManager::systemd;
    if (arguments.has(Opt::systemd_cgroup)) return Error::invalid(concat("'--systemd-cgroup' and '--cgroup-manager=", printable(name), "' contradict each other"));
    if (name == "cgroupfs") return CgroupManager::cgroupfs;
    if (name == "disabled") return CgroupManager::disabled;
    constexpr std::string_view known[] = {"cgroupfs", "systemd", "disabled"};
    return Error::invalid(concat("'--cgroup-manager': ", quoted(name), " is not cgroupfs, systemd or disabled", did_you_mean(name, known)));
}

}  // namespace

Result<runtime::CreateOptions> create_options(const verbs::Call& call) {
    const Arguments& arguments = call.arguments;
    TRY(refuse_unsupported(arguments));
    runtime::CreateOptions options;
    options.bundle = arguments.value(Opt::bundle);
    options.config = arguments.value(Opt::config);
    options.id = arguments.operands[0];
    options.pid_file = arguments.value(Opt::pid_file);
    options.console_socket = arguments.value(Opt::console_socket);
    options.pidfd_socket = arguments.value(Opt::pidfd_socket);
    options.profile = call.profile();
    options.cgroup_manager = TRY(cgroup_manager(arguments));
    options.no_new_keyring = arguments.has(Opt::no_new_keyring);
    const std::string_view fds = arguments.value(Opt::preserve_fds, "0");
    const auto count = parse_decimal(fds, 1024);
    if (!count) return Error::invalid(concat(arguments.command->name, ": '--preserve-fds': ", quoted(fds), " is no number up to 1024"));
    options.preserve_fds = static_cast<unsigned>(*count);
    return options;
}

}  // namespace casemate::cli
