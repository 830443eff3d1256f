// AF_UNIX sockets that engines listen on: connect by path, hand over one descriptor.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

// A connected stream socket. Errors name the path; one longer than sun_path is reached through its directory's descriptor.
Result<Fd> connect_unix(const std::string& path);
// One message: `name` (at least one byte) as payload, exactly one descriptor by SCM_RIGHTS (unix(7); go-runc's protocol
// for --console-socket and --pidfd-socket).
Result<void> send_descriptor(FdView socket, FdView descriptor, std::string_view name);

}  // namespace casemate::sys
