#include "launch/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/terminal.h"
#include "sys/unix_socket.h"

namespace casemate::launch {
namespace {

// No write after POLLOUT blocks up to PIPE_BUF: the caller's 0 and 1 are shared with others and stay in blocking mode.
constexpr size_t portion = 4096;

bool would_block() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

Result<void> check_console(bool detached, bool terminal, const std::string& console_socket) {
    if (detached && terminal && console_socket.empty())
        return Error::invalid("cannot allocate tty if casemate will detach without setting console socket");
    if ((!detached || !terminal) && !console_socket.empty())
        return Error::invalid("cannot use console socket if casemate will not detach or allocate tty");
    return {};
}

Result<Fd> connect_console(const std::string& console_socket) {
    return TRY_IN("console socket", sys::connect_unix(console_socket));
}

Result<Terminal> Terminal::open() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return Error::sys("socketpair");
    Terminal terminal;
    terminal.outer_ = Fd(ends[0]);
    terminal.inner_ = Fd(ends[1]);
    return terminal;
}

Result<std::optional<Terminal>> prepare_console(bool detached, bool terminal, const std::string& console_socket, Fd& console) {
    TRY(check_console(detached, terminal, console_socket));
    std::optional<Terminal> made;
    if (terminal && detached) console = TRY(connect_console(console_socket));
    if (terminal && !detached) {
        made.emplace(TRY(Terminal::open()));
        console = made->take_inner_end();
    }
    return made;
}

Terminal::Terminal(Terminal&& other) noexcept
    : outer_(std::move(other.outer_)), inner_(std::move(other.inner_)), master_(std::move(other.master_)), peer_(std::move(other.peer_)),
      before_(std::exchange(other.before_, {})), input_(std::move(other.input_)), output_(std::move(other.output_)),
      input_open_(other.input_open_), last_input_(other.last_input_) {}

Terminal::~Terminal() { restore(); }

Result<void> Terminal::attach() {
    master_ = TRY_IN("terminal", sys::receive_descriptor(outer_));
    outer_.reset();
    inner_.reset();
    peer_ = TRY_IN("terminal", sys::peer_of(master_));
    const int flags = ::fcntl(master_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(master_.get(), F_SETFL, flags | O_NONBLOCK) < 0) return Error::sys("fcntl O_NONBLOCK");
    return resize();
}

Result<void> Terminal::take_over() {
    // A reader of our output that goes must not end us by a signal, with the caller's terminal still raw.
    if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return Error::sys("signal");
    input_open_ = true;
    return make_raw();
}

Result<void> Terminal::make_raw() {
    if (!::isatty(STDIN_FILENO)) return {};
    termios now{};
    if (::tcgetattr(STDIN_FILENO, &now) < 0) return Error::sys("tcgetattr");
    if (!before_) before_ = now;
    ::cfmakeraw(&now);
    if (::tcsetattr(STDIN_FILENO, TCSANOW, &now) < 0) return Error::sys("tcsetattr");
    return {};
}

void Terminal::restore() {
    // With TCSADRAIN what is still to be shown is shown as it was meant.
    if (before_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
    before_.reset();
}

Result<void> Terminal::resize() {
    winsize size{};
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::ioctl(fd, TIOCGWINSZ, &size) == 0) return master_ && size.ws_col ? sys::set_window_size(master_, size) : Result<void>();
    return {};  // no terminal of the caller: consoleSize, or the kernel's own, stands
}

Result<void> Terminal::resume() {
    TRY(resize());
    return before_ ? make_raw() : Result<void>();
}

void Terminal::add_to(std::vector<pollfd>& waiting) const {
    // poll(2) passes over negative descriptors.
    const bool take_input = input_open_ && input_.size() < portion, take_output = output_.size() < portion;
    const int events = (take_output ? POLLIN : 0) | (input_.empty() ? 0 : POLLOUT);
    waiting.push_back({take_input ? STDIN_FILENO : -1, POLLIN, 0});
    waiting.push_back({events ? master_.get() : -1, static_cast<short>(events), 0});
    waiting.push_back({output_.empty() ? -1 : STDOUT_FILENO, POLLOUT, 0});
}

Result<void> Terminal::turn(const pollfd* ready) {
    if (ready[0].revents) read_input();
    if (ready[1].revents & POLLOUT) write_input();
    if (ready[1].revents & (POLLIN | POLLHUP | POLLERR)) read_output();
    if (ready[2].revents) write_output();
    return {};
}

void Terminal::read_input() {
    char buffer[portion];
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer - input_.size());
    if (got < 0 && would_block()) return;
    if (got > 0) {
        input_.append(buffer, static_cast<size_t>(got));
        last_input_ = buffer[got - 1];
        return;
    }
    input_open_ = false;
    queue_end_of_input();
}

// The end of the caller's input is told to the app as a user would, by ctrl-D: on a line of its own it means the end of
// the file. An app that reads without lines would take it for a byte.
void Terminal::queue_end_of_input() {
    termios inside{};
    if (before_ || !master_ || ::tcgetattr(master_.get(), &inside) < 0 || !(inside.c_lflag & ICANON)) return;
    input_.append(last_input_ == '\n' ? 1 : 2, static_cast<char>(inside.c_cc[VEOF]));
}

void Terminal::write_input() {
    const ssize_t put = ::write(master_.get(), input_.data(), input_.size());
    if (put > 0) input_.erase(0, static_cast<size_t>(put));
    if (put < 0 && !would_block()) input_.clear(), input_open_ = false;
}

void Terminal::read_output() {
    char buffer[portion];
    const ssize_t got = ::read(master_.get(), buffer, sizeof buffer);
    if (got > 0) {
        output_.append(buffer, static_cast<size_t>(got));
    } else if (got == 0 || !would_block()) {
        hang_up();
    }
}

void Terminal::write_output() {
    const ssize_t put = ::write(STDOUT_FILENO, output_.data(), std::min(output_.size(), portion));
    if (put > 0) output_.erase(0, static_cast<size_t>(put));
    if (put >= 0 || would_block()) return;
    // Nobody sees the app's terminal any more: it hangs up, as a line that was cut does.
    output_.clear();
    hang_up();
}

void Terminal::hang_up() {
    peer_.reset();
    master_.reset();
    input_.clear();
    input_open_ = false;
}

Result<void> Terminal::finish() {
    while (master_ || !output_.empty()) {
        const bool full = output_.size() >= portion;
        if (master_ && !full) {
            const size_t before = output_.size();
            read_output();
            // EAGAIN: n_tty_read() waits for what was written and is still on its way, so this is all there is.
            if (master_ && output_.size() == before) hang_up();
            continue;
        }
        pollfd out{STDOUT_FILENO, POLLOUT, 0};
        if (::poll(&out, 1, -1) < 0 && errno != EINTR) return Error::sys("poll");
        if (out.revents) write_output();
    }
    restore();
    return {};
}

}  // namespace casemate::launch
