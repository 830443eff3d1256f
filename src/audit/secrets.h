// Does a named value look like a credential? By key words, by the shapes that providers publish, and last by randomness,
// with care: digests and commit ids in images are as random as keys.
#pragma once

#include <string>
#include <string_view>

namespace casemate::audit {

// Why it looks like one ("its name", "a GitHub token"), or empty. Values that are references, paths, numbers or words
// such as "true" are not, whatever their name.
std::string_view secret_reason(std::string_view name, std::string_view value);

}  // namespace casemate::audit
