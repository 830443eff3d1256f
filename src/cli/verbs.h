// One function a verb, each in its own file. It gives the process's exit code, or the error that dispatch reports.
#pragma once

#include "base/result.h"
#include "cli/command.h"
#include "runtime/runtime.h"

namespace casemate::cli::verbs {

struct Call {
    const Arguments& arguments;
    const runtime::Settings& settings;
    // The profile that was asked for, or an empty string.
    std::string profile() const { return std::string(arguments.value(Opt::profile)); }
};

Result<int> launch(const Call& call);
Result<int> unpack(const Call& call);
Result<int> plan(const Call& call);
Result<int> verify(const Call& call);
Result<int> probe(const Call& call);
Result<int> profile(const Call& call);
Result<int> gc(const Call& call);
Result<int> create(const Call& call);
Result<int> start(const Call& call);
Result<int> run(const Call& call);
Result<int> exec(const Call& call);
Result<int> state(const Call& call);
Result<int> kill(const Call& call);
Result<int> delete_container(const Call& call);
Result<int> list(const Call& call);
Result<int> ps(const Call& call);
Result<int> pause(const Call& call);
Result<int> resume(const Call& call);
Result<int> update(const Call& call);
Result<int> events(const Call& call);
Result<int> features(const Call& call);
Result<int> spec(const Call& call);
Result<int> completion(const Call& call);
Result<int> help(const Call& call);

}  // namespace casemate::cli::verbs
