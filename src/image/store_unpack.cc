// An image into the store. One confined worker reads its documents, others unpack one layer each; the parent opens files,
// makes directories, mounts and renames, and parses nothing but digests.
//
// A layer is unpacked through a writable overlay of the layers below it: so symlinks and hard links mean what they mean
// in the whole image, and the kernel writes removals in the form that overlayfs reads. Two launches of one image meet at
// the lock of the layer's directory; the second then finds the layer there.
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "image/confine.h"
#include "image/file_list.h"
#include "image/layer.h"
#include "image/removal.h"
#include "image/report.h"
#include "image/scratch_directory.h"
#include "image/select.h"
#include "image/store.h"
#include "image/store_layout.h"
#include "image/worker.h"
#include "json/writer.h"
#include "sys/call.h"
#include "sys/overlay.h"
#include "sys/user_namespace.h"

namespace casemate::image {
namespace {

namespace layout = store_layout;
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr const char* merged = "root";  // in a layer's directory while it is made: where its overlay is attached
constexpr const char* work = "work";

Result<void> write_new(FdView directory, const char* name, std::string_view text) {
    const Fd file = TRY_IN(quoted(name), sys::openat2(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, 0600));
    return sys::write_all(file, text);
}

// What is known of a layer before it is unpacked, as the first worker told it.
struct OfferedLayer {
    Fd blob;
    LayerSource source;
};

// One layer's directory in the making.
struct Part {
    std::string name;  // ".CHAIN.part"
    Fd fd;
};

class Storing {
public:
    Storing(const Request& request, StoreDirectories store, Fd signals, Opened source, const OnProgress& on_progress)
        : request_(request), limits_(request.limits), store_(std::move(store)), signals_(std::move(signals)), source_(std::move(source)), on_progress_(on_progress) {}

    Result<StoredImage> run() {
        remove_stale(store_.images);
        ScratchDirectory record = TRY(make_scratch(store_.images));
        auto stored = read_image(record);
        if (stored) stored = publish(record, std::move(stored).take());
        if (!stored) TRY(remove_scratch(store_.images, record.name));
        return stored;
    }

private:
    // The first worker: documents, then image.json, with the account files of the assembled image in between.
    Result<StoredImage> read_image(const ScratchDirectory& record) {
        WorkerJob job;
        job.keep = {record.fd.get(), source_.archive.get()};
        job.confine = [&]() -> Result<void> {
            Confinement wanted{record.fd, request_.tree.own, false, limits_.bytes};
            wanted.entered = true;
            TRY_IN("confine the worker", confine(wanted));
            return {};
        };
        job.run = [&](Broker& broker) { return describe_image(broker); };
        job.on_message = [&](FdView channel, Received& received) { return answer(channel, received); };
        const Message done = TRY(run_worker(job, signals_));
        stored_.id = get_text(done.text, sizeof done.text);
        stored_.layers = offered_.size();
        // It becomes a directory's name.
        TRY_IN("the image's id", oci::Digest::parse(concat("sha256:", stored_.id)));
        if (!assembled_) return Error::with_code(EPROTO, "the worker ended before its image was assembled");
        return std::move(stored_);
    }

    Result<Message> describe_image(Broker& broker);

    Result<void> answer(FdView channel, Received& received) {
        const Message& message = received.message;
        switch (message.kind) {
            case Message::Kind::open: return answer_open(channel, source_.layout, message);
            case Message::Kind::layer: return take_layer(received);
            case Message::Kind::account: return answer_account(channel, message);
            case Message::Kind::progress: return {};
            default: return Error::with_code(EPROTO, "a message out of turn from the worker");
        }
    }

    Result<void> take_layer(Received& received) {
        const Message& message = received.message;
        const std::string text = get_text(message.text, sizeof message.text);
        const auto words = split(text, ' ');
        const bool sound = !assembled_ && message.layer == offered_.size() + 1 && message.layer <= limits_.layers && words.size() == 2 &&
                           received.attached && message.code >= 0 && message.code <= static_cast<int>(Codec::zstd);
        if (!sound || !S_ISREG(TRY(sys::fstat(received.attached)).st_mode)) return Error::with_code(EPROTO, "a layer out of turn from the worker");
        OfferedLayer layer;
        layer.blob = std::move(received.attached);
        layer.source.blob = {layer.blob, message.offset, message.bytes};
        layer.source.codec = static_cast<Codec>(message.code);
        if (!words[0].empty()) layer.source.digest = TRY(oci::Digest::parse(words[0]));
        layer.source.diff_id = TRY(oci::Digest::parse(words[1]));
        offered_.push_back(std::move(layer));
        return {};
    }

