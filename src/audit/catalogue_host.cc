// What is said about the host and its units (HOST).
#include "audit/rule.h"

namespace casemate::audit {
namespace {

using enum Level;

constexpr Rule rules[] = {
    {"HOST-01", fatal, "Files of the launcher are not safe", "Who may write its profiles decides what containers may",
     "root's own, writable by nobody else, up to /", "N 4.5.4"},
    {"HOST-02", warn, "A kernel feature is missing", "A restriction that needs it is refused, or has one wall less",
     "a kernel from 6.1 on with Landlock, seccomp and cgroup v2", "N 4.5.3"},
    {"HOST-03", warn, "Kernel settings are loose", "They decide how far a break-out gets", "set them in /etc/sysctl.d",
     "N 4.5.1"},
    {"HOST-04", warn, "The unit leaves rights that a launcher does not need", "A flaw in it would have them all",
     "harden the unit (docs/audit.md has the list)", "sd all"},
};

}  // namespace

std::span<const Rule> host_catalogue() { return rules; }

}  // namespace casemate::audit
