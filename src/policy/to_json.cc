// The resolved profile as JSON: what `profile show` prints and state files keep. A profile that was not merged reads
// back to the same; a merged one shows its seccomp layers apart, because no single list of a profile says their
// maximum.
#include "base/text.h"
#include "policy/fields.h"
#include "policy/rules.h"

namespace casemate::policy {
namespace {

// Opens and closes objects so that `path`'s parents are open; `open` holds the open ones.
void enter(json::Writer& writer, std::vector<std::string_view>& open, const std::vector<std::string_view>& parents) {
    size_t same = 0;
    while (same < open.size() && same < parents.size() && open[same] == parents[same]) ++same;
    for (; open.size() > same; open.pop_back()) writer.end_object();
    for (; open.size() < parents.size(); open.push_back(parents[open.size()]))
        writer.key(parents[open.size()]).begin_object();
}

void write_layers(json::Writer& writer, const std::vector<seccomp::Layer>& layers) {
    writer.key("layers").begin_array();
    for (const seccomp::Layer& layer : layers) {
        writer.begin_object().field("defaultAction", seccomp::action_name(layer.default_verdict.action));
        if (layer.default_verdict.action == seccomp::Action::errno_)
            writer.field("defaultErrnoRet", errno_name(layer.default_verdict.data));
        if (layer.allow) write_allow(writer.key("allow"), *layer.allow);
        if (!layer.deny.empty()) write_deny(writer.key("deny"), layer.deny);
        writer.end_object();
    }
    writer.end_array();
}

// Where the field's value goes, if it has one.
void write_field(json::Writer& writer, std::vector<std::string_view>& open, const Field& field,
                 const Profile& profile) {
    const bool shows_layers = field.path == "seccomp.allow" && profile.seccomp.layers.size() > 1;
    if (!shows_layers && !field.present(profile)) return;
    std::vector<std::string_view> parts = split(field.path, '.');
    const std::string_view last = parts.back();
    parts.pop_back();
    enter(writer, open, parts);
    if (shows_layers) return write_layers(writer, profile.seccomp.layers);
    writer.key(last);
    field.write(writer, profile);
}

void write_waivers(json::Writer& writer, const std::vector<WaiverRecord>& waivers) {
    writer.key("waived").begin_array();
    for (const WaiverRecord& waiver : waivers) {
        writer.begin_object().field("what", waiver.what).field("from", waiver.from).field("to", waiver.to);
        writer.field("because", waiver.because).field("file", waiver.file);
        if (!waiver.overruled_by.empty()) writer.field("overruledBy", waiver.overruled_by);
        writer.end_object();
    }
    writer.end_array();
}

}  // namespace

std::string to_json(const Profile& profile) {
    json::Writer writer(json::Writer::Style::pretty);
    writer.begin_object().field("schemaVersion", 1);
    if (!profile.description.empty()) writer.field("description", profile.description);
    std::vector<std::string_view> open;
    for (const Field& field : fields()) write_field(writer, open, field, profile);
    enter(writer, open, {});
    if (!profile.waivers.empty()) write_waivers(writer, profile.waivers);
    writer.end_object();
    return writer.take();
}

}  // namespace casemate::policy
