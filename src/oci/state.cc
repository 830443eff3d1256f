#include "oci/state.h"

#include <algorithm>

#include "base/text.h"
#include "json/writer.h"
#include "oci/reader.h"

namespace casemate::oci {
namespace {

constexpr std::string_view statuses[] = {"creating", "created", "running", "stopped", "paused"};

void write(json::Writer& out, const State& state) {
    out.begin_object();
    out.field("ociVersion", state.oci_version).field("id", state.id);
    out.field("pid", state.status == Status::stopped ? 0 : state.pid).field("status", name_of(state.status));
    out.field("bundle", state.bundle);
    if (!state.rootfs.empty()) out.field("rootfs", state.rootfs);
    if (!state.created.empty()) out.field("created", state.created);
    if (!state.annotations.empty()) {
        out.key("annotations").begin_object();
        for (const auto& [key, value] : state.annotations) out.field(key, value);
        out.end_object();
    }
    if (!state.owner.empty()) out.field("owner", state.owner);
    out.end_object();
}

}  // namespace

template <typename V>
void fields(V& v, State& state) {
    v("ociVersion", state.oci_version, {.required = true, .form = Form::not_empty});
    v("id", state.id, {.required = true, .form = Form::file_name});
    v("pid", state.pid, {.min = 0});
    std::string status;
    v("status", status, {.required = true, .words = statuses});
    const auto* const found = std::ranges::find(statuses, status);
    if (found != std::end(statuses)) state.status = static_cast<Status>(found - statuses);
    v("bundle", state.bundle, {.required = true, .form = Form::absolute});
    v("rootfs", state.rootfs);
    v("created", state.created);
    v("annotations", state.annotations);
    v("owner", state.owner);
}

std::string_view name_of(Status status) { return statuses[static_cast<size_t>(status)]; }

std::string to_json(const State& state) {
    json::Writer out(json::Writer::Style::pretty);
    write(out, state);
    return out.take();
}

std::string to_json(const std::vector<State>& states) {
    json::Writer out;
    out.begin_array();
    for (const State& state : states) write(out, state);
    out.end_array();
    return out.take();
}

Result<State> parse_state(std::string_view text) {
    const json::Document document = TRY(json::Document::parse(text));
    std::vector<std::string> unknown_keys;
    State state = TRY(read_document<State>(document, &unknown_keys));
    if (!unknown_keys.empty()) return Error::invalid(concat("unknown key ", unknown_keys.front()));
    return state;
}

}  // namespace casemate::oci
