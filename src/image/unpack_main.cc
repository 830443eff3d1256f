// casemate-unpack: an OCI or docker image to DEST/rootfs and DEST/image.json, by a confined worker.
//
// A program of its own in libexec, because inflating, hashing and tar belong to nothing that starts containers: the
// launcher stays static and small, and what reads hostile archives has no capability to spare.
#include <getopt.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/text.h"
#include "image/report.h"
#include "image/store.h"
#include "image/supervise.h"
#include "json/writer.h"

namespace {

using namespace casemate;
using namespace casemate::image;

constexpr char usage[] =
    "usage: casemate-unpack [OPTION]... SOURCE DEST\n"
    "SOURCE: an OCI layout directory (DIR[:REF]), an OCI archive or a docker archive (tar, also gzip or zstd).\n"
    "DEST:   a directory that does not exist yet, or is empty; gets rootfs/ and image.json.\n"
    "  --store DIR                into the image store DIR instead of DEST, a directory for each layer\n"
    "  --ref REF                  which image, where SOURCE has several\n"
    "  --platform OS/ARCH[/VAR]   instead of this machine's\n"
    "  --setid keep|ignore|strip  set-id bits and file capabilities (default: strip)\n"
    "  --devices skip|refuse      device nodes (default: skip, and count)\n"
    "  --shift BASE               add BASE to every owner; owners above 65535 are errors\n"
    "  --max-size BYTES           uncompressed, all layers together (default: 32 GiB)\n"
    "  --max-entries N            of all layers together (default: 1000000)\n"
    "  --max-ratio N              uncompressed to compressed (default: 250)\n"
    "  --format text|json         of results, progress and errors (default: text)\n"
    "  --progress auto|never      a progress line on a terminal (default: auto)\n"
    "  --help, --version\n"
    "Exit: 0 done, 125 failed, 128+N ended by signal N. After a failure nothing is left in DEST.\n";

struct Options {
    Request request;
    std::string store;
    bool json = false, progress = true, help = false, version = false;
};

Error bad_value(std::string_view option, std::string_view value, std::string_view expected) {
    return Error::invalid(concat("--", option, " ", quoted(value), ": expected ", expected));
}

Result<uint64_t> number(std::string_view option, std::string_view text, uint64_t max = INT64_MAX) {
    const auto value = parse_decimal(text, max);
    if (!value || *value == 0) return bad_value(option, text, concat("a number from 1 to ", max));
    return *value;
}

Result<oci::Platform> platform(std::string_view text) {
    const auto parts = split(text, '/');
    if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[1].empty())
        return bad_value("platform", text, "OS/ARCH or OS/ARCH/VARIANT");
    oci::Platform wanted;
    wanted.os = parts[0];
    wanted.architecture = parts[1];
    if (parts.size() == 3) wanted.variant = parts[2];
    return wanted;
}

Result<void> take(std::string_view option, std::string_view value, Options& options) {
    Request& request = options.request;
    if (option == "ref") {
        request.wanted.reference = value;
    } else if (option == "store") {
        options.store = value;
    } else if (option == "platform") {
        request.wanted.platform = TRY(platform(value));
    } else if (option == "setid") {
        if (value != "keep" && value != "ignore" && value != "strip")
            return bad_value(option, value, "keep, ignore or strip");
        request.tree.setid = value == "keep" ? Setid::keep : value == "ignore" ? Setid::ignore : Setid::strip;
    } else if (option == "devices") {
        if (value != "skip" && value != "refuse") return bad_value(option, value, "skip or refuse");
        request.tree.devices = value == "skip" ? Devices::skip : Devices::refuse;
    } else if (option == "shift") {
        request.tree.shift_ids = 65536;
        request.tree.shift = static_cast<uint32_t>(TRY(number(option, value, oci::max_id - request.tree.shift_ids)));
    } else if (option == "max-size") {
        request.limits.bytes = TRY(number(option, value));
    } else if (option == "max-entries") {
        request.limits.entries = TRY(number(option, value));
    } else if (option == "max-ratio") {
        request.limits.ratio = TRY(number(option, value));
    } else if (option == "format") {
        if (value != "text" && value != "json") return bad_value(option, value, "text or json");
        options.json = value == "json";
    } else if (option == "progress") {
        if (value != "auto" && value != "never") return bad_value(option, value, "auto or never");
        options.progress = value == "auto";
    } else if (option == "help") {
        options.help = true;
    } else if (option == "version") {
        options.version = true;
    }
    return {};
}

