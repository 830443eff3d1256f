// `casemate spec`: a config.json to start from, where runc puts it. An existing file is somebody's work: left alone.
#include <fcntl.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace casemate::cli {

Result<int> verbs::spec(const Call& call) {
    const Arguments& arguments = call.arguments;
    const std::string path = concat(arguments.value(Opt::bundle, "."), "/config.json");
    const std::string text = runtime::default_config_json(arguments.has(Opt::spec_rootless));
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666));
    if (!file) return Error::sys(concat("spec: create ", quoted(path)));
    TRY_IN(concat("spec: ", quoted(path)), write_out(file.get(), concat(text, '\n')));
    return 0;
}

}  // namespace casemate::cli
