// What is in the store, and how it leaves it: list, remove, collect, verify. Works on all treatments of set-id bits at once.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace casemate::image {

struct CatalogueImage {
    std::string id, setid;  // "strip", "keep", "ignore"
    std::vector<std::string> sources;  // by which it was launched, and as which it was stored
    std::string reference, created;
    std::vector<std::string> chains;  // lowest first
    uint64_t bytes = 0;               // of the files in its layers, counted once each
    bool in_use = false;
};

// `data`: DATA/.store. A store that does not exist is empty.
Result<std::vector<CatalogueImage>> list_images(const std::string& data);

// Images whose id begins with `name` (at least 4 digits), or that were launched as SOURCE `name`. EBUSY: a container uses
// it. ENOENT: there is none. Gives what was removed; their layers go with collect().
Result<std::vector<std::string>> remove_images(const std::string& data, const std::string& name);
// Layers that no image has, what killed unpackings left, and references to images that are gone. Gives their paths.
Result<std::vector<std::string>> collect(const std::string& data);

struct LayerFinding {
    std::string layer, text;
};
// Every file of every layer (or of the images called `name`) against the list made when it was unpacked; reads it all.
struct StoreVerification {
    uint64_t layers = 0;
    std::vector<LayerFinding> findings;
};
Result<StoreVerification> verify_store(const std::string& data, const std::string& name);

}  // namespace casemate::image
