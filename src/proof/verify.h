// `casemate verify`: a live process read back from the kernel and compared with its plan or a profile; the report as a
// table or JSON. What cannot be seen is said to be unseen, never shown green (ARCHITECTURE, rule 2).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "plan/expected.h"
#include "sys/procfs.h"

namespace casemate::proof {

struct Verification {
    std::string subject;  // "web-1 (pid 812)"
    std::vector<plan::Check> checks;
    std::vector<policy::WaiverRecord> waivers;  // printed with it: what was weakened, and why
    std::string admission;                      // of the image, in one line; empty: nothing was asked
    std::vector<std::string> suppressed;        // what the admission let pass, each with its source
    bool green() const { return plan::all_green(checks); }
    int exit_status() const { return green() ? 0 : 1; }
};

// What may differ once the app itself runs: it opens files, sets its umask, drops capabilities, raises soft limits to
// the hard ones, adds filters. The rest must still be as planned.
plan::Expected while_running(plan::Expected expected);

// Observes `pid` through `procfs` and compares. The verifier's own namespaces are taken for the host's.
Result<Verification> verify(const sys::Procfs& procfs, pid_t pid, const plan::Expected& expected, std::string subject);

// The table ends with one line of counts. `colour`: ANSI, for a terminal.
std::string to_table(const Verification& verification, bool colour);
std::string to_json(const Verification& verification);

}  // namespace casemate::proof
