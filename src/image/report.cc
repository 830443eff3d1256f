#include "image/report.h"

#include "base/text.h"
#include "json/writer.h"

namespace casemate::image {
namespace {

using json::Writer;

void strings(Writer& out, std::string_view key, const std::vector<std::string>& list) {
    out.key(key).begin_array();
    for (const std::string& item : list) out.value(item);
    out.end_array();
}

void map(Writer& out, std::string_view key, const std::map<std::string, std::string>& entries) {
    out.key(key).begin_object();
    for (const auto& [name, value] : entries) out.field(name, value);
    out.end_object();
}

void digest(Writer& out, std::string_view key, const std::optional<oci::Digest>& value) {
    out.key(key);
    value ? out.value(value->text()) : out.null();
}

void write_layers(Writer& out, const ChosenImage& image, const std::vector<oci::Digest>& chains) {
    out.key("layers").begin_array();
    for (size_t i = 0; i < image.layers.size(); ++i) {
        const ChosenLayer& layer = image.layers[i];
        out.begin_object();
        if (i < chains.size()) out.field("chain", chains[i].hex());
        digest(out, "digest", layer.source.digest);
        out.field("diffId", layer.source.diff_id.text()).field("size", layer.size).end_object();
    }
    out.end_array();
}

void write_counts(Writer& out, const Counts& counts) {
    out.key("counts").begin_object();
    out.field("files", counts.files).field("directories", counts.directories).field("symlinks", counts.symlinks);
    out.field("hardlinks", counts.hardlinks).field("fifos", counts.fifos).field("whiteouts", counts.whiteouts);
    out.field("bytes", counts.bytes).field("strippedSetid", counts.stripped_setid);
    out.field("strippedFileCaps", counts.stripped_file_caps).field("droppedXattrs", counts.dropped_xattrs);
    out.field("skippedDevices", counts.skipped_devices).end_object();
}

void write_config(Writer& out, const oci::ImageConfig& config) {
    const oci::ImageDefaults& defaults = config.defaults;
    out.key("config").begin_object();
    out.field("os", config.platform.os).field("architecture", config.platform.architecture);
    if (!config.platform.variant.empty()) out.field("variant", config.platform.variant);
    if (!config.created.empty()) out.field("created", config.created);
    if (!config.author.empty()) out.field("author", config.author);
    out.field("user", defaults.user).field("workingDir", defaults.working_dir);
    out.field("stopSignal", defaults.stop_signal);
    strings(out, "env", defaults.env);
    strings(out, "entrypoint", defaults.entrypoint);
    strings(out, "cmd", defaults.cmd);
    strings(out, "exposedPorts", defaults.exposed_ports);
    strings(out, "volumes", defaults.volumes);
    map(out, "labels", defaults.labels);
    out.end_object();
}

void write_user(Writer& out, const oci::ResolvedUser& user, const oci::ImageDefaults& defaults) {
    out.key("user").begin_object().field("uid", user.uid).field("gid", user.gid);
    out.key("additionalGids").begin_array();
    for (const uint32_t gid : user.additional_gids) out.value(gid);
    out.end_array();
    out.field("name", user.name).field("home", user.home).field("shell", user.shell);
    const auto request = oci::parse_user(defaults.user);
    const bool named = request && request.value().user && !request.value().user->name.empty();
    // Root by name is still root: the launcher decides what that means (PROFILE: identity).
    out.field("userGiven", !user.unnamed).field("namedRoot", named && user.uid == 0);
    out.field("groupDefaulted", user.group_defaulted).end_object();
}

void write_process(Writer& out, const Report& report) {
    out.key("process");
    if (!report.process) {
        out.null().field("processError", report.process_error);
        return;
    }
    const oci::ImageProcess& process = *report.process;
    out.begin_object();
    strings(out, "args", process.args);
    strings(out, "env", process.env);
    out.field("cwd", process.cwd);
    write_user(out, process.user, report.image.config.defaults);
    out.field("stopSignal", process.stop_signal);
    map(out, "annotations", process.annotations);
    out.end_object();
}

}  // namespace

std::string_view setid_name(Setid setid) {
    switch (setid) {
        case Setid::keep: return "keep";
        case Setid::ignore: return "ignore";
        case Setid::strip: return "strip";
    }
    return "?";
}

std::string to_json(const Report& report) {
    Writer out(Writer::Style::pretty);
    out.begin_object().field("schemaVersion", 1);
    out.field("source", report.source).field("format", report.image.format);
    out.field("reference", report.image.reference);
    digest(out, "manifestDigest", report.image.manifest_digest);
    digest(out, "configDigest", report.image.config_digest);
    write_layers(out, report.image, report.chains);
    out.key("unpack").begin_object().field("owners", report.options.own);
    out.field("shift", report.options.shift).field("setid", setid_name(report.options.setid)).end_object();
    write_counts(out, report.counts);
    map(out, "annotations", report.image.annotations);
    write_config(out, report.image.config);
    write_process(out, report);
    out.end_object();
    return out.take() + "\n";
}

std::string summary(const Counts& counts) {
    std::string text =
        concat(counts.files, " files, ", counts.directories, " directories, ", counts.symlinks, " symlinks, ",
               counts.hardlinks, " hard links, ", counts.whiteouts, " whiteouts, ", counts.bytes, " bytes");
    const auto add = [&text](uint64_t count, std::string_view what) {
        if (count > 0) text += concat("; ", count, " ", what);
    };
    add(counts.stripped_setid, "set-id bits stripped");
    add(counts.stripped_file_caps, "file capabilities stripped");
    add(counts.dropped_xattrs, "attributes dropped");
    add(counts.skipped_devices, "device nodes skipped");
    return text;
}

}  // namespace casemate::image
