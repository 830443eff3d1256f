// A Dockerfile's steps, rebuilt from an image's history: docker's classic builder writes `/bin/sh -c #(nop) CMD ...`,
// BuildKit `RUN /bin/sh -c ... # buildkit`, buildah appends `|NAME=value` for build arguments.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/image.h"

namespace casemate::audit {

struct Step {
    std::string instruction;  // "RUN", "COPY" ...; empty where history is no Dockerfile's
    std::string arguments;    // of RUN: the command without the shell in front
    std::vector<std::pair<std::string, std::string>> build_arguments;  // of RUN
    bool of_base = false;  // belongs to the base image, as far as history shows
    size_t index = 0;      // in the history
};

// The base ends at the last CMD that files follow, as Trivy guesses it; else it is the first ADD, if that comes first.
std::vector<Step> rebuild_steps(const std::vector<oci::HistoryEntry>& history);

// The simple commands of a shell text: split at && || ; | & and line ends outside quotes.
struct Command {
    std::vector<std::string> words;  // without leading assignments
    bool piped = false;              // its output goes to the next one
};
std::vector<Command> shell_commands(std::string_view text);

}  // namespace casemate::audit
