// Profiles: one that loads is printed and loaded again as the same; merging it with itself changes nothing, and merging
// it with 'hardened' is never weaker where both are fields of one order.
// rooms: policy
#include <cstdlib>
#include <string>

#include "policy/profile.h"

using namespace casemate;

namespace {

class Text final : public policy::Reader {
public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    Result<policy::Source> read(const std::string& name, const std::string& from) override {
        if (!from.empty()) return built_in_.read(name, from);
        return policy::Source{"fuzz", text_, "/fuzz"};
    }
    std::vector<std::string> names() override { return built_in_.names(); }

private:
    std::string text_;
    policy::BuiltInReader built_in_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Text reader(std::string(reinterpret_cast<const char*>(data), size));
    const auto profile = policy::load("fuzz", reader);
    if (!profile) return 0;
    const policy::Profile& p = profile.value();
    auto twice = policy::merge(p, p);
    if (!twice) std::abort();
    // A merge sorts the waivers; as a profile has them they stand in the order of its ancestors.
    twice.value().waivers = p.waivers;
    if (policy::to_json(twice.value()) != policy::to_json(p)) std::abort();
    Text hardened("{\"schemaVersion\": 1, \"extends\": \"hardened\"}");
    const auto floor = policy::load("hardened", hardened);
    if (!floor) std::abort();
    const auto one = policy::merge(p, policy::restrictions_only(floor.value()));
    const auto other = policy::merge(policy::restrictions_only(floor.value()), p);
    if (static_cast<bool>(one) != static_cast<bool>(other)) std::abort();
    if (one && !(one.value().capabilities == other.value().capabilities)) std::abort();
    return 0;
}
