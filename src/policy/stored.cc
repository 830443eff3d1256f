#include "policy/stored.h"

#include "policy/statement.h"

namespace casemate::policy {
namespace {

// As to_json() writes it. Most containers of an engine have no other profile, and each exec in one would resolve it anew.
constexpr std::string_view says_nothing = "{\n  \"schemaVersion\": 1\n}";

Result<Profile> read(const std::string& name, const std::string& text) {
    if (text == says_nothing) return Profile{};
    Problems problems(name);
    // What is stored names its sources absolutely: nothing is relative to a folder.
    const Statement statement = read_statement({name, text, "/"}, false, problems);
    if (problems.any()) return problems.error();
    Profile profile = resolve(statement, nullptr, problems);
    if (problems.any()) return problems.error();
    return profile;
}

}  // namespace

std::vector<std::string> to_documents(const Profile& profile) {
    Profile first = profile;
    first.waivers.clear();
    if (first.seccomp.layers.size() > 1) first.seccomp.layers.resize(1);
    // Each layer has its own default, the first document the one of its layer.
    const auto say_default = [](Profile& document, const seccomp::Layer& layer) {
        document.seccomp.default_action = layer.default_verdict.action;
        document.seccomp.default_errno_ret.reset();
        if (layer.default_verdict.action == seccomp::Action::errno_) document.seccomp.default_errno_ret = static_cast<uint16_t>(layer.default_verdict.data);
    };
    if (profile.seccomp.layers.size() > 1) say_default(first, first.seccomp.layers.front());
    std::vector<std::string> documents{to_json(first)};
    for (size_t i = 1; i < profile.seccomp.layers.size(); ++i) {
        Profile layer;
        layer.seccomp.layers = {profile.seccomp.layers[i]};
        say_default(layer, profile.seccomp.layers[i]);
        documents.push_back(to_json(layer));
    }
    return documents;
}

Result<Profile> from_documents(const std::string& name, const std::vector<std::string>& documents) {
    if (documents.empty()) return Error::invalid("a stored profile without a document");
    Profile profile = TRY(read(name, documents.front()));
    for (size_t i = 1; i < documents.size(); ++i) {
        const Profile more = TRY(read(name, documents[i]));
        for (const seccomp::Layer& layer : more.seccomp.layers) profile.seccomp.layers.push_back(layer);
    }
    profile.name = name;
    return profile;
}

}  // namespace casemate::policy
