#include "runtime/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "image/store_layout.h"
#include "json/value.h"
#include "json/writer.h"
#include "runtime/directories.h"
#include "runtime/pull.h"
#include "runtime/unpacker.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

namespace layout = image::store_layout;
constexpr size_t record_limit = size_t{4} << 20;
// A file that changed this shortly ago may change again without its times saying so.
constexpr int64_t settled_ns = 50'000'000;

int64_t nanoseconds(const timespec& time) { return time.tv_sec * int64_t{1'000'000'000} + time.tv_nsec; }

bool is_store_id(std::string_view text) {
    return (text.size() == 64 || text.size() == 128) && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string reference_name(std::string_view key) {
    uint64_t hash = 14695981039346656037u;  // FNV-1a; the record holds the whole key
    for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    char name[32];
    std::snprintf(name, sizeof name, "%016llx.json", static_cast<unsigned long long>(hash));
    return name;
}

class Store {
public:
    // Made where it is missing.
    static Result<Store> open(const Settings& settings, const std::string& setid) {
        const std::string above = concat(TRY(data_root(settings)), "/", layout::directory);
        TRY(open_private_directory(above, true));
        Store store;
        store.path_ = concat(above, "/", setid);
        store.directory_ = TRY(open_private_directory(store.path_, true));
        return store;
    }
    const std::string& path() const { return path_; }

    // The image that this source was, if it is still the same and still there.
    std::optional<Source> find(const SourceIdentity& wanted) const {
        if (wanted.identity.empty()) return std::nullopt;
        const auto text = sys::read_file(directory_, reference_path(wanted.key).c_str(), record_limit);
        if (!text) return std::nullopt;
        const auto document = json::Document::parse(text.value());
        if (!document) return std::nullopt;
        const auto is = [&](const char* name, std::string_view value) {
            const json::Value* found = document.value().root().find(name);
            return found && found->string() == value;
        };
        const json::Value* image = document.value().root().find("image");
        if (!image || !is("source", wanted.key) || !is("identity", wanted.identity)) return std::nullopt;
        auto source = take(std::string(image->string()));
        return source ? std::optional<Source>(std::move(source).take()) : std::nullopt;
    }

    // An image by its name in the store, locked. ENOENT when it, or one of its layers, is not there.
    Result<Source> take(const std::string& id) const {
        if (!is_store_id(id)) return Error::invalid("no id of an image");
        const std::string record = concat(path_, "/", layout::images, "/", id);
        Fd directory = TRY(sys::open(record.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        if (::flock(directory.get(), LOCK_SH) < 0) return Error::sys("flock");
        // Whoever removes an image holds its lock, and begins with this file.
        const std::string text = TRY(sys::read_file(directory, layout::image_record, record_limit));
        ImageReport report = TRY(parse_image_report(text));
        Source source = std::move(report.source);
        for (auto chain = report.chains.rbegin(); chain != report.chains.rend(); ++chain) {
            if (!is_store_id(*chain)) return Error::invalid("image.json: no id of a layer");
            source.layers.push_back(concat(path_, "/", layout::layers, "/", *chain, "/", layout::tree));
            if (::access(source.layers.back().c_str(), F_OK) < 0) return Error::sys("access").within(quoted(source.layers.back()));
        }
        if (source.layers.empty()) return Error::invalid("image.json: no layers");
        source.app.root_path = record;
        source.in_use = std::move(directory);
        return source;
    }

    // Remembers what the source was. Not remembering costs the next start some time, nothing else.
    Result<void> remember(const SourceIdentity& source, const std::string& id) const {
        if (source.identity.empty()) return {};
        json::Writer out;
        out.begin_object().field("schemaVersion", 1).field("source", source.key).field("identity", source.identity).field("image", id).end_object();
        const std::string path = reference_path(source.key), fresh = concat(path, ".", ::getpid());
        {
            const Fd file = TRY(sys::openat2(directory_, fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0, 0600));
            TRY(sys::write_all(file, out.take() + "\n"));
        }
        if (::renameat(directory_.get(), fresh.c_str(), directory_.get(), path.c_str()) < 0) return Error::sys("renameat");
        return {};
    }

private:
    static std::string reference_path(const std::string& key) { return concat(layout::references, "/", reference_name(key)); }
    std::string path_;
    Fd directory_;
};

Result<std::string> absolute(const std::string& path) {
    char resolved[PATH_MAX];
    if (!::realpath(path.c_str(), resolved)) return Error::sys("realpath").within(quoted(path));
    return std::string(resolved);
}

// "stored: ID" of casemate-unpack's output.
Result<std::string> stored_id(std::string_view output) {
    constexpr std::string_view mark = "stored: ";
    for (const std::string_view line : split(output, '\n'))
        if (line.starts_with(mark)) return std::string(line.substr(mark.size()));
    return Error::invalid("casemate-unpack did not say what it stored");
}

bool is_since(std::string_view kernel, uint64_t major, uint64_t minor) {
    const auto parts = split(kernel, '.');
    const uint64_t first = parse_decimal(parts[0]).value_or(0), second = parts.size() > 1 ? parse_decimal(parts[1]).value_or(0) : 0;
    return first > major || (first == major && second >= minor);
}

// On ext4, xfs, btrfs; or on a tmpfs of Linux 6.`tmpfs_since`.
bool lies_on_suitable(const std::string& directory, std::string_view kernel, uint64_t tmpfs_since) {
    struct statfs status {};
    if (::statfs(directory.c_str(), &status) < 0) return false;
    constexpr long ext4 = 0xEF53, xfs = 0x58465342, tmpfs = 0x01021994;
    constexpr long btrfs = static_cast<long>(0x9123683E);
    const long type = static_cast<long>(status.f_type);
    if (type == ext4 || type == xfs || type == btrfs) return true;
    return type == tmpfs && is_since(kernel, 6, tmpfs_since);
}

}  // namespace

bool can_idmap(const std::string& directory, std::string_view kernel) { return lies_on_suitable(directory, kernel, 3); }

// user.* attributes come later than idmaps.
bool can_store(const std::string& directory, std::string_view kernel) { return lies_on_suitable(directory, kernel, 6); }

Result<SourceIdentity> identify(const SourceRequest& request) {
    const std::string& source = request.source;
    if (source.starts_with("docker://")) return SourceIdentity{source, "pulled"};
    struct stat status {};
    const bool whole = ::stat(source.c_str(), &status) == 0;
    // DIR:REF, where REF may be a digest, which has a colon of its own.
    size_t colon = source.rfind(':');
    for (size_t next = colon; !whole && next != std::string::npos && next > 0; next = source.rfind(':', next - 1)) {
        colon = next;
        if (::stat(source.substr(0, next).c_str(), &status) == 0) break;
    }
    const std::string path = TRY(absolute(whole ? source : source.substr(0, colon)));
    SourceIdentity out{concat(path, ":", whole ? std::string() : source.substr(colon + 1), ":", request.ref), {}};
    if (::stat(path.c_str(), &status) < 0) return Error::sys("stat").within(quoted(path));
    // Of a layout the index says all: blobs are found by their digests.
    if (S_ISDIR(status.st_mode) && ::stat((path + "/index.json").c_str(), &status) < 0) return out;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const int64_t changed = std::max(nanoseconds(status.st_ctim), nanoseconds(status.st_mtim));
    if (nanoseconds(now) - changed < settled_ns) return out;
    out.identity = concat(status.st_dev, ":", status.st_ino, ":", status.st_size, ":", nanoseconds(status.st_mtim), ":", nanoseconds(status.st_ctim));
    return out;
}

Result<Source> open_stored(const Settings& settings, const SourceRequest& request) {
    const Store store = TRY(Store::open(settings, request.setid));
    // Before anything is read: what changes in between is then another source.
    const SourceIdentity identity = TRY(identify(request));
    if (auto known = store.find(identity)) return std::move(*known);
    std::string from = request.source;
    if (from.starts_with("docker://")) from = TRY(pull(request.source, request.scratch));
    std::vector<std::string> words{"--store", store.path(), "--setid", request.setid};
    if (!request.ref.empty()) words.insert(words.end(), {"--ref", request.ref});
    words.insert(words.end(), request.unpacker_arguments.begin(), request.unpacker_arguments.end());
    words.insert(words.end(), {"--", from});
    const std::string output = TRY(run_unpacker(settings, std::move(words)));
    const std::string id = TRY(stored_id(output));
    if (from != request.source) TRY(remove_unpacked(request.scratch));
    Source source = TRY_IN("the image store", store.take(id));
    if (auto remembered = store.remember(identity, id); !remembered) log(LogLevel::warning, concat("the image store: ", remembered.error().text()));
    if (from != request.source) log(LogLevel::info, concat(request.source, " is ", source.digest));
    return source;
}

}  // namespace casemate::runtime
