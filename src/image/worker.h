// A confined child of casemate-unpack: forked, locked in, given one job, served until it is done, has failed or died, or
// a signal wants us to end. Whatever the child says is taken as from an image: fixed-size messages, checked by the
// receiver.
#pragma once

#include <functional>

#include "image/broker.h"

namespace casemate::image {

struct WorkerJob {
    // In the child, still with all rights: locks it in. Errors are reported as if the job had failed.
    std::function<Result<void>()> confine;
    // In the child, confined. What it gives is sent as `done`.
    std::function<Result<Message>(Broker&)> run;
    // In the parent, for every message but `done` and `failed`: answers it where an answer is due.
    std::function<Result<void>(FdView channel, Received&)> on_message;
    // Descriptors that the child keeps beside standard streams and its channel.
    std::vector<int> keep;
};

// The signals that end us politely, blocked and to be read from the descriptor.
Result<Fd> block_signals();

// The worker is gone when this returns.
Result<Message> run_worker(const WorkerJob& job, FdView signals);

}  // namespace casemate::image
