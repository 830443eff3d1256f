// Pseudo terminals. Thin: no policy, no logging.
#pragma once

#include <sys/ioctl.h>
#include <termios.h>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::sys {

struct Pty {
    Fd master, peer;
};

// A new pty of the devpts whose root directory `devpts` is. Nothing of it is taken on trust: the directory must be a
// devpts, "ptmx" in it the multiplexer itself (no link, no bind of something else), and the peer comes from the master by
// TIOCGPTPEER, never by a name that somebody may have planted (CVE-2025-52565).
Result<Pty> make_pty(FdView devpts);
// The other side of `master`, whatever namespace that was made in.
Result<Fd> peer_of(FdView master);

Result<void> set_window_size(FdView terminal, const winsize& size);
// Makes `terminal` the controlling terminal of the caller, which must lead a session without one.
Result<void> set_controlling_terminal(FdView terminal);

// What send_descriptor() (unix_socket.h) sent, close-on-exec. A message without a descriptor, or the end of the connection, is
// ENODATA. Does not wait: the message must be there.
Result<Fd> receive_descriptor(FdView socket);

}  // namespace casemate::sys
