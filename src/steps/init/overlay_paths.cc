// See overlay_paths.h. The host's /proc is still there when file systems are made.
#include "steps/init/overlay_paths.h"

#include <fcntl.h>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::steps::init {

Result<std::string> by_descriptor(std::string_view paths, std::vector<Fd>& held) {
    std::string names, path;
    const auto take = [&]() -> Result<void> {
        held.push_back(TRY_IN(quoted(path), sys::open(path.c_str(), O_PATH | O_DIRECTORY)));
        names += concat(names.empty() ? "" : ":", "/proc/self/fd/", held.back().get());
        path.clear();
        return {};
    };
    for (size_t i = 0; i < paths.size(); ++i) {
        if (paths[i] == ':') {
            TRY(take());
            continue;
        }
        if (paths[i] == '\\' && i + 1 < paths.size()) ++i;
        path += paths[i];
    }
    TRY(take());
    return names;
}

}  // namespace casemate::steps::init