    // The first question is the sign that all layers were offered.
    Result<void> answer_account(FdView channel, const Message& ask) {
        if (!assembled_) TRY(assemble());
        Message reply;
        reply.kind = Message::Kind::opened;
        auto found = sys::openat2(view_, get_text(ask.text, sizeof ask.text).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (found && S_ISREG(TRY(sys::fstat(found.value())).st_mode)) return send_message(channel, reply, found.value());
        reply.code = found ? EPERM : found.error().code();
        put_text(reply.text, sizeof reply.text, found ? "not a regular file" : found.error().text());
        return send_message(channel, reply);
    }

    Result<void> assemble() {
        if (offered_.empty()) return Error::invalid("an image without layers");
        std::vector<oci::Digest> diff_ids;
        for (const OfferedLayer& layer : offered_) diff_ids.push_back(layer.source.diff_id);
        const std::vector<oci::Digest> chains = TRY(chain_ids(diff_ids));
        for (size_t i = 0; i < offered_.size(); ++i) {
            const std::string name(chains[i].hex());
            TRY_IN(concat("layer ", i + 1, " of ", offered_.size()), ensure_layer(i, name));
            trees_.push_back(TRY_IN(quoted(name), sys::openat2(store_.layers, concat(name, "/", layout::tree).c_str(), directory_flags, 0)));
        }
        std::vector<Fd> clones = TRY(clone_trees());
        view_ = clones.size() == 1 ? std::move(clones.front()) : TRY(sys::make_overlay({{clones.begin(), clones.end()}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
        assembled_ = true;
        return {};
    }

    // Topmost first, as an overlay wants them.
    Result<std::vector<Fd>> clone_trees() const {
        std::vector<Fd> clones;
        for (auto tree = trees_.rbegin(); tree != trees_.rend(); ++tree)
            clones.push_back(TRY(sys::open_tree(*tree, "", OPEN_TREE_CLONE | AT_EMPTY_PATH)));
        return clones;
    }

    Result<void> ensure_layer(size_t index, const std::string& chain) {
        for (int attempt = 0; attempt < 64; ++attempt) {
            if (sys::fstatat(store_.layers, chain.c_str(), AT_SYMLINK_NOFOLLOW)) return {};
            Part part{concat(".", chain, ".part"), {}};
            if (::mkdirat(store_.layers.get(), part.name.c_str(), 0700) != 0 && errno != EEXIST) return Error::sys("mkdirat");
            auto opened = sys::openat2(store_.layers, part.name.c_str(), directory_flags, 0);
            if (!opened && opened.error().code() == ENOENT) continue;
            part.fd = TRY(std::move(opened));
            auto unpacked = unpack_layer(index, part);
            if (unpacked) return finish_layer(part, chain, unpacked.value());
            if (unpacked.error().code() == ESTALE) continue;  // it was somebody else's, who is done with it
            auto removed = remove_scratch(store_.layers, part.name);
            return removed ? Result<void>(std::move(unpacked).take_error()) : std::move(unpacked).take_error().hint(removed.error().text());
        }
        return Error::with_code(EAGAIN, "64 others were faster, and none finished");
    }

    Result<Message> unpack_layer(size_t index, const Part& part) {
        const OfferedLayer& offered = offered_[index];
        WorkerJob job;
        job.keep = {part.fd.get(), offered.blob.get(), store_.layers.get()};
        for (const Fd& tree : trees_) job.keep.push_back(tree.get());
        job.confine = [&] { return enter_part(index, part); };
        job.run = [&](Broker& broker) { return fill_layer(index, broker); };
        job.on_message = [&](FdView, Received& received) -> Result<void> {
            if (received.message.kind != Message::Kind::progress) return Error::with_code(EPROTO, "a message out of turn from the worker");
            on_progress_(received.message);
            return {};
        };
        return run_worker(job, signals_);
    }

    // In the worker, with all rights: waits for the lock, begins anew, mounts, is locked in.
    Result<void> enter_part(size_t index, const Part& part) {
        if (::flock(part.fd.get(), LOCK_EX) != 0) return Error::sys("flock");
        const struct stat mine = TRY(sys::fstat(part.fd));
        const auto now = sys::fstatat(store_.layers, part.name.c_str(), AT_SYMLINK_NOFOLLOW);
        if (!now || now.value().st_ino != mine.st_ino) return Error::with_code(ESTALE, "unpacked by somebody else");
        for (const char* leftover : {layout::tree, work, merged}) TRY(remove_scratch(part.fd, leftover));
        for (const char* leftover : {layout::files, layout::layer_record})
            if (::unlinkat(part.fd.get(), leftover, 0) != 0 && errno != ENOENT) return Error::sys("unlinkat");
        TRY(sys::mkdirat(part.fd, layout::tree, 0755));
        // Whatever the umask: "/" is everybody's to search, unless the image says otherwise.
        if (::fchmodat(part.fd.get(), layout::tree, 0755, 0) != 0) return Error::sys("fchmodat");
        Fd overlay;
        if (index > 0) overlay = TRY_IN("mount the layers below", mount_above(part));
        // The store is not the confined worker's to have.
        store_.layers.reset();
        trees_.clear();
        const bool keep_caps = request_.tree.setid == Setid::keep;
        Confinement wanted{part.fd, request_.tree.own, keep_caps, limits_.bytes};
        wanted.tree = overlay;
        wanted.entered = true;
        TRY_IN("confine the worker", confine(wanted));
        return {};
    }

    // The layer's root directory begins as that of the layer below: its own attributes win in an overlay.
    Result<Fd> mount_above(const Part& part) {
        const struct stat below = TRY(sys::fstat(trees_.back()));
        {
            const Fd tree = TRY(sys::openat2(part.fd, layout::tree, directory_flags, 0));
            const timespec times[2] = {below.st_mtim, below.st_mtim};
            if (::fchown(tree.get(), below.st_uid, below.st_gid) != 0) return Error::sys("fchown");
            if (::fchmod(tree.get(), below.st_mode & 07777) != 0) return Error::sys("fchmod");
            if (::futimens(tree.get(), times) != 0) return Error::sys("futimens");
        }
        TRY(sys::mkdirat(part.fd, work, 0700));
        TRY(sys::mkdirat(part.fd, merged, 0700));
        const std::vector<Fd> clones = TRY(clone_trees());
        const Fd own = TRY(sys::open_tree(part.fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
        return sys::make_overlay({{clones.begin(), clones.end()}, own, layout::tree, work}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    }

    // In the worker, confined.
    Result<Message> fill_layer(size_t index, Broker& broker) {
        const OfferedLayer& offered = offered_[index];
        const Fd top = TRY(sys::open("/", O_RDONLY | O_DIRECTORY));
        Fd root = TRY(sys::openat2(top, index > 0 ? merged : layout::tree, directory_flags, 0));
        Tree tree = TRY(Tree::make(std::move(root), request_.tree, limits_));
        Budget budget(limits_);
        tree.start_layer(index > 0);
        const auto progress = [&](uint64_t bytes) { broker.progress(index + 1, offered_.size(), bytes); };
        progress(0);
        TRY(apply_layer(offered.source, tree, budget, progress));
        {
            const Fd files = TRY(sys::openat2(top, layout::files, O_WRONLY | O_CREAT | O_EXCL, 0, 0600));
            const Fd made = TRY(sys::openat2(top, layout::tree, directory_flags, 0));
            TRY_IN("list the files", write_file_list(made, files));
        }
        json::Writer out;
        out.begin_object().field("schemaVersion", 1).field("diffId", offered.source.diff_id.text());
        out.field("files", tree.counts().files).field("bytes", tree.counts().bytes).end_object();
        TRY(write_new(top, layout::layer_record, out.take() + "\n"));
        Message done;
        done.counts = tree.counts();
        done.bytes = budget.bytes();
        done.entries = budget.entries();
        return done;
    }

    // On disk before it is visible: after a crash of the machine a layer is complete or not there.
    Result<void> finish_layer(const Part& part, const std::string& chain, const Message& done) {
        for (const char* leftover : {work, merged}) TRY(remove_scratch(part.fd, leftover));
        if (::syncfs(part.fd.get()) != 0) return Error::sys("syncfs");
        if (::renameat2(store_.layers.get(), part.name.c_str(), store_.layers.get(), chain.c_str(), RENAME_NOREPLACE) != 0) return Error::sys("renameat2");
        ++stored_.added;
        add(stored_.counts, done.counts);
        limits_.bytes -= std::min(limits_.bytes, done.bytes);
        limits_.entries -= std::min(limits_.entries, done.entries);
        return {};
    }

    static void add(Counts& sum, const Counts& more) {
        for (uint64_t Counts::*field : {&Counts::files, &Counts::directories, &Counts::symlinks, &Counts::hardlinks, &Counts::fifos, &Counts::whiteouts,
                                        &Counts::bytes, &Counts::stripped_setid, &Counts::stripped_file_caps, &Counts::dropped_xattrs, &Counts::skipped_devices})
            sum.*field += more.*field;
    }

    Result<StoredImage> publish(const ScratchDirectory& record, StoredImage stored) {
        if (::syncfs(record.fd.get()) != 0) return Error::sys("syncfs");
        // A launch may want to lock it the moment it is there.
        if (::flock(record.fd.get(), LOCK_UN) != 0) return Error::sys("flock");
        if (::renameat2(store_.images.get(), record.name.c_str(), store_.images.get(), stored.id.c_str(), RENAME_NOREPLACE) == 0) return stored;
        if (errno != EEXIST) return Error::sys("renameat2");
        TRY(remove_scratch(store_.images, record.name));
        return stored;
    }

    const Request& request_;
    Limits limits_;
    StoreDirectories store_;
    Fd signals_;
    Opened source_;
    const OnProgress& on_progress_;
    std::vector<OfferedLayer> offered_;
    std::vector<Fd> trees_;  // lowest first
    Fd view_;
    bool assembled_ = false;
    StoredImage stored_;
};

Result<Message> Storing::describe_image(Broker& broker) {
    const Fd scratch = TRY(sys::open("/", O_RDONLY | O_DIRECTORY));
    Budget budget(limits_);
    std::unique_ptr<Source> source;
    if (source_.archive)
        source = TRY_IN("read the archive", ArchiveSource::open(std::move(source_.archive), scratch, budget));
    else
        source = std::make_unique<LayoutSource>(broker);
    const ChosenImage image = TRY_IN("read the image", choose_image(*source, request_.wanted, limits_));
    for (size_t i = 0; i < image.layers.size(); ++i) {
        const LayerSource& layer = image.layers[i].source;
        TRY(broker.offer(i + 1, image.layers.size(), static_cast<int32_t>(layer.codec), layer.blob.fd, layer.blob.offset, layer.blob.size,
                         layer.digest ? layer.digest->text() : "", layer.diff_id.text()));
    }
    std::string accounts[2];
    const char* const paths[] = {"/etc/passwd", "/etc/group"};
    const char* const names[] = {layout::passwd, layout::group};
    for (size_t i = 0; i < 2; ++i) {
        const Fd file = TRY_IN(concat("the image's ", paths[i]), broker.account(paths[i]));
        if (file) accounts[i] = TRY_IN(concat("the image's ", paths[i]), sys::read_all(file, oci::max_account_file_bytes));
        TRY(write_new(scratch, names[i], accounts[i]));
    }
    const auto process = oci::convert(image.config, {accounts[0], accounts[1]});
    const Counts none;
    Report report{request_.source, image, none, request_.tree, process ? &process.value() : nullptr, process ? std::string() : process.error().text(), {}};
    report.chains = TRY(chain_ids(image.config.diff_ids));
    TRY(write_new(scratch, layout::image_record, to_json(report)));
    Message done;
    std::string id;
    if (image.manifest_digest && image.manifest_digest->algorithm() == oci::Digest::Algorithm::sha256) {
        id = image.manifest_digest->hex();
    } else {
        Hasher hasher = TRY(Hasher::make(oci::Digest::Algorithm::sha256));
        hasher.update({reinterpret_cast<const uint8_t*>(image.config_text.data()), image.config_text.size()});
        id = hasher.finish();
    }
    put_text(done.text, sizeof done.text, id);
    return done;
}

}  // namespace

Result<StoredImage> store_image(const Request& request, const std::string& store, const OnProgress& on_progress) {
    TRY(warm_up_hashing());
    // An overlay of the layers needs a mount namespace in which we are root. What is opened before would not belong to it.
    if (!request.tree.own) TRY_IN("user namespace", sys::enter_user_namespace(CLONE_NEWNS));
    // Two descriptors a layer are open at once.
    const uint64_t most = TRY(sys::get_limit(RLIMIT_NOFILE)).second;
    TRY(sys::set_limit(0, RLIMIT_NOFILE, most, most));
    Fd signals = TRY(block_signals());
    Opened source = TRY(open_source(request.path));
    StoreDirectories directories = TRY(open_store(store, StoreUse::unpack));
    return Storing(request, std::move(directories), std::move(signals), std::move(source), on_progress).run();
}

}  // namespace casemate::image
