// `casemate features`: the runtime-spec's document, which containerd and CRI-O read, or what this kernel has.
#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {

Result<int> verbs::features(const Call& call) {
    if (call.arguments.value(Opt::features_format) != "table") {
        TRY(print(concat(runtime::features_json(), '\n')));
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"HERE", "FIRST", "FEATURE", "WITHOUT IT"}};
    for (const runtime::KernelFeature& feature : runtime::kernel_features())
        rows.push_back({feature.present ? "yes" : "no", feature.first_kernel, feature.name, feature.without});
    TRY(print(table(rows, paint_for(1, call.arguments.value(Opt::color)))));
    return 0;
}

}  // namespace casemate::cli
