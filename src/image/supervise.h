// The parent's side of an unpacking: a scratch directory beside the destination, a confined worker, the files it asks
// for, and in the end one rename. Whatever goes wrong, and on SIGINT, SIGTERM, SIGHUP and SIGQUIT, the worker is killed
// and the scratch directory removed. kill -9 of this process takes the worker along (PDEATHSIG) and leaves a directory
// `.casemate-unpack-*` beside the destination, which `casemate gc` and the next unpacking there remove.
#pragma once

#include <functional>

#include "image/unpack.h"

namespace casemate::image {

// What the source's text means: the longest prefix before a ':' that exists is the path, the rest the reference.
struct SourceText {
    std::string path, reference;
};
Result<SourceText> split_source(const std::string& text);

struct Opened {
    Fd layout, archive;  // one of the two
};
Result<Opened> open_source(const std::string& path);
// Answers a worker that asks for a file of the layout; a broken name, a symlink or a FIFO is told as an error.
Result<void> answer_open(FdView channel, FdView layout, const Message& ask);

using OnProgress = std::function<void(const Message&)>;
Result<Counts> supervise(const Request& request, const OnProgress& on_progress);

}  // namespace casemate::image
