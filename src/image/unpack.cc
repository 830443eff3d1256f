#include "image/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "image/attachments.h"
#include "image/report.h"
#include "sys/call.h"
#include "sys/root.h"

namespace casemate::image {
namespace {

// The image's own account files, as hostile data: in its root, regular, at most 1 MiB; a missing one is empty.
Result<std::string> account_file(const sys::Root& root, const char* path) {
    auto text = root.read_regular(path, oci::max_account_file_bytes);
    if (!text && text.error().code() == ENOENT) return std::string();
    if (!text) return std::move(text).take_error().within(concat("the image's ", path));
    return text;
}

Result<oci::ImageProcess> process_of(const oci::ImageConfig& config, const sys::Root& root) {
    oci::ConversionInput input;
    const std::string passwd = TRY(account_file(root, "/etc/passwd"));
    const std::string group = TRY(account_file(root, "/etc/group"));
    input.passwd_text = passwd;
    input.group_text = group;
    return oci::convert(config, input);
}

Result<void> write_file(FdView directory, const char* name, std::string_view text) {
    const Fd fd(::openat(directory.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return Error::sys(concat("openat ", quoted(name)));
    return sys::write_all(fd, text);
}

Result<Fd> make_root(FdView scratch) {
    // 0755 unless the image says otherwise; the scratch directory above it is 0700 (SECURITY 3.L).
    if (::mkdirat(scratch.get(), "rootfs", 0755) != 0) return Error::sys("mkdirat 'rootfs'");
    Fd root(::openat(scratch.get(), "rootfs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!root) return Error::sys("openat 'rootfs'");
    return root;
}

Result<ChosenImage> open_image(Source& source, const Request& request) {
    return choose_image(source, request.wanted, request.limits);
}

}  // namespace

Result<Counts> unpack(const Request& request, Broker& broker, Fd archive, FdView scratch) {
    Budget budget(request.limits);
    std::unique_ptr<Source> source;
    if (archive)
        source = TRY_IN("read the archive", ArchiveSource::open(std::move(archive), scratch, budget));
    else
        source = std::make_unique<LayoutSource>(broker);
    const ChosenImage image = TRY_IN("read the image", open_image(*source, request));

    const Fd root = TRY(make_root(scratch));
    Fd tree_root = TRY(sys::openat2(root, ".", O_RDONLY | O_DIRECTORY, 0));
    Tree tree = TRY(Tree::make(std::move(tree_root), request.tree, request.limits));
    if (request.tree.own && request.tree.shift != 0 &&
        ::fchown(root.get(), request.tree.shift, request.tree.shift) != 0)
        return Error::sys("fchown 'rootfs'");
    const size_t layers = request.documents_only ? 0 : image.layers.size();
    for (size_t i = 0; i < layers; ++i) {
        tree.start_layer(i > 0);
        const auto progress = [&](uint64_t bytes) { broker.progress(i + 1, image.layers.size(), bytes); };
        progress(0);
        TRY_IN(concat("layer ", i + 1, " of ", image.layers.size()),
               apply_layer(image.layers[i].source, tree, budget, progress));
    }

    Fd account_root = TRY(sys::openat2(root, ".", O_PATH | O_DIRECTORY, 0));
    const auto process = process_of(image.config, sys::Root::adopt(std::move(account_root)));
    Report report{request.source, image, tree.counts(), request.tree, nullptr, {}};
    if (process)
        report.process = &process.value();
    else
        report.process_error = process.error().text();
    TRY(write_file(scratch, "image.json", to_json(report)));
    if (request.keep_config) {
        TRY(write_file(scratch, "config.json", image.config_text));
        TRY(write_file(scratch, "attachments.json", attachments_of(*source, image, request.limits)));
    }
    return tree.counts();
}

}  // namespace casemate::image
