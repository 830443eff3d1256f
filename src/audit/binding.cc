#include "audit/binding.h"

#include <algorithm>

#include "base/text.h"

namespace casemate::audit {
namespace {

Error differs(std::string_view what, std::string_view said, std::string_view is) {
    return Error::invalid(
        concat("the report is about another image: its ", what, " is ", printable(said), ", the image's is ", is));
}

}  // namespace

Result<void> bind_report(const ScanReport& report, const ImageIdentity& image) {
    if (!report.is_image)
        return Error::invalid(concat("the report is about no image, but about ", quoted(report.artifact)));
    bool bound = false;
    if (!report.image_id.empty() && !image.config_digest.empty()) {
        if (report.image_id != image.config_digest)
            return differs("config digest", report.image_id, image.config_digest);
        bound = true;
    }
    if (!report.diff_ids.empty()) {
        if (report.diff_ids != image.diff_ids)
            return differs("list of layers", join(report.diff_ids, " "), join(image.diff_ids, " "));
        bound = true;
    }
    if (!report.manifest_digest.empty() && !image.manifest_digest.empty()) {
        if (report.manifest_digest != image.manifest_digest)
            return differs("manifest digest", report.manifest_digest, image.manifest_digest);
        bound = true;
    }
    bound = bound || (!image.manifest_digest.empty() &&
                      std::ranges::any_of(report.repo_digests, [&](const std::string& reference) {
                          return reference.ends_with("@" + image.manifest_digest);
                      }));
    if (!bound) return Error::invalid("the report names no digest of the image");
    return {};
}

}  // namespace casemate::audit
