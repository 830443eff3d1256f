// image.json, which the launcher reads: what was unpacked, and what the image says about its process. Also the lines
// that a person or a program sees while it happens.
#pragma once

#include <string>

#include "image/select.h"
#include "image/tree.h"
#include "oci/conversion.h"

namespace casemate::image {

struct Report {
    std::string source;  // as given by the caller
    const ChosenImage& image;
    const Counts& counts;
    const TreeOptions& options;
    // Absent where the image's user is not to be found: launch may name another, so it is no error yet.
    const oci::ImageProcess* process = nullptr;
    std::string process_error;
    std::vector<oci::Digest> chains = {};  // of the store: where each layer lies
};

// Schema version 1, in docs/image-json.md.
std::string to_json(const Report& report);

std::string_view setid_name(Setid setid);
std::string summary(const Counts& counts);

}  // namespace casemate::image
