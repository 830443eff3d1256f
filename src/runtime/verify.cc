// `casemate verify`: a live process read back from the kernel, against what was recorded when it was started, or against
// a profile.
#include "base/text.h"
#include "proof/verify.h"
#include "runtime/directories.h"
#include "runtime/record.h"
#include "runtime/runtime.h"
#include "sys/procfs.h"

namespace casemate::runtime {

Result<proof::Verification> verify_id(const Settings& settings, const std::string& id) {
    const std::string root = TRY(state_root(settings));
    const RecordFile file = TRY(RecordFile::open(root, id));
    const Record record = TRY(file.read());
    if (!is_alive(record.pid, record.start_time)) return Error::with_code(ESRCH, "container not running").within(quoted(id));
    const sys::Procfs procfs = TRY(sys::Procfs::host());
    proof::Verification verification = TRY(proof::verify(procfs, record.pid, proof::while_running(record.expected), concat(id, " (pid ", record.pid, ")")));
    verification.waivers = record.waivers;
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
