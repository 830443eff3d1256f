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

// The rules, unless only the gate is asked for; the gate, where there is a report. The worse of the two counts.
Result<int> judge_image(const Options& options, Time now) {
    const bool gate = !options.report.empty(), rules = !gate || !options.fail_on.empty() || !options.policy.empty();
    const std::vector<PublicKey> keys = TRY(read_keys(options.public_keys));
    const AuditPolicy policy = TRY(policy_of(options));
    const GateTexts texts = gate ? TRY(gate_texts(options)) : GateTexts();
    const ScratchDirectory scratch = TRY(ScratchDirectory::make());
    ReadImage image = TRY(read_image(options, rules, scratch));
    return judge_confined(scratch, [&](const std::string& rootfs) -> Result<int> {
        TRY(image.understand());
        int by_rules = 0;
        if (rules) {
            ImageFacts facts = TRY(facts_of(image, keys, now));
            TreeFacts tree = TRY(tree_of(image, rootfs, now));
            attach_tree(facts, tree);
            by_rules = TRY(run_rules(options, policy, &facts, now));
        }
        const int by_gate = gate ? TRY(run_gate(options, texts, &image, now)) : 0;
        return by_rules != 0 ? by_rules : by_gate;
    });
}

Result<int> judge_all(const Options& options) {
    const Time now = options.now.value_or(std::time(nullptr));
    if (!options.admission.empty()) return run_admission(options, now);
    if (!options.source.empty()) return judge_image(options, now);
    if (options.report.empty()) return run_rules(options, TRY(policy_of(options)), nullptr, now);
    return run_gate(options, TRY(gate_texts(options)), nullptr, now);
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
