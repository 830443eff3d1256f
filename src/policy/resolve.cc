// Refining: a child may say anything stricter than its parent; anything weaker must be waived by name and with a reason
// (PROFILE 3.2). It is not merging: it is not commutative.
#include <algorithm>

#include "base/text.h"
#include "policy/fields.h"
#include "policy/rules.h"
#include "policy/statement.h"

namespace casemate::policy {
namespace {

// The place of a field in a document: $.filesystem.proc.subset.
At place_of(const At& root, std::string_view path) {
    At at = root;
    for (const std::string_view part : split(path, '.')) at = at.member(part);
    return at;
}

const json::Value* value_of(const json::Value& root, std::string_view path) {
    const json::Value* value = &root;
    for (const std::string_view part : split(path, '.'))
        if (value) value = value->find(part);
    return value;
}

class Refinement {
public:
    Refinement(const Statement& child, const Profile& parent, Problems& problems)
        : child_(child), said_(child.said), parent_(parent), root_(problems) {
        for (const Field& field : fields()) field.sort(said_);
        out_.name = said_.name;
        out_.description = said_.description.empty() ? parent.description : said_.description;
        out_.waivers = parent.waivers;
    }

    Profile run() && {
        raise_denies();
        for (const Waiver& waiver : child_.waivers) check_waiver(waiver);
        for (const Field& field : fields()) refine(field);
        return std::move(out_);
    }

private:
    // Adding a deny must not answer EPERM where the parent kills.
    void raise_denies() {
        if (said_.seccomp.layers.empty() || parent_.seccomp.layers.empty()) return;
        const bool waived = std::ranges::find(child_.waivers, "seccomp.deny", &Waiver::what) != child_.waivers.end();
        seccomp::Layer& own = said_.seccomp.layers.front();
        if (!waived) own.deny = at_least(std::move(own.deny), parent_.seccomp.layers.front());
        if (!own.allow && own.deny.empty()) said_.seccomp.layers.clear();
    }

    bool is_weaker(const Field& field) const {
        Profile both;
        return !field.join(parent_, said_, both) || !field.equal(both, said_);
    }

    const Waiver* waiver_of(const Field& field) const {
        const auto found = std::ranges::find(child_.waivers, field.path, &Waiver::what);
        return found == child_.waivers.end() ? nullptr : &*found;
    }

    void check_waiver(const Waiver& waiver) const {
        const At at = root_.member("waive").item(waiver.index).member("what");
        const std::string what = quoted(waiver.what);
        const Field* const field = find_field(waiver.what);
        if (!field)
            at.fail(what + " is no field" + hint_for(waiver.what));
        else if (field->role == Field::Role::grant)
            at.fail(what + " is a grant: it needs no waiver");
        else if (!field->present(said_))
            at.fail(what + " is not set in this file: nothing is waived");
        else if (!field->present(parent_) || !is_weaker(*field))
            at.fail(concat(what, " is not weaker than ", quoted(parent_.name), " (", shown(*field, parent_),
                           "): the waiver is not needed"));
    }

    static std::string hint_for(std::string_view what) {
        std::vector<std::string_view> paths;
        for (const Field& field : fields())
            if (field.role == Field::Role::restriction) paths.push_back(field.path);
        const std::string hint = did_you_mean(what, paths);
        return hint.empty() ? "; write a path such as 'network.mode'" : hint;
    }

    void note(const Field& field, const std::string& who) { out_.provenance.by_field[field.path] = who; }

    void refine(const Field& field) {
        const bool in_child = field.present(said_), in_parent = field.present(parent_);
        if (!in_child && !in_parent) return;
        const Profile& only = in_child ? said_ : parent_;
        if (!in_child || !in_parent) {
            field.copy(only, out_);
            note(field, in_child ? said_.name : speaker(parent_, field.path));
        } else if (field.role == Field::Role::grant) {
            if (!field.overlay(parent_, said_, out_))
                place_of(root_, field.path).fail(concat("contradicts ", quoted(parent_.name)));
            note(field, said_.name);
        } else {
            refine_restriction(field);
        }
    }

