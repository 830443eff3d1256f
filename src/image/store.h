// The image store: content-addressed layers, each unpacked once, and the images that are made of them (store_layout.h says
// where). What has its final name is complete and verified; everything else is nobody's until somebody takes its lock.
#pragma once

#include <string>
#include <vector>

#include "image/supervise.h"

namespace casemate::image {

// The identity of a stack of layers (image-spec config.md, ChainID), lowest first: one for each.
Result<std::vector<oci::Digest>> chain_ids(const std::vector<oci::Digest>& diff_ids);

struct StoreDirectories {
    Fd top, layers, images;
    Fd lock;  // held in the mode that was asked for
};
enum class StoreUse : uint8_t { unpack, remove, read };  // shared, exclusive (EBUSY while somebody unpacks), none
// Makes what is missing (but for `read`). `path` is DATA/.store/SETID; its parent exists.
Result<StoreDirectories> open_store(const std::string& path, StoreUse use);

struct StoredImage {
    std::string id;
    size_t layers = 0, added = 0;  // of the image; of those, not there before
    Counts counts;                 // of the added ones
};
// Unpacks into the store what is not there yet, one confined worker a layer, and records the image. request.destination is
// not used. Nothing is left behind on an error, but layers that are complete.
Result<StoredImage> store_image(const Request& request, const std::string& store, const OnProgress& on_progress);

}  // namespace casemate::image
