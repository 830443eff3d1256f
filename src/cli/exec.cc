// `casemate exec`: runc's options, podman's and containerd's way of calling it included (CONTRACT 1.2).
#include <array>

#include "base/text.h"
#include "cli/verbs.h"

namespace casemate::cli {
namespace {

// The file says the whole process: an option that changed a part of it would be ignored, so it is refused.
Result<void> check_combination(const Arguments& arguments) {
    if (!arguments.has(Opt::process)) {
        if (arguments.tail.empty()) return Error::invalid("exec: a command is missing").hint("casemate exec ID COMMAND..., or --process FILE");
        return {};
    }
    if (!arguments.tail.empty()) return Error::invalid("exec: a command and '--process' exclude one another");
    constexpr std::array parts = {Opt::cwd, Opt::env, Opt::user, Opt::additional_gids, Opt::cap, Opt::no_new_privs, Opt::apparmor, Opt::process_label};
    for (const Opt id : parts)
        if (arguments.has(id)) return Error::invalid(concat("exec: '--", option(id).name, "' and '--process' exclude one another"));
    return {};
}

Result<std::vector<uint32_t>> numbers(const Arguments& arguments, Opt id, uint64_t most) {
    std::vector<uint32_t> found;
    for (const std::string& words : arguments.values(id))
        for (const std::string_view word : split(words, ',')) {
            const auto number = parse_decimal(word, most);
            if (!number) return Error::invalid(concat("exec: '--", option(id).name, "': ", quoted(word), " is no number up to ", most));
            found.push_back(static_cast<uint32_t>(*number));
        }
    return found;
}

// As config.json's are judged; a name alone means no variable of the caller, as it would for podman.
Result<std::vector<std::string>> variables(const Arguments& arguments) {
    std::vector<std::string> all = arguments.values(Opt::env);
    for (const std::string& variable : all)
        if (variable.find('=') == std::string::npos || variable.front() == '=')
            return Error::invalid(concat("exec: '--env': expected NAME=value, got ", quoted(variable)));
    return all;
}

Result<runtime::ExecOptions> exec_options(const Arguments& arguments) {
    TRY(check_combination(arguments));
    runtime::ExecOptions options;
    options.id = arguments.operands[0];
    options.process_file = arguments.value(Opt::process);
    options.command = arguments.tail_strings();
    options.env = TRY(variables(arguments));
    options.cwd = arguments.value(Opt::cwd);
    options.user = arguments.value(Opt::user);
    options.additional_gids = TRY(numbers(arguments, Opt::additional_gids, UINT32_MAX - 1));
    options.capabilities = arguments.values(Opt::cap);
    options.apparmor = arguments.value(Opt::apparmor);
    options.process_label = arguments.value(Opt::process_label);
    options.pid_file = arguments.value(Opt::pid_file);
    options.console_socket = arguments.value(Opt::console_socket);
    options.pidfd_socket = arguments.value(Opt::pidfd_socket);
    options.cgroups = arguments.values(Opt::cgroup);
    const std::vector<uint32_t> fds = TRY(numbers(arguments, Opt::preserve_fds, 1024));
    options.preserve_fds = fds.empty() ? 0 : fds.back();
    options.no_new_privs = arguments.has(Opt::no_new_privs);
    options.tty = arguments.has(Opt::tty);
    options.detach = arguments.has(Opt::detach);
    options.ignore_paused = arguments.has(Opt::ignore_paused);
    return options;
}

}  // namespace

Result<int> verbs::exec(const Call& call) {
    const runtime::ExecOptions options = TRY(exec_options(call.arguments));
    return runtime::exec(call.settings, options);
}

}  // namespace casemate::cli
