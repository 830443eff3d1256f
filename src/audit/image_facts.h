// An image's configuration and history as the rules see them.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "audit/attachments.h"
#include "audit/dockerfile.h"
#include "audit/rule.h"
#include "audit/tree_facts.h"
#include "oci/conversion.h"
#include "oci/image.h"

namespace casemate::audit {

struct ImageFacts {
    oci::ImageConfig config;
    std::string reference;     // org.opencontainers.image.ref.name, or as the caller named the image
    bool pinned = false;       // the caller named it by its digest
    std::map<std::string, std::string> annotations;  // of the manifest
    std::vector<Attachment> attachments;
    std::optional<SignatureVerdict> signature;  // nothing: no key was given, so none is asked for
    bool healthcheck = false;  // docker's extension: a Healthcheck other than NONE
    oci::Platform host = oci::native_platform();
    Time now = 0;
    Time max_age = 365 * day_seconds;
    const TreeFacts* tree = nullptr;  // null: the layers were not looked into
};

// The image's user, with names looked up in the tree's own account files.
Result<oci::ResolvedUser> resolve_user(const ImageFacts& facts);

std::span<const Check<ImageFacts>> image_checks();

struct HistoryFacts {
    std::vector<Step> steps;
};

std::span<const Check<HistoryFacts>> history_checks();

}  // namespace casemate::audit
