// NOTIFY_SOCKET of our caller, a service manager, made good for the app: a directory of ours at /run/notify, read-only (as
// runc has it), and behind its socket launch::Notifier.
#pragma once

#include <optional>
#include <string>

#include "launch/notify.h"
#include "oci/config.h"

namespace casemate::runtime {

// What our environment says; empty: nobody wants to be notified.
std::string notify_address();
// Makes `path` and gives it to the container: a mount and the variable, in place of whatever config.json says there.
Result<void> add_notify(const std::string& path, oci::Config& config);
// The socket in the directory that add_notify() made; nothing without an address or such a directory.
Result<std::optional<launch::Notifier>> open_notifier(const std::string& path);

}  // namespace casemate::runtime
