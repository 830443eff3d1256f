// From a name to a resolved profile: reads the file and its ancestors through the caller's Reader, then refines from
// the root downwards.
#include <algorithm>

#include "base/text.h"
#include "policy/statement.h"

namespace casemate::policy {
namespace {

constexpr size_t most_ancestors = 8;  // PROFILE 1.10

// "no profile 'hardend'; did you mean 'hardened'?"; the reader's hint says where it looked.
Error no_profile(const std::string& name, Reader& reader, const Error& why) {
    const std::vector<std::string> names = reader.names();
    const std::vector<std::string_view> known(names.begin(), names.end());
    Error error = Error::with_code(ENOENT, concat("no profile ", quoted(name), did_you_mean(name, known)));
    return why.hint_text().empty() ? std::move(error) : std::move(error).hint(why.hint_text());
}

class Loader {
public:
    explicit Loader(Reader& reader) : reader_(reader) {}

    Result<Profile> load(const std::string& name, const std::string& from) {
        auto source = reader_.read(name, from);
        if (!source && source.error().code() == ENOENT) return no_profile(name, reader_, source.error());
        if (!source) return std::move(source).take_error();
        return resolve_source(source.value());
    }

private:
    Result<Profile> resolve_source(const Source& source) {
        Problems problems(source.name);
        const Statement statement = read_statement(source, false, problems);
        if (problems.any()) return problems.error();
        std::optional<Profile> parent;
        if (!statement.extends.empty()) parent = TRY(load_parent(source, statement.extends));
        Profile profile = resolve(statement, parent ? &*parent : nullptr, problems);
        if (problems.any()) return problems.error();
        return profile;
    }

    Result<Profile> load_parent(const Source& child, const std::string& name) {
        const std::string where = concat("profile ", quoted(child.name), ": $.extends");
        if (chain_.size() >= most_ancestors)
            return Error::invalid(concat(where, ": more than ", most_ancestors, " ancestors"));
        auto source = reader_.read(name, child.name);
        if (!source && source.error().code() == ENOENT) return no_profile(name, reader_, source.error()).within(where);
        if (!source) return std::move(source).take_error().within(where);
        chain_.push_back(child.name);
        if (std::ranges::find(chain_, source.value().name) != chain_.end())
            return Error::invalid(concat(where, ": ", quoted(source.value().name), " is its own ancestor"));
        return resolve_source(source.value());
    }

    Reader& reader_;
    std::vector<std::string> chain_;  // names, the youngest first
};

}  // namespace

Result<Profile> load(const std::string& name_or_path, Reader& reader) { return Loader(reader).load(name_or_path, ""); }

Result<Profile> refine(const Profile& parent, const Source& child) {
    if (parent.seccomp.layers.size() > 1)
        return Error::invalid(concat("profile ", quoted(parent.name), ": is merged, and cannot be refined"));
    Problems problems(child.name);
    const Statement statement = read_statement(child, true, problems);
    if (problems.any()) return problems.error();
    Profile profile = resolve(statement, &parent, problems);
    if (problems.any()) return problems.error();
    return profile;
}

}  // namespace casemate::policy
