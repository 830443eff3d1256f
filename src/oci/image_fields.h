// The keys of image documents (image-spec: descriptor.md, image-index.md, manifest.md, config.md), read only. Keys that
// are not listed mean nothing to us.
#pragma once

#include "oci/field.h"
#include "oci/image.h"
#include "oci/reader.h"

namespace casemate::oci {

struct Nothing {};  // the {} of a set that is written as an object

template <typename V>
void fields(V&, Nothing&) {}

template <typename V>
void platform_fields(V& v, Platform& platform, bool required) {
    v("os", platform.os, {.required = required, .form = required ? Form::not_empty : Form::any});
    v("architecture", platform.architecture, {.required = required, .form = required ? Form::not_empty : Form::any});
    v("variant", platform.variant);
    v("os.version", platform.os_version);
    v("os.features", platform.os_features);
}

template <typename V>
void fields(V& v, Platform& platform) {
    platform_fields(v, platform, false);
}

template <typename V>
void fields(V& v, Descriptor& descriptor) {
    v("mediaType", descriptor.media_type_text, {.required = true, .form = Form::not_empty});
    v("digest", descriptor.digest, {.required = true});
    v("size", descriptor.size, {.required = true, .max = INT64_MAX});
    v("annotations", descriptor.annotations, {.keys = Form::any});
    v("platform", descriptor.platform);
    descriptor.media_type = media_type_of(descriptor.media_type_text);
}

// What an index or a manifest says of itself. A document with the keys of both kinds is neither (CVE-2021-41190).
struct Head {
    uint64_t schema_version = 0;
    std::string media_type;
};

template <typename V>
void fields(V& v, Head& head) {
    v("schemaVersion", head.schema_version, {.required = true, .min = 2, .max = 2});
    v("mediaType", head.media_type);
}

template <typename V>
void fields(V& v, Index& index) {
    v("manifests", index.manifests, {.required = true});
    v("annotations", index.annotations, {.keys = Form::any});
}

template <typename V>
void fields(V& v, Manifest& manifest) {
    v("config", manifest.config, {.required = true});
    v("layers", manifest.layers, {.required = true});
    v("annotations", manifest.annotations, {.keys = Form::any});
}

template <typename V>
void fields(V& v, HistoryEntry& entry) {
    v("created", entry.created);
    v("created_by", entry.created_by);
    v("author", entry.author);
    v("comment", entry.comment);
    v("empty_layer", entry.empty_layer);
}

template <typename V>
void read_set(V& v, std::string_view key, std::vector<std::string>& out) {
    std::map<std::string, Nothing> set;
    v(key, set);
    for (const auto& [name, nothing] : set) out.push_back(name);
}

template <typename V>
void fields(V& v, ImageDefaults& defaults) {
    v("User", defaults.user);
    v("WorkingDir", defaults.working_dir);
    v("StopSignal", defaults.stop_signal);
    v("Env", defaults.env);
    v("Entrypoint", defaults.entrypoint);
    v("Cmd", defaults.cmd);
    read_set(v, "ExposedPorts", defaults.exposed_ports);
    read_set(v, "Volumes", defaults.volumes);
    v("Labels", defaults.labels, {.keys = Form::any});
}

template <typename V>
void fields(V& v, ImageConfig& config) {
    static constexpr std::string_view root_types[] = {"layers"};
    platform_fields(v, config.platform, true);
    v("created", config.created);
    v("author", config.author);
    v("config", config.defaults);
    v.group("rootfs",
            [&](auto& rootfs) {
                std::string type;
                rootfs("type", type, {.required = true, .words = root_types});
                rootfs("diff_ids", config.diff_ids);
            },
            {.required = true});
    v("history", config.history);
}

template <typename V>
void fields(V& v, DockerImage& image) {
    v("Config", image.config, {.required = true});
    v("RepoTags", image.repo_tags);
    v("Layers", image.layers, {.required = true});
}

struct Layout {
    std::string version;
};

template <typename V>
void fields(V& v, Layout& layout) {
    v("imageLayoutVersion", layout.version, {.required = true});
}

}  // namespace casemate::oci
