// casemate-unpack as the launcher calls it, and image.json as it writes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/source.h"

namespace casemate::runtime {

// Runs it with `words` after its name, and gives what it printed. Its own words become the error of a failure.
Result<std::string> run_unpacker(const Settings& settings, std::vector<std::string> words);

// What an image says of its process. image.json is our own program's, yet what it carries is the image's: shapes are
// checked, values are judged later. The caller adds where the root is.
struct ImageReport {
    Source source;
    std::vector<std::string> chains;  // of the store: names of the layers' directories, lowest first
};
Result<ImageReport> parse_image_report(std::string_view text);

}  // namespace casemate::runtime