    void refine_restriction(const Field& field) {
        const bool weaker = is_weaker(field);
        if (const Waiver* waiver = waiver_of(field); waiver && weaker) {
            field.copy(said_, out_);
            out_.waivers.push_back(
                {waiver->what, plain_text(field, parent_), plain_text(field, said_), waiver->because, said_.name, ""});
            note(field, said_.name);
        } else if (field.adds) {
            (void)field.join(parent_, said_, out_);  // a union never contradicts
            note(field, field.equal(out_, parent_) ? speaker(parent_, field.path)
                                                   : concat(speaker(parent_, field.path), " and ", said_.name));
        } else if (weaker && !names_foreign(field)) {
            place_of(root_, field.path)
                .fail(concat(shown(field, said_), " is weaker than ", quoted(parent_.name), " (", shown(field, parent_),
                             "); tighten it, or name it in 'waive' with a reason"));
        } else {
            // seccomp.allow may narrow a call by conditions: the meet, which is the child's own list otherwise.
            (void)field.join(parent_, said_, out_);
            note(field, field.equal(said_, parent_) ? speaker(parent_, field.path) : said_.name);
        }
    }

    // Of a list that is not within the parent's: names the items that are too much.
    bool names_foreign(const Field& field) const {
        const json::Value* const list = value_of(child_.document.root(), field.path);
        if (!list) return false;
        bool named = field.path == "seccomp.allow";  // no foreign name: only conditions differ, and they are met
        const auto items = list->items();
        for (size_t i = 0; i < items.size(); ++i) {
            const std::string foreign = field.foreign(parent_, items[i]);
            if (foreign.empty()) continue;
            place_of(root_, field.path)
                .item(i)
                .fail(concat(quoted(foreign), " is not allowed by ", quoted(parent_.name), "; name ", field.path,
                             " in 'waive' with a reason"));
            named = true;
        }
        return named;
    }

    const Statement& child_;
    Profile said_;
    const Profile& parent_;
    At root_;
    Profile out_;
};

// The own layer's verdicts for what no rule names. A list of what is allowed without a default means ERRNO, EPERM: one
// that denied nothing would be believed all the same. Said here in full, so that a child is held against it.
void set_layer_defaults(Profile& profile) {
    using seccomp::Action;
    Seccomp& s = profile.seccomp;
    if (s.layers.empty()) return;
    seccomp::Layer& layer = s.layers.front();
    if (layer.allow && !s.default_action) s.default_action = Action::errno_;
    if (layer.allow && s.default_action == Action::errno_ && !s.default_errno_ret) s.default_errno_ret = EPERM;
    const Action action = s.default_action.value_or(Action::errno_);
    const uint16_t number = action == Action::errno_ ? s.default_errno_ret.value_or(EPERM) : uint16_t{0};
    layer.default_verdict = {action, number, false};
    layer.unknown_verdict = {Action::errno_, ENOSYS, true};
}

}  // namespace

std::string speaker(const Profile& profile, std::string_view field) {
    const auto found = profile.provenance.by_field.find(field);
    return found == profile.provenance.by_field.end() ? profile.name : found->second;
}

Profile resolve(const Statement& child, const Profile* parent, Problems& problems) {
    static const Profile nothing;
    Profile out = Refinement(child, parent ? *parent : nothing, problems).run();
    if (auto& mounts = out.filesystem.mounts) {
        std::erase_if(*mounts, [](const MountGrant& mount) { return mount.type == MountGrant::Type::none; });
        std::ranges::sort(*mounts, {}, &MountGrant::destination);
    }
    set_layer_defaults(out);
    if (!problems.any()) check_grants_of(out, child.said, problems);
    return out;
}

}  // namespace casemate::policy
