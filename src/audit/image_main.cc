// Reads the image under judgement, by the unpacker's own confined worker.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "audit/fields.h"
#include "audit/program.h"
#include "base/text.h"
#include "image/removal.h"
#include "image/supervise.h"
#include "sys/call.h"

namespace casemate::audit {
namespace {

constexpr size_t max_document_bytes = size_t{8} << 20, max_attachments_bytes = size_t{64} << 20;

Result<image::Request> request_for(const Options& options, bool layers, const std::string& destination) {
    image::Request request;
    request.source = options.source;
    request.destination = destination;
    const image::SourceText source = TRY(image::split_source(options.source));
    request.path = source.path;
    request.wanted.reference = source.reference.empty() ? options.reference : source.reference;
    if (!source.reference.empty() && !options.reference.empty() && source.reference != options.reference)
        return Error::invalid("--ref and IMAGE name different references");
    request.wanted.platform = options.platform;
    // As the image has it: the rules are to see set-id bits. Nobody else can enter the directory above.
    request.tree.setid = image::Setid::keep;
    request.tree.own = ::geteuid() == 0;
    request.keep_config = true;
    request.documents_only = !layers;
    return request;
}

Result<void> read_report(const std::string& text, ReadImage& image) {
    const json::Document document = TRY(json::Document::parse(text));
    std::optional<Error> problem;
    const Fields root(document.root(), "$", problem);
    image.identity.manifest_digest = root.text("manifestDigest");
    image.identity.config_digest = root.text("configDigest");
    image.reference = root.text("reference");
    if (const json::Value* const annotations = root.raw("annotations"))
        for (const json::Member& member : annotations->members())
            image.annotations.emplace(member.key, member.value.string());
    for (const Fields& layer : root.objects("layers")) image.blob_bytes += layer.number("size");
    image.owners_known = root.object("unpack").flag("owners");
    image.skipped_devices = root.object("counts").number("skippedDevices");
    if (problem) return *std::move(problem);
    return {};
}

}  // namespace

Result<ScratchDirectory> ScratchDirectory::make() {
    const char* const base = std::getenv("TMPDIR");
    std::string path = concat(base && base[0] == '/' ? base : "/tmp", "/casemate-audit-XXXXXX");
    if (!::mkdtemp(path.data())) return Error::sys(concat("mkdtemp ", quoted(path)));
    return ScratchDirectory(std::move(path));
}

ScratchDirectory::~ScratchDirectory() {
    if (path_.empty()) return;
    const size_t slash = path_.rfind('/');
    const auto parent = sys::open(path_.substr(0, slash + 1).c_str(), O_RDONLY | O_DIRECTORY);
    if (parent) static_cast<void>(image::remove_scratch(parent.value(), path_.substr(slash + 1)));
}

Result<std::string> read_input(const std::string& path, size_t limit) {
    const Fd file = TRY_IN(quoted(path), sys::open(path.c_str(), O_RDONLY | O_NONBLOCK));
    const struct stat status = TRY(sys::fstat(file));
    if (!S_ISREG(status.st_mode)) return Error::invalid(concat(quoted(path), ": not a regular file"));
    return TRY_IN(quoted(path), sys::read_all(file, limit));
}

Result<ReadImage> read_image(const Options& options, bool layers, const ScratchDirectory& scratch) {
    const std::string destination = concat(scratch.path(), "/image");
    const image::Request request = TRY(request_for(options, layers, destination));
    TRY_IN(concat("image ", quoted(options.source)), image::supervise(request, [](const image::Message&) {}));
    ReadImage image;
    image.config_text = TRY(read_input(concat(destination, "/config.json"), max_document_bytes));
    image.attachments_text = TRY(read_input(concat(destination, "/attachments.json"), max_attachments_bytes));
    const std::string report = TRY(read_input(concat(destination, "/image.json"), max_document_bytes));
    TRY(read_report(report, image));
    image.pinned = static_cast<bool>(oci::Digest::parse(request.wanted.reference));
    image.has_layers = layers;
    return image;
}

Result<void> ReadImage::understand() {
    config = TRY_IN("image config", oci::parse_image_config(config_text));
    identity.diff_ids.clear();
    for (const oci::Digest& id : config.diff_ids) identity.diff_ids.push_back(id.text());
    return {};
}

}  // namespace casemate::audit
