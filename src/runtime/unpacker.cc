#include "runtime/unpacker.h"

#include "base/text.h"
#include "json/value.h"
#include "runtime/directories.h"
#include "runtime/libexec.h"

namespace casemate::runtime {
namespace {

std::vector<std::string> strings(const json::Value* array) {
    std::vector<std::string> out;
    if (array)
        for (const json::Value& item : array->items()) out.emplace_back(item.string());
    return out;
}

std::string text(const json::Value& object, std::string_view key) {
    const json::Value* value = object.find(key);
    return value && value->is_string() ? std::string(value->string()) : std::string();
}

}  // namespace

Result<ImageReport> parse_image_report(std::string_view text_of_report) {
    const json::Document document = TRY_IN("image.json", json::Document::parse(text_of_report));
    const json::Value& root = document.root();
    ImageReport report;
    Source& source = report.source;
    source.digest = text(root, "manifestDigest");
    if (source.digest.empty()) source.digest = text(root, "configDigest");
    const json::Value* process = root.find("process");
    if (!process || !process->is_object()) return Error::invalid(concat("the image's configuration: ", text(root, "processError")));
    source.app.args = strings(process->find("args"));
    source.app.env = strings(process->find("env"));
    source.app.cwd = text(*process, "cwd");
    source.app.stop_signal = text(*process, "stopSignal");
    const json::Value* user = process->find("user");
    const auto number = [&](const char* key) -> uint32_t {
        const json::Value* value = user->find(key);
        return value && value->is_integer() ? static_cast<uint32_t>(value->unsigned_integer()) : UINT32_MAX;
    };
    const auto flag = [&](const char* key) {
        const json::Value* value = user->find(key);
        return value && value->is_bool() && value->boolean();
    };
    if (!user || !user->is_object() || !user->find("uid") || !user->find("gid")) return Error::invalid("image.json: no user");
    source.app.uid = number("uid");
    source.app.gid = number("gid");
    if (const json::Value* groups = user->find("additionalGids"))
        for (const json::Value& gid : groups->items()) source.app.additional_gids.push_back(static_cast<uint32_t>(gid.unsigned_integer()));
    source.app.has_user = flag("userGiven") && source.app.uid != 0;
    source.app.group_defaulted = flag("groupDefaulted");
    source.app.home = text(*user, "home");
    if (const json::Value* annotations = process->find("annotations"))
        for (const json::Member& member : annotations->members()) source.annotations[std::string(member.key)] = member.value.string();
    if (const json::Value* layers = root.find("layers"))
        for (const json::Value& layer : layers->items())
            if (layer.find("chain")) report.chains.push_back(text(layer, "chain"));
    return report;
}

Result<std::string> run_unpacker(const Settings& settings, std::vector<std::string> words) {
    const std::string program = TRY(find_libexec(settings, "casemate-unpack"));
    words.insert(words.begin(), "casemate-unpack");
    LibexecAnswer answer = TRY(run_libexec({program, std::move(words), -1, {}}));
    if (answer.code != 0) return answer.failure("casemate-unpack").within("unpack");
    return std::move(answer.output);
}

}  // namespace casemate::runtime