Result<void> parse(int argc, char** argv, Options& options) {
    static constexpr option table[] = {{"store", required_argument, nullptr, 0},
                                       {"ref", required_argument, nullptr, 0},
                                       {"platform", required_argument, nullptr, 0},
                                       {"setid", required_argument, nullptr, 0},
                                       {"devices", required_argument, nullptr, 0},
                                       {"shift", required_argument, nullptr, 0},
                                       {"max-size", required_argument, nullptr, 0},
                                       {"max-entries", required_argument, nullptr, 0},
                                       {"max-ratio", required_argument, nullptr, 0},
                                       {"format", required_argument, nullptr, 0},
                                       {"progress", required_argument, nullptr, 0},
                                       {"help", no_argument, nullptr, 0},
                                       {"version", no_argument, nullptr, 0},
                                       {nullptr, 0, nullptr, 0}};
    opterr = 0;
    int index = 0;
    for (int code; (code = ::getopt_long(argc, argv, "+:", table, &index)) != -1;) {
        if (code == ':') return Error::invalid(concat(quoted(argv[optind - 1]), " needs a value"));
        if (code != 0) return Error::invalid(concat("unknown option ", quoted(argv[optind - 1]))).hint("see --help");
        TRY(take(table[index].name, optarg ? optarg : "", options));
    }
    if (options.help || options.version) return {};
    const bool store = !options.store.empty();
    if (argc - optind != (store ? 1 : 2)) return Error::invalid(store ? "expected SOURCE" : "expected SOURCE and DEST").hint("see --help");
    Request& request = options.request;
    request.source = argv[optind];
    if (!store) request.destination = argv[optind + 1];
    const SourceText source = TRY(split_source(request.source));
    request.path = source.path;
    if (!source.reference.empty()) {
        if (!request.wanted.reference.empty() && request.wanted.reference != source.reference)
            return Error::invalid("--ref and SOURCE name different references");
        request.wanted.reference = source.reference;
    }
    // Without root nobody may give files away.
    request.tree.own = ::geteuid() == 0;
    if (store && request.tree.shift != 0) return Error::invalid("--store and --shift: a store keeps owners as they are");
    if (request.tree.shift != 0 && !request.tree.own) return Error::invalid("--shift needs root");
    return {};
}

void print_error(const Error& error, bool json) {
    if (!json) {
        std::fprintf(stderr, "casemate-unpack: %s\n", error.text().c_str());
        if (!error.hint_text().empty()) std::fprintf(stderr, "hint: %s\n", error.hint_text().c_str());
        return;
    }
    json::Writer out;
    out.begin_object().field("level", "error").field("msg", error.text());
    if (!error.hint_text().empty()) out.field("hint", error.hint_text());
    out.field("errno", errno_name(error.code())).field("exitCode", error.exit_code()).end_object();
    std::fprintf(stderr, "%s\n", out.text().c_str());
}

// One event a layer in JSON; on a terminal one line that is written over.
class Progress {
public:
    explicit Progress(const Options& options)
        : json_(options.json), line_(!options.json && options.progress && ::isatty(STDERR_FILENO) == 1) {}

    void show(const Message& message) {
        if (json_ && message.bytes == 0) {
            json::Writer out;
            out.begin_object()
                .field("event", "layer")
                .field("layer", message.layer)
                .field("layers", message.layers)
                .end_object();
            std::printf("%s\n", out.text().c_str());
            std::fflush(stdout);
        }
        if (line_)
            std::fprintf(stderr, "\r\033[Klayer %llu of %llu: %llu MiB", static_cast<unsigned long long>(message.layer),
                         static_cast<unsigned long long>(message.layers),
                         static_cast<unsigned long long>(message.bytes >> 20));
    }
    void end() const {
        if (line_) std::fprintf(stderr, "\r\033[K");
    }

private:
    bool json_, line_;
};

void print_result(const Counts& counts, const Options& options) {
    if (!options.json) {
        std::printf("%s: %s\n", options.request.destination.c_str(), summary(counts).c_str());
        return;
    }
    json::Writer out;
    out.begin_object().field("event", "done").field("destination", options.request.destination);
    out.field("files", counts.files).field("bytes", counts.bytes).end_object();
    std::printf("%s\n", out.text().c_str());
}

void print_stored(const StoredImage& stored, const Options& options) {
    if (!options.json) {
        std::printf("stored: %s\n%zu layers, %zu of them new: %s\n", stored.id.c_str(), stored.layers, stored.added, summary(stored.counts).c_str());
        return;
    }
    json::Writer out;
    out.begin_object().field("event", "stored").field("image", stored.id).field("layers", uint64_t{stored.layers});
    out.field("added", uint64_t{stored.added}).field("files", stored.counts.files).field("bytes", stored.counts.bytes).end_object();
    std::printf("%s\n", out.text().c_str());
}

// What was asked for, with its result printed.
Result<void> unpack_as_asked(const Options& options, const OnProgress& on_progress, const Progress& progress) {
    if (!options.store.empty()) {
        auto stored = store_image(options.request, options.store, on_progress);
        progress.end();
        if (!stored) return std::move(stored).take_error();
        print_stored(stored.value(), options);
        return {};
    }
    auto counts = supervise(options.request, on_progress);
    progress.end();
    if (!counts) return std::move(counts).take_error();
    print_result(counts.value(), options);
    return {};
}

int run(int argc, char** argv) {
    ::umask(077);
    Options options;
    if (auto parsed = parse(argc, argv, options); !parsed) {
        print_error(parsed.error(), options.json);
        return parsed.error().exit_code();
    }
    if (options.help || options.version) {
        std::fputs(options.help ? usage : "casemate-unpack " CASEMATE_VERSION "\n", stdout);
        return 0;
    }
    Progress progress(options);
    auto done = unpack_as_asked(options, [&](const Message& message) { progress.show(message); }, progress);
    if (done) return 0;
    const Error error = std::move(done).take_error().within(concat("unpack ", quoted(options.request.source)));
    print_error(error, options.json);
    return error.exit_code();
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
