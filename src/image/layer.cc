#include "image/layer.h"

#include "base/text.h"

namespace casemate::image {

namespace {

Result<void> apply_once(const LayerSource& layer, Tree& tree, Budget& budget,
                        const std::function<void(uint64_t)>& on_progress) {
    // Anything may be hashed where no digest is known: the diff id covers the content.
    const auto algorithm = layer.digest ? layer.digest->algorithm() : oci::Digest::Algorithm::sha256;
    FileStream file(layer.blob);
    const auto blob = TRY(HashedStream::make(file, algorithm));
    const auto inflated = TRY(inflate(layer.codec, layer.digest ? static_cast<Stream&>(*blob) : file, budget));
    {
        const auto ahead = read_ahead(*inflated);
        const auto diff = TRY(HashedStream::make(*ahead, layer.diff_id.algorithm()));
        TarReader reader(*diff, budget.limits());
        Entry entry;
        uint64_t count = 0;
        while (TRY(reader.next(entry))) {
            TRY(budget.charge_entry());
            TRY_IN(quoted(entry.name.substr(0, 512)), tree.apply(entry, [&reader] { return reader.content(); }));
            if (++count % 256 == 0) on_progress(diff->bytes());
        }
        TRY(tree.leave_parent());
        TRY_IN("diff id", diff->verify(layer.diff_id));
    }
    // The read-ahead thread has ended: the blob's stream is ours again.
    if (layer.digest) TRY_IN("blob", blob->verify(*layer.digest));
    return {};
}

Result<void> verify_blob(const LayerSource& layer) {
    FileStream file(layer.blob);
    const auto hashed = TRY(HashedStream::make(file, layer.digest->algorithm()));
    return hashed->verify(*layer.digest);
}

}  // namespace

Result<void> apply_layer(const LayerSource& layer, Tree& tree, Budget& budget,
                         const std::function<void(uint64_t)>& on_progress) {
    auto applied = apply_once(layer, tree, budget, on_progress);
    if (applied || !layer.digest || applied.error().code() != EBADMSG) return applied;
    // Bytes that make no sense: is the blob another than was promised? Then that is what the user must know.
    auto verified = verify_blob(layer);
    return verified ? std::move(applied) : std::move(verified);
}

}  // namespace casemate::image
