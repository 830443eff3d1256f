// The worker's whole job: source -> verified image -> rootfs/ and image.json in the scratch directory, which is its
// "/".
#pragma once

#include "image/broker.h"
#include "image/limits.h"
#include "image/select.h"
#include "image/tree.h"

namespace casemate::image {

// What the command line asks for.
struct Request {
    std::string source;       // as given, for image.json
    std::string path;         // the source without its reference
    std::string destination;  // must not exist, or be an empty directory
    Wanted wanted;
    TreeOptions tree;
    Limits limits;
    // For those who judge an image: the verified image config as it is, as config.json beside image.json, and what the
    // layout has about the image, as attachments.json; and nothing of the layers, where the documents are enough.
    bool keep_config = false;
    bool documents_only = false;
};

// `archive` is empty for a layout directory. `scratch` is an empty directory.
Result<Counts> unpack(const Request& request, Broker& broker, Fd archive, FdView scratch);

}  // namespace casemate::image
