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

Result<int> judge_all(const Options& options) {
    const Time now = options.now.value_or(std::time(nullptr));
    if (options.unbound) return run_gate(options, nullptr, now);
    const ScratchDirectory scratch = TRY(ScratchDirectory::make());
    const ReadImage image = TRY(read_image(options, false, scratch));
    return run_gate(options, &image, now);
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
    const auto code = judge_all(options.value());
    return code ? code.value() : complain(code.error());
}
