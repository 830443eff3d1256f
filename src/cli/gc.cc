// `casemate gc`: what launchers that were killed left behind.
#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {

Result<int> verbs::gc(const Call& call) {
    std::string text;
    for (const std::string& removed : TRY(runtime::gc(call.settings))) text += concat(printable(removed), '\n');
    TRY(print(text));
    return 0;
}

}  // namespace casemate::cli
