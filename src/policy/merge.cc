// The stricter of two profiles, field by field. Each field is a join-semilattice whose least element is "absent"
// (PROFILE 3.3), so the result does not depend on order and is never weaker than either operand.
#include <algorithm>
#include <set>
#include <tuple>

#include "base/text.h"
#include "policy/fields.h"
#include "policy/rules.h"
#include "policy/statement.h"

namespace casemate::policy {
namespace {

// "a + b": the words of both, each once, sorted; so that the names of merged profiles do not depend on order either.
std::string united(std::string_view a, std::string_view b, std::string_view separator) {
    if (a == b) return std::string(a);
    std::set<std::string_view> words;
    for (std::string_view text : {a, b})
        while (!text.empty()) {
            const size_t end = text.find(separator);
            words.insert(text.substr(0, end));
            text.remove_prefix(end == text.npos ? text.size() : end + separator.size());
        }
    std::string out;
    for (const std::string_view word : words) out += concat(out.empty() ? "" : separator, word);
    return out;
}

// A union of layers denotes the pointwise maximum: a verdict is the strictest of all layers.
std::vector<seccomp::Layer> united(const std::vector<seccomp::Layer>& a, const std::vector<seccomp::Layer>& b) {
    std::vector<seccomp::Layer> all;
    std::ranges::set_union(a, b, std::back_inserter(all), before);
    return all;
}

// Who restricts what a waiver of `of` had loosened, or empty: the merged value is not the waived one.
std::string overruler(const WaiverRecord& record, const Profile& of, const Profile& other, const Profile& merged) {
    const Field* const field = find_field(record.what);
    if (!field) return {};
    const bool changed = field->in_layer ? merged.seccomp.layers != of.seccomp.layers : !field->equal(merged, of);
    return changed ? speaker(other, record.what) : std::string();
}

void add_waivers(std::vector<WaiverRecord>& all, const Profile& of, const Profile& other, const Profile& merged) {
    for (WaiverRecord record : of.waivers) {
        record.overruled_by = united(record.overruled_by, overruler(record, of, other, merged), " + ");
        const auto same = std::ranges::find_if(all, [&](const WaiverRecord& known) {
            return known.what == record.what && known.from == record.from && known.to == record.to &&
                   known.because == record.because && known.file == record.file;
        });
        if (same == all.end())
            all.push_back(std::move(record));
        else
            same->overruled_by = united(same->overruled_by, record.overruled_by, " + ");
    }
}

// The one whose value the result has, or both.
std::string winner(const Field& field, const Profile& a, const Profile& b, const Profile& merged) {
    const bool of_a = field.present(a) && field.equal(merged, a), of_b = field.present(b) && field.equal(merged, b);
    if (of_a && !of_b) return speaker(a, field.path);
    if (of_b && !of_a) return speaker(b, field.path);
    return united(speaker(a, field.path), speaker(b, field.path), " and ");
}

}  // namespace

Result<Profile> merge(const Profile& a, const Profile& b) {
    Profile out;
    out.name = united(a.name, b.name, " + ");
    out.description = united(a.description, b.description, " | ");
    const bool same_speakers = a.name == b.name && a.provenance.by_field.empty() && b.provenance.by_field.empty();
    std::string conflicts;
    for (const Field& field : fields()) {
        if (field.in_layer) continue;
        const bool in_a = field.present(a), in_b = field.present(b);
        if (!in_a && !in_b) continue;
        if (!in_a || !in_b) {
            field.copy(in_a ? a : b, out);
        } else if (!field.join(a, b, out)) {
            conflicts +=
                concat(conflicts.empty() ? "" : "\n", "profiles ", quoted(a.name), " and ", quoted(b.name), ": $.",
                       field.path, ": ", shown(field, a), " and ", shown(field, b), " contradict each other");
            continue;
        }
        if (!same_speakers)
            if (std::string who = winner(field, a, b, out); who != out.name)
                out.provenance.by_field[field.path] = std::move(who);
    }
    if (!conflicts.empty()) return Error::invalid(std::move(conflicts));
    out.seccomp.layers = united(a.seccomp.layers, b.seccomp.layers);
    add_waivers(out.waivers, a, b, out);
    add_waivers(out.waivers, b, a, out);
    std::ranges::sort(out.waivers, [](const WaiverRecord& x, const WaiverRecord& y) {
        return std::tie(x.what, x.file, x.because, x.from, x.to) < std::tie(y.what, y.file, y.because, y.from, y.to);
    });
    return out;
}

Profile restrictions_only(const Profile& profile) {
    static const Profile nothing;
    Profile out = profile;
    for (const Field& field : fields()) {
        if (field.role == Field::Role::grant) {
            field.copy(nothing, out);
            out.provenance.by_field.erase(field.path);
        }
    }
    // Messages tell a ceiling from a parent: it cannot be extended away.
    const auto as_ceiling = [](std::string& name) {
        if (!name.starts_with("ceiling ")) name = "ceiling " + name;
    };
    as_ceiling(out.name);
    for (auto& [path, who] : out.provenance.by_field) as_ceiling(who);
    return out;
}

}  // namespace casemate::policy
