#include "image/supervise.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "image/confine.h"
#include "image/removal.h"
#include "sys/call.h"

namespace casemate::image {
namespace {

struct Opened {
    Fd layout, archive;  // one of the two
};

Result<Opened> open_source(const std::string& path) {
    // O_NONBLOCK: a FIFO must not make us wait.
    Fd fd = TRY_IN(quoted(path), sys::open(path.c_str(), O_RDONLY | O_NONBLOCK));
    const struct stat status = TRY(sys::fstat(fd));
    Opened opened;
    if (S_ISDIR(status.st_mode)) {
        opened.layout = std::move(fd);
    } else if (S_ISREG(status.st_mode)) {
        opened.archive = std::move(fd);
    } else {
        return Error::invalid(concat(quoted(path), ": neither a directory nor a regular file"));
    }
    return opened;
}

struct Destination {
    Fd parent;
    std::string leaf;
    std::string scratch_name;
    Fd scratch;  // locked as long as somebody is at work in it
};

Result<void> check_free(FdView parent, const std::string& leaf) {
    const Fd there(::openat(parent.get(), leaf.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!there && errno == ENOENT) return {};
    const auto taken = [] {
        return Error::with_code(EEXIST, "exists").hint("name a directory that is not there yet, or an empty one");
    };
    if (!there) return taken();
    Fd copy = TRY(sys::openat2(there, ".", O_RDONLY | O_DIRECTORY, 0));
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), ::closedir);
    if (!stream) return Error::sys("fdopendir");
    copy.release();
    while (const dirent* entry = ::readdir(stream.get()))
        if (std::string_view name = entry->d_name; name != "." && name != "..") return taken();
    return {};
}

// Scratch directories of dead unpackings: theirs is the lock.
void remove_stale(FdView parent) {
    Fd copy(::openat(parent.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::unique_ptr<DIR, int (*)(DIR*)> stream(copy ? ::fdopendir(copy.release()) : nullptr, ::closedir);
    if (!stream) return;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string name = entry->d_name;
        if (!name.starts_with(scratch_prefix)) continue;
        const Fd stale(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        struct stat status {};
        if (!stale || ::fstat(stale.get(), &status) != 0 || status.st_uid != ::geteuid()) continue;
        if (::flock(stale.get(), LOCK_EX | LOCK_NB) != 0) continue;
        // Left over either way; the unpacking at hand does not depend on it.
        static_cast<void>(remove_scratch(parent, name));
    }
}

// Somebody's remove_stale() may get at a new directory before its lock does: then another name is tried.
Result<void> make_scratch(Destination& destination) {
    for (int attempt = 0; attempt < 16; ++attempt) {
        uint64_t number = 0;
        if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
            return Error::sys("getrandom");
        destination.scratch_name = concat(scratch_prefix, number);
        const char* name = destination.scratch_name.c_str();
        if (::mkdirat(destination.parent.get(), name, 0700) != 0)
            return Error::sys("mkdirat").hint("the destination must lie in a directory that this user may write to");
        auto opened = sys::openat2(destination.parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        if (!opened && opened.error().code() == ENOENT) continue;
        if (!opened) {
            ::unlinkat(destination.parent.get(), name, AT_REMOVEDIR);
            return std::move(opened).take_error();
        }
        destination.scratch = std::move(opened).take();
        if (::flock(destination.scratch.get(), LOCK_EX | LOCK_NB) != 0) continue;
        if (TRY(sys::fstat(destination.scratch)).st_nlink > 0) return {};
    }
    return Error::with_code(EAGAIN, "no scratch directory in 16 attempts");
}

Result<Destination> prepare(const std::string& path) {
    std::string text = path;
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    const size_t slash = text.rfind('/');
    Destination destination;
    const std::string above = slash == std::string::npos ? "." : slash == 0 ? "/" : text.substr(0, slash);
    destination.leaf = slash == std::string::npos ? text : text.substr(slash + 1);
    if (destination.leaf.empty() || destination.leaf == "." || destination.leaf == "..")
        return Error::invalid("no name for a new directory");
    destination.parent = TRY_IN(quoted(above), sys::open(above.c_str(), O_RDONLY | O_DIRECTORY));
    TRY(check_free(destination.parent, destination.leaf));
    remove_stale(destination.parent);
    TRY_IN(quoted(above), make_scratch(destination));
    return destination;
}

std::string_view hint_for(int code) {
    switch (code) {
        case ENOSPC:
        case EDQUOT: return "the destination's file system is full; nothing was left there";
        case EROFS: return "the destination's file system is read-only";
        case EMFILE: return "raise the limit of open files (ulimit -n)";
        default: return "";
    }
}

Error with_hint(Error error) {
    const std::string_view hint = hint_for(error.code());
    return hint.empty() ? std::move(error) : std::move(error).hint(std::string(hint));
}

// The worker, from fork to exit. It owns copies of all descriptors and keeps those it needs.
[[noreturn]] void work(const Request& request, const Confinement& confinement, Fd channel, Fd archive, pid_t parent) {
    const auto report = [&](const Error& error) {
        Message message;
        message.kind = Message::Kind::failed;
        message.code = error.code();
        put_text(message.text, sizeof message.text, error.text());
        put_text(message.hint, sizeof message.hint, error.hint_text());
        static_cast<void>(send_message(channel, message));
        ::_exit(125);
    };
    auto confined = confine(confinement);
    if (!confined) report(std::move(confined).take_error().within("confine the worker"));
    // Between fork and PDEATHSIG the parent may have died.
    if (::getppid() != parent) ::_exit(125);
    auto scratch = sys::open("/", O_RDONLY | O_DIRECTORY);
    if (!scratch) report(scratch.error());
    Broker broker(channel);
    auto counts = unpack(request, broker, std::move(archive), scratch.value());
    if (!counts) report(with_hint(std::move(counts).take_error()));
    Message message;
    message.kind = Message::Kind::done;
    message.counts = counts.value();
    static_cast<void>(send_message(channel, message));
    ::_exit(0);
}

Result<void> answer(FdView channel, FdView layout, const Message& ask) {
    Message reply;
    reply.kind = Message::Kind::opened;
    if (layout.get() < 0) return Error::with_code(EPROTO, "the worker asked for a file of an archive");
    auto opened = open_in_layout(layout, get_text(ask.text, sizeof ask.text));
    if (opened) return send_message(channel, reply, opened.value());
    reply.code = opened.error().code();
    put_text(reply.text, sizeof reply.text, opened.error().text());
    return send_message(channel, reply);
}

Error worker_died(pid_t worker) {
    int status = 0;
    if (::waitpid(worker, &status, 0) != worker) return Error::sys("waitpid");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return Error::with_code(ECHILD, "the worker was killed: a system call outside its list");
    if (WIFSIGNALED(status))
        return Error::with_code(ECHILD, concat("the worker was killed by signal ", WTERMSIG(status)));
    return Error::with_code(ECHILD, concat("the worker ended with code ", WEXITSTATUS(status)));
}

// Serves the worker until it is done, has failed or died, or a signal arrives. `reaped` says that it is gone.
Result<Counts> serve(FdView channel, FdView signals, FdView layout, pid_t worker, bool& reaped,
                     const OnProgress& on_progress) {
    while (true) {
        pollfd waiting[2] = {{channel.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
        if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return Error::sys("poll");
        if (waiting[1].revents != 0) {
            signalfd_siginfo info{};
            if (::read(signals.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info))
                return Error::sys("read");
            const int signal = static_cast<int>(info.ssi_signo);
            return Error::with_code(EINTR, concat("interrupted by SIG", ::sigabbrev_np(signal)))
                .exit_with(128 + signal);
        }
        if (waiting[0].revents == 0) continue;
        auto received = receive_message(channel);
        if (!received && (received.error().code() == ECONNRESET)) {
            reaped = true;
            return worker_died(worker);
        }
        const Message message = TRY(std::move(received)).message;
        switch (message.kind) {
            case Message::Kind::open: TRY(answer(channel, layout, message)); break;
            case Message::Kind::progress: on_progress(message); break;
            case Message::Kind::done: return message.counts;
            case Message::Kind::failed: {
                Error error = Error::with_code(message.code, get_text(message.text, sizeof message.text));
                const std::string hint = get_text(message.hint, sizeof message.hint);
                return hint.empty() ? std::move(error) : std::move(error).hint(hint);
            }
            default: return Error::with_code(EPROTO, "a message out of turn from the worker");
        }
    }
}

Result<Fd> block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&set, signal);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Error::sys("sigprocmask");
    Fd fd(::signalfd(-1, &set, SFD_CLOEXEC));
    if (!fd) return Error::sys("signalfd");
    return fd;
}

// Forks the worker, serves it, and sees it gone.
Result<Counts> run_worker(const Request& request, Opened source, FdView scratch, FdView signals,
                          const OnProgress& on_progress) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return Error::sys("socketpair");
    Fd ours(pair[0]), theirs(pair[1]);
    const pid_t parent = ::getpid();
    const pid_t worker = ::fork();
    if (worker < 0) return Error::sys("fork");
    if (worker == 0) {
        ours.reset();
        source.layout.reset();
        const Confinement confinement{scratch, request.tree.own, request.tree.setid == Setid::keep,
                                      request.limits.bytes};
        work(request, confinement, std::move(theirs), std::move(source.archive), parent);
    }
    theirs.reset();
    bool reaped = false;
    auto counts = serve(ours, signals, source.layout, worker, reaped, on_progress);
    if (reaped) return counts;
    if (!counts) ::kill(worker, SIGKILL);
    int status = 0;
    if (::waitpid(worker, &status, 0) != worker) return Error::sys("waitpid");
    if (counts && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        return Error::with_code(ECHILD, "the worker did not end as it should");
    return counts;
}

Result<Counts> unpack_into(const Request& request, const Destination& destination, Opened source, FdView signals,
                           const OnProgress& on_progress) {
    const Counts counts = TRY(run_worker(request, std::move(source), destination.scratch, signals, on_progress));
    // Takes the place of an empty directory, and of nothing else.
    if (::renameat(destination.parent.get(), destination.scratch_name.c_str(), destination.parent.get(),
                   destination.leaf.c_str()) != 0)
        return Error::sys(concat("renameat ", quoted(request.destination)));
    return counts;
}

}  // namespace

Result<SourceText> split_source(const std::string& text) {
    struct stat status {};
    if (::stat(text.c_str(), &status) == 0) return SourceText{text, {}};
    for (size_t colon = text.rfind(':'); colon != std::string::npos && colon > 0; colon = text.rfind(':', colon - 1)) {
        SourceText parts{text.substr(0, colon), text.substr(colon + 1)};
        if (::stat(parts.path.c_str(), &status) == 0) return parts;
    }
    return Error::with_code(ENOENT, concat(quoted(text), " does not exist"))
        .hint("a source is an OCI layout directory (DIR[:REF]), an OCI archive or a docker archive");
}

Result<Counts> supervise(const Request& request, const OnProgress& on_progress) {
    TRY(warm_up_hashing());
    const Fd signals = TRY(block_signals());
    Opened source = TRY(open_source(request.path));
    const Destination destination = TRY_IN(quoted(request.destination), prepare(request.destination));
    auto counts = unpack_into(request, destination, std::move(source), signals, on_progress);
    if (counts) return counts;
    const auto removed = remove_scratch(destination.parent, destination.scratch_name);
    if (removed) return counts;
    return std::move(counts).take_error().hint(
        concat("remove ", quoted(destination.scratch_name), " beside the destination: ", removed.error().text()));
}

}  // namespace casemate::image
