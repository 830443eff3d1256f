// Nothing in config.json is ignored: a field is applied, and then changing it changes the plan; or it is not applied,
// and then it is refused by its place.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "json/value.h"
#include "json/writer.h"
#include "oci/unsupported.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

bool is_applied(std::string_view field) { return std::ranges::find(applied_fields(), field) != applied_fields().end(); }

// Keys that the parser demands beside any other of the same object, and what every configuration here needs to run.
constexpr std::string_view demanded[] = {"$.ociVersion",
                                         "$.root.path",
                                         "$.process.args",
                                         "$.process.cwd",
                                         "$.process.user.uid",
                                         "$.process.user.gid",
                                         "$.mounts[].destination",
                                         "$.mounts[].type",
                                         "$.process.consoleSize.height",
                                         "$.process.consoleSize.width",
                                         "$.process.rlimits[].type",
                                         "$.process.rlimits[].soft",
                                         "$.process.rlimits[].hard",
                                         "$.process.scheduler.policy",
                                         "$.process.ioPriority.class",
                                         "$.linux.resources.devices[].allow",
                                         "$.linux.resources.blockIO.weightDevice[].major",
                                         "$.linux.resources.blockIO.weightDevice[].minor",
                                         "$.linux.resources.hugepageLimits[].pageSize",
                                         "$.linux.resources.hugepageLimits[].limit",
                                         "$.linux.resources.network.priorities[].name",
                                         "$.linux.resources.network.priorities[].priority",
                                         "$.linux.seccomp.defaultAction",
                                         "$.linux.seccomp.listenerPath",
                                         "$.linux.seccomp.syscalls[].names",
                                         "$.linux.seccomp.syscalls[].action",
                                         "$.linux.seccomp.syscalls[].args[].index",
                                         "$.linux.seccomp.syscalls[].args[].value",
                                         "$.linux.seccomp.syscalls[].args[].op",
                                         "$.linux.memoryPolicy.mode",
                                         "$.linux.personality.domain",
                                         "$.linux.namespaces[].type",
                                         "$.linux.devices[].path",
                                         "$.linux.devices[].type",
                                         "$.linux.devices[].major",
                                         "$.linux.devices[].minor"};

bool is_demanded(const std::string& field) {
    if (field.starts_with("$.hooks.") && field.ends_with(".path")) return true;
    if (contains(field, "Mappings[].") || (contains(field, "blockIO.throttle") && contains(field, "[].")))
        return true;  // whole entries, both maps
    return std::ranges::find(demanded, field) != std::end(demanded);
}

// The document with this field, what the parser demands beside it, and what every configuration needs. `place` is the
// field of the value at hand; maps are told by the fields that all_fields() knows.
class Only {
public:
    explicit Only(std::string wanted) : wanted_(std::move(wanted)), fields_(oci::all_fields()) {}

    std::string of(const json::Value& root) {
        object(root, "$");
        return out_.take();
    }

private:
    // Does anything at or below this place stay?
    bool stays(const std::string& place) const {
        const auto within = [](std::string_view field, std::string_view holder) {
            return field.starts_with(holder) &&
                   (field.size() == holder.size() || field[holder.size()] == '.' || field[holder.size()] == '[');
        };
        if (within(wanted_, place) || within(place, wanted_)) return true;
        if (!is_demanded(place)) return place == "$.root" || place == "$.process" || place == "$.process.user";
        const size_t end = place.rfind('.');
        const std::string holder = place.substr(0, end);
        const bool everywhere =
            holder == "$" || holder == "$.root" || holder == "$.process" || holder == "$.process.user";
        // Of a pair of maps both are needed, each with whole entries.
        if (const size_t maps = holder.find("Mappings[]"); maps != std::string::npos)
            return wanted_.starts_with(holder.substr(0, maps - 3)) && contains(wanted_, "Mappings[]");
        return everywhere || within(wanted_, holder);
    }
    bool holds_maps(const std::string& place) const {
        return place.ends_with("Mappings") && contains(wanted_, "Mappings[]") &&
               wanted_.starts_with(place.substr(0, place.size() - 11));
    }
    void value(const json::Value& value, const std::string& place) {
        if (value.is_object())
            object(value, place);
        else if (value.is_array())
            array(value, place);
        else if (value.is_bool())
            out_.value(value.boolean());
        else if (value.is_integer() && value.negative())
            out_.value(value.signed_integer());
        else if (value.is_integer())
            out_.value(value.unsigned_integer());
        else
            out_.value(value.string());
    }
    void array(const json::Value& list, const std::string& place) {
        out_.begin_array();
        const std::string item = std::ranges::find(fields_, place) == fields_.end() ? place + "[]" : place;
        for (const json::Value& entry : list.items()) value(entry, item);
        out_.end_array();
    }
    void object(const json::Value& object, const std::string& place) {
        const bool is_map =
            std::ranges::any_of(fields_, [&](const std::string& field) { return field.starts_with(place + ".*."); });
        const bool is_leaf = std::ranges::find(fields_, place) != fields_.end() && place == wanted_;
        out_.begin_object();
        for (const json::Member& member : object.members()) {
            const std::string below = is_leaf ? place : is_map ? place + ".*" : concat(place, ".", member.key);
            if (!stays(below) && !holds_maps(below)) continue;
            out_.key(member.key);
            value(member.value, below);
        }
        out_.end_object();
    }

    std::string wanted_;
    std::vector<std::string> fields_;
    json::Writer out_;
};

oci::Config only(const std::string& field) {
    const std::string text = read_data("oci/full.json");
    const auto document = json::Document::parse(text);
    REQUIRE(document);
    const std::string chosen = Only(field).of(document.value().root());
    auto config = oci::parse_config(chosen);
    REQUIRE_MESSAGE(config, (config ? chosen : concat(field, ": ", config.error().text(), ": ", chosen)));
    return std::move(config).take();
}

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

TEST_CASE("fields: whatever is not applied is refused by its place") {
    size_t refused = 0;
    for (const std::string& field : oci::all_fields()) {
        const auto inside = [&](const std::string& other) { return other.starts_with(field + "."); };
        const std::vector<std::string> all = oci::all_fields();
        if (is_applied(field) || std::ranges::any_of(all, inside)) continue;  // objects: in the next test
        CAPTURE(field);
        Input input;
        input.config = only(field);
        const std::vector<std::string> present = oci::present_fields(input.config);
        REQUIRE(std::ranges::find(present, field) != present.end());
        const std::string text = refusal(input);
        CHECK_MESSAGE(text.ends_with(": not applied by this version of casemate"), text);
        // Its own place, or that of what the parser demands beside it.
        const std::string holder = field.substr(0, field.find_last_of('.'));
        const std::string_view stem = std::string_view(holder).substr(0, holder.find_first_of("[*"));
        CHECK_MESSAGE(contains(text, concat("config.json: ", stem)), text);
        CHECK(hint_of(input) ==
              "remove the field, or use a runtime that applies it; casemate never ignores a restriction");
        ++refused;
    }
    CHECK(refused > 0);
}

TEST_CASE("fields: objects that are present and empty are refused, unless they then ask for nothing") {
    Input rdt;
    rdt.config.linux_.intel_rdt.emplace();
    CHECK(refusal(rdt) == "config.json: $.linux.intelRdt: this host has no resctrl file system");
    Input input;
    input.config = with_linux(R"("resources": {"memory": {}, "cpu": {}, "blockIO": {}, "network": {}})");
    CHECK(refusal(input) == "compiled");
}
