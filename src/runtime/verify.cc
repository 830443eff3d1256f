// `casemate verify`: a live process read back from the kernel, against what was recorded when it was started, or against
// a profile.
#include <fcntl.h>

#include "base/text.h"
#include "proof/verify.h"
#include "runtime/admission.h"
#include "runtime/directories.h"
#include "runtime/record.h"
#include "runtime/runtime.h"
#include "sys/call.h"
#include "sys/procfs.h"

namespace casemate::runtime {
namespace {

constexpr size_t record_limit = size_t{64} << 20;

Result<AdmissionSummary> admission_of(const Record& record) {
    const Fd data = TRY_IN(quoted(record.data), sys::open(record.data.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const std::string text = TRY(sys::read_file(data, "admission.json", record_limit));
    return read_admission(text, record.admitted);
}

// The decision that let the image pass, with everything that was suppressed for it. One that is gone is a difference.
void add_admission(const Record& record, proof::Verification& verification) {
    const auto summary = admission_of(record);
    plan::Check check;
    check.what = "admission";
    check.expected = concat("allowed: ", record.admitted);
    check.seen = summary ? check.expected : concat("no decision: ", summary.error().text());
    check.verdict = summary ? plan::Verdict::ok : plan::Verdict::different;
    check.required = true;
    verification.checks.push_back(std::move(check));
    if (!summary) return;
    verification.admission = concat("admission: allowed ", summary.value().judged, ": ", join(summary.value().checks, "; "));
    verification.suppressed = summary.value().suppressed;
}

}  // namespace

Result<proof::Verification> verify_id(const Settings& settings, const std::string& id) {
    const std::string root = TRY(state_root(settings));
    const RecordFile file = TRY(RecordFile::open(root, id));
    const Record record = TRY(file.read());
    if (!TRY(is_alive(record.pid, record.start_time))) return Error::with_code(ESRCH, "container not running").within(quoted(id));
    plan::Expected expected = TRY(file.read_expected());
    const sys::Procfs procfs = TRY(sys::Procfs::host());
    proof::Verification verification = TRY(proof::verify(procfs, record.pid, proof::while_running(std::move(expected)), concat(id, " (pid ", record.pid, ")")));
    verification.waivers = record.waivers;
    if (!record.admitted.empty()) add_admission(record, verification);
    return verification;
}

Result<proof::Verification> verify_pid(const Settings&, pid_t pid, const std::string& profile) {
    const policy::Profile wanted = TRY(load_profile(profile.empty() ? "hardened" : profile));
    const sys::Procfs procfs = TRY(sys::Procfs::host());
    if (!procfs.read(concat(pid, "/status"))) return Error::with_code(ESRCH, concat("no process ", pid));
    proof::Verification verification = TRY(proof::verify(procfs, pid, plan::expected_of(wanted), concat("pid ", pid, " against '", wanted.name, "'")));
    verification.waivers = wanted.waivers;
    return verification;
}

}  // namespace casemate::runtime
