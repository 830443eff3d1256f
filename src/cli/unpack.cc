// `casemate unpack`: casemate-unpack does it, confined, in a process of its own; the runtime then writes config.json.
#include "base/text.h"
#include "cli/verbs.h"

namespace casemate::cli {

Result<int> verbs::unpack(const Call& call) {
    const Arguments& arguments = call.arguments;
    runtime::UnpackOptions options;
    options.source = arguments.operands[0];
    options.bundle = arguments.operands[1];
    options.ref = arguments.value(Opt::ref);
    options.profile = call.profile();
    for (const Opt id : {Opt::platform, Opt::setid, Opt::devices, Opt::max_size, Opt::max_entries, Opt::max_ratio})
        if (arguments.has(id))
            options.unpacker_arguments.push_back(concat("--", option(id).name, '=', arguments.value(id)));
    TRY(runtime::unpack(call.settings, options));
    return 0;
}

}  // namespace casemate::cli
