#include "sys/overlay.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <string>

#include "base/text.h"
#include "sys/call.h"
#include "sys/user_namespace.h"

namespace casemate::sys {
namespace {

constexpr uint64_t ms_private = 1 << 18;
constexpr size_t option_limit = 255;  // fsconfig(2) takes strings of at most 255 bytes
constexpr std::string_view name_letters = "0123456789abcdefghijklmnopqrstuvwxyz";

// Said explicitly: defaults differ by kernel. No upper outlives its container, so nothing needs to be synced ("volatile").
Result<MountBuilder> begin(bool writable) {
    MountBuilder builder = TRY(MountBuilder::open("overlay"));
    TRY(builder.flag("userxattr"));
    TRY(builder.set("index", "off"));
    TRY(builder.set("xino", "off"));
    TRY(builder.set("metacopy", "off"));
    TRY(builder.set("redirect_dir", "nofollow"));
    if (writable) TRY(builder.flag("volatile"));
    return builder;
}

Result<Fd> by_descriptor(const Overlay& overlay, uint64_t attributes) {
    const bool writable = overlay.own.get() >= 0;
    MountBuilder builder = TRY(begin(writable));
    for (const FdView layer : overlay.lower) TRY(builder.set_fd("lowerdir+", layer));
    if (writable) {
        const Fd upper = TRY(openat2(overlay.own, overlay.upper, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0));
        const Fd work = TRY(openat2(overlay.own, overlay.work, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0));
        TRY(builder.set_fd("upperdir", upper));
        TRY(builder.set_fd("workdir", work));
    }
    return builder.mount(attributes);
}

// Short names: all of them have to fit into one option.
std::string layer_name(size_t index) {
    std::string name(1, name_letters[index % name_letters.size()]);
    if (index >= name_letters.size()) name.insert(name.begin(), name_letters[index / name_letters.size()]);
    return name;
}

// In a mount namespace of our own, with the working directory on a tmpfs there: layers become its directories.
Result<Fd> with_attached_layers(const Overlay& overlay, uint64_t attributes) {
    const bool writable = overlay.own.get() >= 0;
    MountBuilder tmpfs = TRY(MountBuilder::open("tmpfs"));
    TRY(tmpfs.set("mode", "0700"));
    const Fd table = TRY(tmpfs.mount(0));
    const Fd top = TRY(open("/", O_PATH | O_DIRECTORY));
    TRY(move_mount(table, top));
    if (::fchdir(table.get()) < 0) return Error::sys("fchdir");
    const auto attach = [&](FdView mount, const std::string& name) -> Result<void> {
        TRY(mkdirat(table, name.c_str(), 0700));
        return move_mount_at(mount, table, name.c_str());
    };
    std::string names;
    for (size_t i = 0; i < overlay.lower.size(); ++i) {
        TRY(attach(overlay.lower[i], layer_name(i)));
        names += concat(i ? ":" : "", layer_name(i));
    }
    if (names.size() > option_limit)
        return Error::from_errno(E2BIG, concat(overlay.lower.size(), " layers")).hint("this kernel takes about 100; flatten the image, or use Linux 6.13 or newer");
    MountBuilder builder = TRY(begin(writable));
    TRY(builder.set("lowerdir", names.c_str()));
    if (writable) {
        TRY(attach(overlay.own, "_"));
        TRY(builder.set("upperdir", concat("_/", overlay.upper).c_str()));
        TRY(builder.set("workdir", concat("_/", overlay.work).c_str()));
    }
    return builder.mount(attributes);
}

Result<Fd> by_private_namespace(const Overlay& overlay, uint64_t attributes) {
    return made_in_child([&]() -> Result<Fd> {
        TRY(unshare(CLONE_NEWNS));
        const Fd top = TRY(open("/", O_PATH | O_DIRECTORY));
        TRY(mount_setattr(top, AT_RECURSIVE, 0, 0, ms_private));
        return with_attached_layers(overlay, attributes);
    });
}

}  // namespace

Result<Fd> make_overlay(const Overlay& overlay, uint64_t attributes, OverlayWay way) {
    if (way != OverlayWay::private_namespace) {
        auto made = by_descriptor(overlay, attributes);
        // EOPNOTSUPP, EINVAL: no such option before 6.13, no detached layers before 6.15.
        const bool old = !made && (made.error().code() == EINVAL || made.error().code() == EOPNOTSUPP);
        if (!old || way == OverlayWay::by_descriptor) return made;
    }
    return by_private_namespace(overlay, attributes);
}

}  // namespace casemate::sys
