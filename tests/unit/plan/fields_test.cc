// Nothing in config.json is ignored: a field is applied, and then changing it changes the plan; or it is not applied,
// and then it is refused by its place.
#include <algorithm>

#include "base/text.h"
#include "oci/unsupported.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

bool is_applied(std::string_view field) { return std::ranges::find(applied_fields(), field) != applied_fields().end(); }

}  // namespace

TEST_CASE("fields: the list of applied ones names real fields, each once") {
    const std::vector<std::string> all = oci::all_fields();
    for (const std::string_view field : applied_fields()) {
        CAPTURE(field);
        const auto named = [&](const std::string& other) { return other == field || other.starts_with(concat(field, ".")); };
        CHECK(std::ranges::any_of(all, named));
        CHECK(std::ranges::count(applied_fields(), field) == 1);
    }
}

// One that a later specification adds is refused by its place until then (tests/unit/oci/config.cc).
TEST_CASE("fields: every field of config.json is applied") {
    const std::vector<std::string> all = oci::all_fields();
    for (const std::string& field : all) {
        const bool holds_others = std::ranges::any_of(all, [&](const std::string& other) { return other.starts_with(field + "."); });
        CHECK_MESSAGE((is_applied(field) || holds_others), field);
    }
}

TEST_CASE("fields: objects that are present and empty are refused, unless they then ask for nothing") {
    Input rdt;
    rdt.config.linux_.intel_rdt.emplace();
    CHECK(refusal(rdt) == "config.json: $.linux.intelRdt: this host has no resctrl file system");
    Input input;
    input.config = with_linux(R"("resources": {"memory": {}, "cpu": {}, "blockIO": {}, "network": {}})");
    CHECK(refusal(input) == "compiled");
}
