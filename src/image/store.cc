#include "image/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/text.h"
#include "image/digest.h"
#include "image/store_layout.h"
#include "sys/call.h"

namespace casemate::image {
namespace {

Result<Fd> open_directory(FdView parent, const char* name, bool make) {
    if (make && ::mkdirat(parent.get(), name, 0700) != 0 && errno != EEXIST) return Error::sys(concat("mkdirat ", quoted(name)));
    Fd directory = TRY_IN(quoted(name), sys::openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0));
    const struct stat status = TRY(sys::fstat(directory));
    if (status.st_uid != ::geteuid() || (status.st_mode & 077) != 0)
        return Error::with_code(EPERM, concat(quoted(name), ": is not ours alone: uid ", status.st_uid, ", mode ", status.st_mode & 07777));
    return directory;
}

}  // namespace

Result<std::vector<oci::Digest>> chain_ids(const std::vector<oci::Digest>& diff_ids) {
    std::vector<oci::Digest> chains;
    for (const oci::Digest& diff_id : diff_ids) {
        if (chains.empty()) {
            chains.push_back(diff_id);
            continue;
        }
        Hasher hasher = TRY(Hasher::make(oci::Digest::Algorithm::sha256));
        const std::string text = concat(chains.back().text(), " ", diff_id.text());
        hasher.update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
        chains.push_back(TRY(oci::Digest::parse(concat("sha256:", hasher.finish()))));
    }
    return chains;
}

Result<StoreDirectories> open_store(const std::string& path, StoreUse use) {
    namespace layout = store_layout;
    const bool make = use != StoreUse::read;
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) return Error::invalid(concat(quoted(path), ": no absolute path of a store"));
    const std::string above = path.substr(0, slash);
    const Fd parent = TRY_IN(quoted(above), sys::open(above.c_str(), O_RDONLY | O_DIRECTORY));
    StoreDirectories store;
    store.top = TRY_IN(quoted(above), open_directory(parent, path.substr(slash + 1).c_str(), make));
    store.layers = TRY_IN(quoted(path), open_directory(store.top, layout::layers, make));
    store.images = TRY_IN(quoted(path), open_directory(store.top, layout::images, make));
    if (!make) return store;
    TRY_IN(quoted(path), open_directory(store.top, layout::references, true));
    store.lock = TRY_IN(quoted(path), sys::openat2(store.top, layout::lock, O_RDWR | O_CREAT | O_NOFOLLOW, 0, 0600));
    const int wanted = use == StoreUse::unpack ? LOCK_SH : LOCK_EX | LOCK_NB;
    if (::flock(store.lock.get(), wanted) == 0) return store;
    if (errno == EWOULDBLOCK) return Error::with_code(EBUSY, concat(quoted(path), ": an image is being unpacked")).hint("try again when it is done");
    return Error::sys("flock").within(quoted(path));
}

}  // namespace casemate::image
