// A detached launch: the supervisor is a child of its own session that outlives the caller, which waits until the app
// runs or has failed.
#pragma once

#include <functional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::runtime {

// The supervisor's word to the waiting caller, once.
class Started {
public:
    explicit Started(Fd pipe) : pipe_(std::move(pipe)) {}
    // The app runs. From here on the caller is gone, and so are its standard streams.
    Result<void> report(const std::string& id);
    void fail(const Error& error);

private:
    Fd pipe_;
};

// Runs `job` in the supervisor; gives 0 when the app was started, else the job's error.
Result<int> launch_detached(const std::function<Result<int>(Started&)>& job);

}  // namespace casemate::runtime
