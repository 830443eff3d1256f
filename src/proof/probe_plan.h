// What the probe tries inside the sandbox, and what must come of each act: computed on the host from the plan and the
// profile, so that the probe itself judges nothing. Pure: no system call.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"
#include "policy/profile.h"

namespace casemate::proof {

struct ProbeCheck {
    std::string name;          // "unshare CLONE_NEWUSER", "masked /proc/kcore: read"
    std::string kind, object;  // of the act (src/proof/probe/act.h)
    // Alternatives between '|': an errno name, "ok" or a word of the act's own; "denied" is any errno or a kill by
    // SIGSYS, "any" is only recorded, "absolute" is a path from "/".
    std::string expected;
};

// What the launcher prepared for the probe; empty: it did not, and the act is skipped with its reason.
struct ProbeContext {
    std::string abstract_socket;  // name of an abstract socket that listens on the host
    std::string setid_copy;       // path inside of a copy of the probe with mode 06755, owned by root inside
};

enum class ProbeStatus : uint8_t { passed, surprise, skipped, recorded };
struct ProbeResult {
    ProbeCheck check;
    std::string seen;
    ProbeStatus status = ProbeStatus::surprise;
};

std::vector<ProbeCheck> probe_checks(const plan::Plan& plan, const policy::Profile& profile,
                                     const ProbeContext& context = {});

// argv of the probe, argv[0] included.
std::vector<std::string> probe_arguments(const std::vector<ProbeCheck>& checks);

// What the probe wrote, judged. A check without a line, a line out of order: a surprise, "no answer".
std::vector<ProbeResult> judge_probe(const std::vector<ProbeCheck>& checks, std::string_view output);
ProbeStatus judge(const std::string& expected, const std::string& seen);

// The parts, one a concern; each appends.
class CheckList;
void add_call_checks(CheckList& list);
void add_socket_checks(CheckList& list);
void add_path_checks(CheckList& list);
void add_memory_checks(CheckList& list);
void add_network_checks(CheckList& list);
void add_process_checks(CheckList& list);
void add_expectations(CheckList& list);

}  // namespace casemate::proof
