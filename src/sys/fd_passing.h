// One byte with one descriptor over a unix socket (SCM_RIGHTS): how a process that may make something hands it to one
// that may not.
#pragma once

#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

// `attached` -1: the byte alone.
Result<void> send_byte(FdView socket, char byte, FdView attached = -1);
// An invalid Fd: none came along. ECONNRESET: the other side is gone.
Result<std::pair<char, Fd>> receive_byte(FdView socket);

}  // namespace casemate::sys
