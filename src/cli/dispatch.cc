// The way of every command line: parse, messages, verb, exit code.
#include "cli/dispatch.h"

#include <sys/auxv.h>

#include <exception>

#include "base/text.h"
#include "cli/external.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/version.h"

namespace casemate::cli {
namespace {

runtime::Settings settings_of(const Arguments& arguments) {
    runtime::Settings settings;
    settings.state_root = arguments.value(Opt::root);
    settings.program_path = own_path();
    return settings;
}

// `launch` tells its user what it decided (the user id in place of root); under an engine standard error is the app's.
LogLevel least_level(const Arguments& arguments) {
    if (arguments.has(Opt::debug)) return LogLevel::debug;
    return arguments.command && arguments.command->group == Group::main ? LogLevel::info : LogLevel::warning;
}

void start_messages(const Arguments& arguments) {
    start_log({.file = std::string(arguments.value(Opt::log)),
               .json = arguments.value(Opt::log_format) == "json",
               .least = least_level(arguments)});
}

Result<int> print_help(const Arguments& arguments) {
    const Paint paint = paint_for(1, arguments.value(Opt::color));
    const size_t width = columns_of(1);
    TRY(print(arguments.command ? verb_help(*arguments.command, paint, width)
                                : overview_help(paint, width, is_installed)));
    return 0;
}

Error not_yet(const Command& command) {
    const bool never = command.verb == Verb::checkpoint || command.verb == Verb::restore;
    return Error::with_code(
        ENOSYS, concat("'", command.name, "' is not supported", never ? ": casemate has no checkpoints" : ""));
}

Result<int> call_verb(const verbs::Call& call) {
    const Command& command = *call.arguments.command;
    if (command.group == Group::external) return become_external(command, call.settings, call.arguments.tail);
    switch (command.verb) {
        case Verb::launch: return verbs::launch(call);
        case Verb::unpack: return verbs::unpack(call);
        case Verb::plan: return verbs::plan(call);
        case Verb::verify: return verbs::verify(call);
        case Verb::probe: return verbs::probe(call);
        case Verb::profile: return verbs::profile(call);
        case Verb::gc: return verbs::gc(call);
        case Verb::create: return verbs::create(call);
        case Verb::start: return verbs::start(call);
        case Verb::run: return verbs::run(call);
        case Verb::exec: return verbs::exec(call);
        case Verb::state: return verbs::state(call);
        case Verb::kill: return verbs::kill(call);
        case Verb::delete_: return verbs::delete_container(call);
        case Verb::list: return verbs::list(call);
        case Verb::ps: return verbs::ps(call);
        case Verb::pause: return verbs::pause(call);
        case Verb::resume: return verbs::resume(call);
        case Verb::update: return verbs::update(call);
        case Verb::events: return verbs::events(call);
        case Verb::features: return verbs::features(call);
        case Verb::spec: return verbs::spec(call);
        case Verb::completion: return verbs::completion(call);
        case Verb::help: return verbs::help(call);
        default: return not_yet(command);
    }
}

Result<int> answer(const Arguments& arguments, const runtime::Settings& settings) {
    if (arguments.has(Opt::help)) return print_help(arguments);
    if (arguments.has(Opt::version)) {
        TRY(print(version_text()));
        return 0;
    }
    if (!arguments.command) return Error::invalid("a verb is missing").hint("see 'casemate --help'");
    return call_verb({arguments, settings});
}

int exit_code_of(const Arguments& arguments, const Error& error) {
    const Failure failure = arguments.command ? arguments.command->failure : Failure::by_error;
    return failure == Failure::by_error ? error.exit_code() : static_cast<int>(failure);
}

// A setuid launcher would be its caller's to trace and to steer by environment (CVE-2016-8659, CVE-2020-5291).
Result<void> refuse_setuid() {
    if (::getauxval(AT_SECURE) == 0) return {};
    return Error::with_code(EPERM, "casemate does not run with a setuid bit or file capabilities").hint("remove them: rootless launches need no privilege");
}

int guarded(std::span<char* const> argv) {
    Arguments arguments;
    if (const auto refused = refuse_setuid(); !refused) {
        report_error(refused.error());
        return 125;
    }
    const Result<void> parsed = parse(argv, arguments);
    start_messages(arguments);
    if (!parsed) {
        report_error(parsed.error());
        return parsed.error().exit_code();
    }
    const Result<int> done = answer(arguments, settings_of(arguments));
    if (done) {
        flush_log();
        return done.value();
    }
    report_error(done.error());
    return exit_code_of(arguments, done.error());
}

}  // namespace

// Exceptions never cross a room; only memory that has run out comes this far.
int run_command_line(std::span<char* const> argv) {
    try {
        return guarded(argv);
    } catch (const std::exception& failure) {
        report_error(Error::invalid(failure.what()));
        return 125;
    }
}

}  // namespace casemate::cli
