#include "runtime/admission.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cstdlib>

#include "base/text.h"
#include "json/value.h"
#include "runtime/directories.h"
#include "runtime/libexec.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr json::Limits record_limits{.bytes = size_t{64} << 20, .values = size_t{1} << 22, .items = size_t{1} << 20};

std::string text(const json::Value& object, std::string_view key) {
    const json::Value* const value = object.find(key);
    return value ? std::string(value->string()) : std::string();
}

// The profile with nothing but what it asks of an image.
Result<Fd> question(const policy::Profile& profile) {
    policy::Profile asked;
    asked.admission = profile.admission;
    Fd file = TRY(sys::memfd("admission", 0));
    TRY(sys::write_all(file, policy::to_json(asked)));
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return Error::sys("lseek");
    return file;
}

Error denied(const json::Value& record) {
    std::string reasons;
    if (const json::Value* const checks = record.find("checks"))
        for (const json::Value& check : checks->items())
            if (const json::Value* const passed = check.find("passed"); !passed || !passed->boolean())
                reasons += concat(reasons.empty() ? "" : "; ", text(check, "what"), ": ", printable(text(check, "detail")));
    return Error::with_code(EPERM, concat("admission: ", reasons.empty() ? "denied" : reasons))
        .hint("'casemate audit --admission PROFILE IMAGE' shows every finding");
}

std::string digest_of(const json::Value& record) {
    std::string manifest = text(record, "manifestDigest");
    return manifest.empty() ? text(record, "configDigest") : manifest;
}

Result<void> check_form(const json::Value& record) {
    const json::Value* const version = record.find("schemaVersion");
    const std::string verdict = text(record, "verdict");
    if (!version || !version->is_integer() || version->unsigned_integer() != 1)
        return Error::invalid("the decision is no record of version 1");
    if (verdict != "allow" && verdict != "deny") return Error::invalid("the decision has no verdict");
    return {};
}

std::vector<std::string> lines_of(const json::Value* list) {
    std::vector<std::string> lines;
    if (list)
        for (const json::Value& item : list->items()) lines.push_back(printable(item.string()));
    return lines;
}

}  // namespace

bool asks_for_admission(const policy::Profile& profile) { return profile.admission != policy::Admission{}; }

Result<Admitted> admit(const Settings& settings, const policy::Profile& profile, const std::string& source,
                       const std::string& ref) {
    const std::string program = TRY_IN("admission", find_libexec(settings, "casemate-audit"));
    const Fd asked = TRY_IN("admission", question(profile));
    std::vector<std::string> words = {"casemate-audit", "--admission", "-", "--format", "json"};
    if (!ref.empty()) words.insert(words.end(), {"--ref", ref});
    words.insert(words.end(), {"--", source});
    LibexecCall call{program, std::move(words), asked.get(), {"PATH", "TMPDIR", "TRIVY_CACHE_DIR", "GRYPE_DB_CACHE_DIR"}};
    const LibexecAnswer answer = TRY_IN("admission", run_libexec(call));
    if (answer.code != 0 && answer.code != 1)
        return answer.failure("casemate audit").within("admission");
    const json::Document document = TRY_IN("admission", json::Document::parse(answer.output, record_limits));
    const json::Value& record = document.root();
    TRY_IN("admission", check_form(record));
    if (answer.code == 1 || text(record, "verdict") == "deny") return denied(record);
    Admitted admitted{digest_of(record), answer.output};
    if (admitted.digest.empty()) return Error::invalid("admission: the decision names no digest");
    return admitted;
}

Result<AdmissionSummary> read_admission(const std::string& record, const std::string& digest) {
    const json::Document document = TRY(json::Document::parse(record, record_limits));
    const json::Value& root = document.root();
    TRY(check_form(root));
    if (text(root, "verdict") != "allow") return Error::invalid("its verdict is 'deny'");
    if (digest_of(root) != digest) return Error::invalid(concat("it is about ", quoted(digest_of(root))));
    AdmissionSummary summary{text(root, "judged"), {}, lines_of(root.find("suppressed"))};
    if (const json::Value* const checks = root.find("checks"))
        for (const json::Value& check : checks->items())
            summary.checks.push_back(concat(text(check, "what"), ": ", printable(text(check, "detail"))));
    return summary;
}

}  // namespace casemate::runtime
