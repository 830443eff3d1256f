// The outer side of the app's own terminal. Init makes the pty inside and sends its master over a socket: the engine's
// (--console-socket), or one of ours, when the launcher itself stands between the caller and the app (-t).
#pragma once

#include <poll.h>
#include <termios.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::launch {

// Who takes the master. A terminal needs somebody, a socket needs a terminal (runc's check, and its words).
// `detached`: `create` too, and every start that does not wait for the app's end.
Result<void> check_console(bool detached, bool terminal, const std::string& console_socket);
// The engine's socket, connected before the clone: for Options::console.
Result<Fd> connect_console(const std::string& console_socket);

// The launcher's own end of a terminal: passes bytes in both directions untouched, keeps the caller's terminal in raw
// mode meanwhile, and gives it back on every way out.
//
//   Terminal terminal = TRY(Terminal::open());
//   options.console = terminal.take_inner_end();
//   options.before_go = ... TRY(terminal.attach());
//   Running running = TRY(start(plan, options));
//   TRY(supervise(plan, running, gate, helpers, &terminal));
class Terminal {
public:
    static Result<Terminal> open();
    Terminal(Terminal&& other) noexcept;
    Terminal& operator=(Terminal&&) = delete;
    ~Terminal();

    Fd take_inner_end() { return std::move(inner_); }
    // While the app waits: takes the master that init has sent, and gives it the caller's window size.
    Result<void> attach();
    // From here on the caller's terminal (stdin, if it is one) is the app's: raw. supervise() calls it.
    Result<void> take_over();

    // For a poll loop: what to wait for, and what to do when it has come. `entries` are those that add_to() added.
    void add_to(std::vector<pollfd>& waiting) const;
    Result<void> turn(const pollfd* ready);
    // The caller's window has changed (SIGWINCH), or we were stopped and go on (SIGCONT).
    Result<void> resize();
    Result<void> resume();
    // The app has ended: everything that it wrote before is passed on, then the caller's terminal is itself again.
    Result<void> finish();

private:
    Terminal() = default;
    Result<void> make_raw();
    void restore();
    void read_input();
    void write_input();
    void read_output();
    void write_output();
    void queue_end_of_input();
    void hang_up();

    Fd outer_, inner_, master_;
    Fd peer_;                        // held open: an app may close its terminal and open it again
    std::optional<termios> before_;  // of the caller's terminal
    std::string input_, output_;     // read, not yet written
    bool input_open_ = false;
    char last_input_ = '\n';
};

// Options::console, and in the foreground the Terminal that takes the master behind it. Errors as check_console().
Result<std::optional<Terminal>> prepare_console(bool detached, bool terminal, const std::string& console_socket, Fd& console);

}  // namespace casemate::launch
