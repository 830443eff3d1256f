// casemate-audit: is this image fit to run? Started as `casemate audit`.
//
// A program of its own in libexec, because judging images needs what reading images needs, and the launcher is to have
// none of it. It changes nothing but a scratch directory of its own, and starts nothing of the image.
#include <sys/stat.h>

#include <cstdio>
#include <ctime>

#include "audit/program.h"

namespace {

using namespace casemate;
using namespace casemate::audit;

int complain(const Error& error) {
    std::fprintf(stderr, "casemate audit: %s\n", error.text().c_str());
    if (!error.hint_text().empty()) std::fprintf(stderr, "hint: %s\n", error.hint_text().c_str());
    // Ended by a signal: say so, as a shell would see it.
    return error.exit_code() > 128 ? error.exit_code() : exit_unjudged;
}

// The rules, unless only the gate is asked for; the gate, where there is a report. The worse of the two counts.
Result<int> judge_all(const Options& options) {
    const Time now = options.now.value_or(std::time(nullptr));
    const bool gate = !options.report.empty(), rules = !gate || !options.fail_on.empty() || !options.policy.empty();
    if (options.source.empty()) return gate ? run_gate(options, nullptr, now) : run_rules(options, nullptr, now);
    const ScratchDirectory scratch = TRY(ScratchDirectory::make());
    const ReadImage image = TRY(read_image(options, rules, scratch));
    const int by_rules = rules ? TRY(run_rules(options, &image, now)) : 0;
    const int by_gate = gate ? TRY(run_gate(options, &image, now)) : 0;
    return by_rules != 0 ? by_rules : by_gate;
}

}  // namespace

int main(int argc, char** argv) {
    ::umask(077);
    const auto options = parse_options(argc, argv);
    if (!options) return complain(options.error());
    if (options.value().help || options.value().version) {
        std::fputs(options.value().help ? usage : "casemate-audit " CASEMATE_VERSION "\n", stdout);
        return 0;
    }
    if (options.value().list_rules) return print_catalogue(), 0;
    const auto code = judge_all(options.value());
    return code ? code.value() : complain(code.error());
}
