#include "image/supervise.h"

#include <dirent.h>
#include <fcntl.h>

#include <memory>

#include "base/text.h"
#include "image/confine.h"
#include "image/removal.h"
#include "image/scratch_directory.h"
#include "image/worker.h"
#include "sys/call.h"

namespace casemate::image {
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

namespace {

struct Destination {
    Fd parent;
    std::string leaf;
    ScratchDirectory scratch;
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
    destination.scratch = TRY_IN(quoted(above), make_scratch(destination.parent));
    return destination;
}

}  // namespace

Result<void> answer_open(FdView channel, FdView layout, const Message& ask) {
    Message reply;
    reply.kind = Message::Kind::opened;
    if (layout.get() < 0) return Error::with_code(EPROTO, "the worker asked for a file of an archive");
    auto opened = open_in_layout(layout, get_text(ask.text, sizeof ask.text));
    if (opened) return send_message(channel, reply, opened.value());
    reply.code = opened.error().code();
    put_text(reply.text, sizeof reply.text, opened.error().text());
    return send_message(channel, reply);
}

namespace {

// Forks the worker, serves it, and sees it gone.
Result<Counts> unpack_confined(const Request& request, Opened source, FdView scratch, FdView signals, const OnProgress& on_progress) {
    WorkerJob job;
    job.keep = {scratch.get(), source.archive.get()};
    job.confine = [&] {
        return confine({scratch, request.tree.own, request.tree.setid == Setid::keep, request.limits.bytes});
    };
    job.run = [&](Broker& broker) -> Result<Message> {
        const Fd inside = TRY(sys::open("/", O_RDONLY | O_DIRECTORY));
        Message done;
        done.counts = TRY(unpack(request, broker, std::move(source.archive), inside));
        return done;
    };
    job.on_message = [&](FdView channel, Received& received) -> Result<void> {
        if (received.message.kind == Message::Kind::open) return answer_open(channel, source.layout, received.message);
        if (received.message.kind != Message::Kind::progress) return Error::with_code(EPROTO, "a message out of turn from the worker");
        on_progress(received.message);
        return {};
    };
    return TRY(run_worker(job, signals)).counts;
}

Result<Counts> unpack_into(const Request& request, const Destination& destination, Opened source, FdView signals,
                           const OnProgress& on_progress) {
    const Counts counts = TRY(unpack_confined(request, std::move(source), destination.scratch.fd, signals, on_progress));
    // Takes the place of an empty directory, and of nothing else.
    if (::renameat(destination.parent.get(), destination.scratch.name.c_str(), destination.parent.get(),
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
    const auto removed = remove_scratch(destination.parent, destination.scratch.name);
    if (removed) return counts;
    return std::move(counts).take_error().hint(
        concat("remove ", quoted(destination.scratch.name), " beside the destination: ", removed.error().text()));
}

}  // namespace casemate::image
