// Apart, because the build gives this one file the commit's name.
#include "cli/version.h"

#include "base/text.h"

#ifndef CASEMATE_COMMIT
#define CASEMATE_COMMIT "unknown"
#endif

namespace casemate::cli {

std::string version_text() {
    return concat("casemate version ", CASEMATE_VERSION, "\ncommit: ", CASEMATE_COMMIT, "\nspec: 1.3.0\n");
}

}  // namespace casemate::cli
