// One layer: the chain of streams from the blob to the tree, and both digests over it.
#pragma once

#include <optional>

#include "image/inflate.h"
#include "image/tree.h"

namespace casemate::image {

struct LayerSource {
    Extent blob;
    Codec codec = Codec::none;
    std::optional<oci::Digest> digest;  // of the blob; a docker archive gives none
    oci::Digest diff_id;                // of the uncompressed tar
};

// Applies all entries of the layer, reads to both ends, and compares both digests. What was made before a digest turned
// out wrong is thrown away with the whole tree by the caller: nothing is used before this returns (U11).
// `on_progress` gets the compressed bytes read so far, now and then.
Result<void> apply_layer(const LayerSource& layer, Tree& tree, Budget& budget,
                         const std::function<void(uint64_t)>& on_progress);

}  // namespace casemate::image
