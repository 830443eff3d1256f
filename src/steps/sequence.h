// The launch as two tables: what the host does, and what init does. THE MAIN PATH. An exec into a running container has
// two of its own, of the same steps: the rows that make a process what it must be, without those that make a container.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "steps/context.h"
#include "steps/step.h"

namespace casemate::steps {

std::span<const HostStep* const> host_sequence();
std::span<const InitStep* const> init_sequence();
std::span<const HostStep* const> exec_host_sequence();
std::span<const InitStep* const> exec_init_sequence();

// Runs the host's steps of one phase (prepare, adopt) that the plan needs. An error reads "phase prepare: open root: ...".
Result<void> run_host(HostContext& context, Phase phase);
// Runs init's steps to the end: returns only with an error, as the last one is an exec.
Result<void> run_init(InitContext& context);

struct Line {
    std::string_view role, phase, step;
    std::string text;
};
// Every step of this plan in order: `casemate plan`.
std::vector<Line> describe(const plan::Plan& plan);
}  // namespace casemate::steps
