// The app's own pseudo terminal: made in the container's devpts, its controlling terminal, its 0, 1 and 2. Only the master
// leaves, as a descriptor over a socket that the host opened; the caller's own terminal never comes in (SECURITY 3.H,
// CVE-2016-7545).
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <unistd.h>

#include "base/text.h"
#include "steps/init/steps.h"
#include "sys/call.h"
#include "sys/terminal.h"
#include "sys/unix_socket.h"

namespace casemate::steps::init {
namespace {

constexpr const char* console = "/dev/console";

// Every act is done while init may still do it: the owner may not be init's own, and a peer that is opened before
// Landlock keeps its ioctls.
Result<void> take_terminal(InitContext& context, const sys::Pty& pty) {
    const plan::TerminalPlan& plan = *context.plan.process().terminal;
    if (plan.rows != 0 || plan.columns != 0) {
        const winsize size{.ws_row = plan.rows, .ws_col = plan.columns, .ws_xpixel = 0, .ws_ypixel = 0};
        TRY(sys::set_window_size(pty.peer, size));
    }
    // The group is the devpts mount's (5, tty, where that is mapped).
    const struct stat status = TRY(sys::fstat(pty.peer));
    if (status.st_uid != context.plan.ids().uid && ::fchown(pty.peer.get(), context.plan.ids().uid, static_cast<gid_t>(-1)) < 0)
        return Error::sys("fchown");
    TRY(sys::set_controlling_terminal(pty.peer));
    for (Fd& stream : context.prepared.stdio) stream = TRY(sys::duplicate(pty.peer));
    // "/dev/ptmx" is the name that runc sends; receivers only print it.
    TRY_IN("console socket", sys::send_descriptor(context.prepared.console, pty.master, "/dev/ptmx"));
    context.prepared.console.reset();
    return {};
}

Result<Fd> console_place(const sys::Root& root) {
    auto place = root.resolve(console, false);
    if (!place && place.error().code() == ENOENT) place = root.make_file(console);
    return place;
}

// Onto a file of ours in a /dev of ours, or on what config.json made of /dev: a link there is not followed
// (CVE-2026-88264).
Result<void> cover_console(const sys::Pty& pty) {
    const Fd clone = TRY(sys::open_tree(pty.peer, "", AT_EMPTY_PATH | OPEN_TREE_CLONE));
    TRY(sys::mount_setattr(clone, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
    const sys::Root root = sys::Root::adopt(TRY(sys::open("/", O_PATH | O_DIRECTORY)));
    const Fd place = TRY(console_place(root));
    return sys::move_mount(clone, place);
}

// exec: the container's processes may have put anything there. make_pty() looks closely.
Result<Fd> find_devpts() {
    const Fd root = TRY(sys::open("/", O_PATH | O_DIRECTORY));
    return sys::openat2(root, "dev/pts", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

std::string describe_terminal(const plan::Plan& plan) {
    const plan::TerminalPlan& terminal = *plan.process().terminal;
    return concat("a pty of the container's own devpts", terminal.rows || terminal.columns ? concat(", ", terminal.rows, " by ", terminal.columns) : std::string());
}

}  // namespace

// Why here: after pivot and masks nothing of the host is in sight; before the ids change, as the peer gets the app's.
const InitStep make_terminal{
    "make terminal", Phase::terminal, [](const plan::Plan& plan) { return plan.process().terminal.has_value(); }, describe_terminal,
    [](InitContext& context) -> Result<void> {
        const std::optional<size_t> own = context.plan.process().terminal->devpts;
        const Fd found = own ? Fd() : TRY_IN("'/dev/pts'", find_devpts());
        const sys::Pty pty = TRY_IN("'/dev/pts'", sys::make_pty(own ? context.mounts[*own] : found));
        if (own) TRY_IN(quoted(console), cover_console(pty));
        return take_terminal(context, pty);
    }};

}  // namespace casemate::steps::init
