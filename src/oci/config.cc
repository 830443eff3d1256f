#include "oci/config.h"

#include "base/text.h"
#include "oci/config_check.h"
#include "oci/config_fields.h"
#include "oci/field_writer.h"
#include "oci/reader.h"

namespace casemate::oci {
namespace {

template <typename T>
std::string written(const T& object) {
    json::Writer out(json::Writer::Style::pretty);
    {
        FieldWriter writer(out);
        fields(writer, object);
    }
    return out.take();
}

// Absolute, and as filepath.Clean of the engines: "data", "/data/" and "//data" are "/data". What climbs stays as it is,
// to be refused.
std::string cleaned(std::string_view path) {
    std::string out;
    for (const std::string_view part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..") return concat(path.starts_with('/') ? "" : "/", path);
        out += concat("/", part);
    }
    return out.empty() ? "/" : out;
}

Result<Config> parse_all(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text));
    std::vector<std::string> unknown_keys;
    Config config = TRY(read_document<Config>(document, &unknown_keys));
    config.unknown_keys = std::move(unknown_keys);
    for (Mount& mount : config.mounts) mount.destination = cleaned(mount.destination);
    TRY(check(config));
    return config;
}

// A part of config.json that comes alone, with its own root "$".
template <typename T>
Result<T> parse_part(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text));
    T part = TRY(read_document<T>(document, nullptr));
    TRY(check(part, "$"));
    return part;
}

}  // namespace

Result<Config> parse_config(std::string_view text) { return TRY_IN("config.json", parse_all(text)); }
Result<Process> parse_process(std::string_view text) { return TRY_IN("process", parse_part<Process>(text)); }
Result<Resources> parse_resources(std::string_view text) { return TRY_IN("resources", parse_part<Resources>(text)); }

std::string to_json(const Config& config) { return written(config); }
std::string to_json(const Process& process) { return written(process); }
std::string to_json(const Resources& resources) { return written(resources); }

bool Resources::empty() const {
    return devices.empty() && memory.value_or(Memory()) == Memory() && cpu.value_or(Cpu()) == Cpu() && !pids_limit &&
           block_io.value_or(BlockIo()) == BlockIo() && hugepage_limits.empty() &&
           network.value_or(Network()) == Network() && rdma.empty() && unified.empty();
}

}  // namespace casemate::oci
