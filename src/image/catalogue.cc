#include "image/catalogue.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/text.h"
#include "image/digest.h"
#include "image/file_list.h"
#include "image/removal.h"
#include "image/scratch_directory.h"
#include "image/store.h"
#include "image/store_layout.h"
#include "json/value.h"
#include "sys/call.h"

namespace casemate::image {
namespace {

namespace layout = store_layout;
constexpr const char* setids[] = {"strip", "keep", "ignore"};
constexpr size_t record_limit = size_t{4} << 20, list_limit = size_t{1} << 30;
constexpr size_t findings_limit = 100;
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

std::string word(const json::Value& object, const char* key) {
    const json::Value* value = object.find(key);
    return value ? std::string(value->string()) : std::string();
}

Result<json::Document> read_json(FdView directory, const std::string& path) {
    const std::string text = TRY(sys::read_file(directory, path.c_str(), record_limit));
    return json::Document::parse(text);
}

// Each store that exists.
template <typename Use>
Result<void> each_store(const std::string& data, StoreUse use, const Use& action) {
    for (const char* setid : setids) {
        const std::string path = concat(data, "/", setid);
        if (::access(path.c_str(), F_OK) < 0) continue;
        const StoreDirectories store = TRY(open_store(path, use));
        TRY_IN(quoted(path), action(store, setid));
    }
    return {};
}

struct Reference {
    std::string file, source, image;
};
std::vector<Reference> references_of(const StoreDirectories& store) {
    std::vector<Reference> out;
    auto directory = sys::openat2(store.top, layout::references, directory_flags, 0);
    if (!directory) return out;
    const auto names = names_in(directory.value());
    if (!names) return out;
    for (const std::string& name : names.value()) {
        const auto document = read_json(directory.value(), name);
        // One that cannot be read names no image: collect() removes it.
        out.push_back(document ? Reference{name, word(document.value().root(), "source"), word(document.value().root(), "image")} : Reference{name, {}, {}});
    }
    return out;
}

Result<Fd> open_image(const StoreDirectories& store, const std::string& id) { return sys::openat2(store.images, id.c_str(), directory_flags, 0); }

uint64_t layer_bytes(const StoreDirectories& store, const std::string& chain) {
    const auto document = read_json(store.layers, concat(chain, "/", layout::layer_record));
    const json::Value* bytes = document ? document.value().root().find("bytes") : nullptr;
    return bytes ? bytes->unsigned_integer() : 0;
}

Result<CatalogueImage> read_image(const StoreDirectories& store, const std::string& id, const char* setid) {
    const Fd directory = TRY(open_image(store, id));
    CatalogueImage image;
    image.id = id;
    image.setid = setid;
    image.in_use = ::flock(directory.get(), LOCK_EX | LOCK_NB) < 0;
    const json::Document document = TRY(read_json(directory, layout::image_record));
    const json::Value& root = document.root();
    image.reference = word(root, "reference");
    if (const json::Value* config = root.find("config")) image.created = word(*config, "created");
    if (const json::Value* layers = root.find("layers"))
        for (const json::Value& layer : layers->items()) image.chains.push_back(word(layer, "chain"));
    for (const std::string& chain : image.chains) image.bytes += layer_bytes(store, chain);
    return image;
}

Result<std::vector<CatalogueImage>> images_of(const StoreDirectories& store, const char* setid) {
    std::vector<CatalogueImage> images;
    const std::vector<Reference> references = references_of(store);
    const std::vector<std::string> names = TRY(names_in(store.images));
    for (const std::string& id : names) {
        if (id.starts_with('.')) continue;
        CatalogueImage image = TRY_IN(quoted(id), read_image(store, id, setid));
        for (const Reference& reference : references)
            if (reference.image == id) image.sources.push_back(reference.source);
        images.push_back(std::move(image));
    }
    return images;
}

bool is_called(const CatalogueImage& image, const std::string& name) {
    if (name.empty()) return true;
    std::string_view id = name;
    if (id.starts_with("sha256:")) id.remove_prefix(7);
    if (id.size() >= 4 && image.id.starts_with(id)) return true;
    // A key is "PATH:REF:OPTION"; what the user typed is its beginning.
    return std::any_of(image.sources.begin(), image.sources.end(), [&](const std::string& source) { return source == name || source.starts_with(name + ":"); });
}

Result<void> remove_image(const StoreDirectories& store, const std::string& id) {
    const Fd directory = TRY(open_image(store, id));
    if (::flock(directory.get(), LOCK_EX | LOCK_NB) < 0)
        return Error::with_code(EBUSY, concat("image ", id.substr(0, 12), " is in use by a container")).hint("stop it first: see 'casemate list'");
    // First of all what makes it an image: a launch that waits for the lock then finds none.
    if (::unlinkat(directory.get(), layout::image_record, 0) < 0) return Error::sys("unlinkat");
    TRY(remove_scratch(store.images, id));
    for (const Reference& reference : references_of(store))
        if (reference.image == id && ::unlinkat(store.top.get(), concat(layout::references, "/", reference.file).c_str(), 0) < 0) return Error::sys("unlinkat");
    return {};
}

Result<void> collect_store(const StoreDirectories& store, const char* setid, std::vector<std::string>& removed) {
    remove_stale(store.images);
    std::set<std::string> wanted, ids;
    // With the store locked nobody is making an image; one that cannot be read keeps everything.
    const std::vector<CatalogueImage> images = TRY(images_of(store, setid));
    for (const CatalogueImage& image : images) {
        ids.insert(image.id);
        wanted.insert(image.chains.begin(), image.chains.end());
    }
    const std::vector<std::string> layers = TRY(names_in(store.layers));
    for (const std::string& name : layers) {
        if (wanted.contains(name)) continue;
        TRY_IN(quoted(name), remove_scratch(store.layers, name));
        removed.push_back(concat(setid, "/", layout::layers, "/", name));
    }
    for (const Reference& reference : references_of(store)) {
        if (ids.contains(reference.image)) continue;
        if (::unlinkat(store.top.get(), concat(layout::references, "/", reference.file).c_str(), 0) < 0) return Error::sys("unlinkat");
        removed.push_back(concat(setid, "/", layout::references, "/", reference.file));
    }
    return {};
}

Result<void> verify_layer(const StoreDirectories& store, const std::string& chain, std::vector<LayerFinding>& findings) {
    auto directory = sys::openat2(store.layers, chain.c_str(), directory_flags, 0);
    if (!directory) {
        findings.push_back({chain, "the layer is missing"});
        return {};
    }
    const Fd tree = TRY(sys::openat2(directory.value(), layout::tree, directory_flags, 0));
    const std::string list = TRY_IN(layout::files, sys::read_file(directory.value(), layout::files, list_limit));
    const std::vector<std::string> differences = TRY(compare_file_list(tree, list, findings_limit));
    for (const std::string& difference : differences) findings.push_back({chain, difference});
    return {};
}

}  // namespace

Result<std::vector<CatalogueImage>> list_images(const std::string& data) {
    std::vector<CatalogueImage> images;
    const auto list_one = [&](const StoreDirectories& store, const char* setid) -> Result<void> {
        std::vector<CatalogueImage> found = TRY(images_of(store, setid));
        std::move(found.begin(), found.end(), std::back_inserter(images));
        return {};
    };
    TRY(each_store(data, StoreUse::read, list_one));
    return images;
}

Result<std::vector<std::string>> remove_images(const std::string& data, const std::string& name) {
    std::vector<std::string> removed;
    const auto remove_called = [&](const StoreDirectories& store, const char* setid) -> Result<void> {
        const std::vector<CatalogueImage> images = TRY(images_of(store, setid));
        for (const CatalogueImage& image : images) {
            if (!is_called(image, name)) continue;
            TRY(remove_image(store, image.id));
            removed.push_back(image.id);
        }
        return {};
    };
    TRY(each_store(data, StoreUse::remove, remove_called));
    if (removed.empty()) return Error::with_code(ENOENT, concat("no image ", quoted(name), " in the store")).hint("'casemate images list' shows what there is");
    return removed;
}

Result<std::vector<std::string>> collect(const std::string& data) {
    std::vector<std::string> removed;
    const auto collect_one = [&](const StoreDirectories& store, const char* setid) { return collect_store(store, setid, removed); };
    TRY(each_store(data, StoreUse::remove, collect_one));
    return removed;
}

Result<StoreVerification> verify_store(const std::string& data, const std::string& name) {
    TRY(warm_up_hashing());
    StoreVerification verification;
    const auto verify_one = [&](const StoreDirectories& store, const char* setid) -> Result<void> {
        std::set<std::string> chains;
        const std::vector<CatalogueImage> images = TRY(images_of(store, setid));
        for (const CatalogueImage& image : images)
            if (is_called(image, name)) chains.insert(image.chains.begin(), image.chains.end());
        for (const std::string& chain : chains) {
            ++verification.layers;
            TRY_IN(concat("layer ", chain), verify_layer(store, chain, verification.findings));
        }
        return {};
    };
    TRY(each_store(data, StoreUse::read, verify_one));
    if (!name.empty() && verification.layers == 0) return Error::with_code(ENOENT, concat("no image ", quoted(name), " in the store")).hint("'casemate images list' shows what there is");
    return verification;
}

}  // namespace casemate::image
