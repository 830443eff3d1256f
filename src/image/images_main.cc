// casemate-images: what is in the image store, and how it leaves it. `casemate images` executes it.
#include <getopt.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/text.h"
#include "image/catalogue.h"
#include "image/store_layout.h"
#include "json/writer.h"
#include "runtime/directories.h"
#include "sys/user_namespace.h"

namespace {

using namespace casemate;
using namespace casemate::image;

constexpr char usage[] =
    "usage: casemate images [OPTION]... list | rm IMAGE... | gc | verify [IMAGE]\n"
    "  list           the images of the store, and what uses them\n"
    "  rm IMAGE...    removes images; IMAGE is what was launched, or the beginning of an id\n"
    "  gc             removes layers that no image has, and what killed unpackings left behind\n"
    "  verify [IMAGE] compares every file with the list made when it was unpacked\n"
    "  --format table|json  (default: table)\n"
    "  --store DIR          another store than that of this user's launches\n"
    "  --help, --version\n"
    "Exit: 0 done, 1 verify found a difference, 2 failed.\n";

struct Options {
    std::string store, verb;
    std::vector<std::string> names;
    bool json = false;
};

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

std::string size_text(uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1 << 20));
    return text;
}

void write_strings(json::Writer& out, std::string_view key, const std::vector<std::string>& list) {
    out.key(key).begin_array();
    for (const std::string& item : list) out.value(item);
    out.end_array();
}

void print_images_json(const std::vector<CatalogueImage>& images) {
    json::Writer out(json::Writer::Style::pretty);
    out.begin_array();
    for (const CatalogueImage& image : images) {
        out.begin_object().field("id", image.id).field("setid", image.setid).field("reference", image.reference);
        out.field("created", image.created).field("bytes", image.bytes).field("inUse", image.in_use);
        write_strings(out, "sources", image.sources);
        write_strings(out, "layers", image.chains);
        out.end_object();
    }
    out.end_array();
    print(out.take() + "\n");
}

Result<int> list(const Options& options) {
    const std::vector<CatalogueImage> images = TRY(list_images(options.store));
    if (options.json) {
        print_images_json(images);
        return 0;
    }
    print("IMAGE         LAYERS  SIZE        IN USE  SETID   SOURCE\n");
    for (const CatalogueImage& image : images) {
        const std::string source = image.sources.empty() ? image.reference : image.sources.front();
        std::printf("%-12.12s  %-6zu  %-10s  %-6s  %-6s  %s\n", image.id.c_str(), image.chains.size(), size_text(image.bytes).c_str(), image.in_use ? "yes" : "no",
                    image.setid.c_str(), printable(source).c_str());
    }
    return 0;
}

Result<int> print_removed(const Options& options, const std::vector<std::string>& removed) {
    if (options.json) {
        json::Writer out;
        out.begin_object();
        write_strings(out, "removed", removed);
        out.end_object();
        print(out.take() + "\n");
        return 0;
    }
    for (const std::string& item : removed) print(item + "\n");
    return 0;
}

Result<int> remove(const Options& options) {
    std::vector<std::string> removed;
    for (const std::string& name : options.names)
        for (std::string& id : TRY(remove_images(options.store, name))) removed.push_back(std::move(id));
    // What it leaves to nobody goes at once; where somebody unpacks, the next gc takes it.
    auto collected = collect(options.store);
    if (!collected && collected.error().code() != EBUSY) return std::move(collected).take_error();
    return print_removed(options, removed);
}

Result<int> verify(const Options& options) {
    const StoreVerification seen = TRY(verify_store(options.store, options.names.empty() ? "" : options.names.front()));
    const int code = seen.findings.empty() ? 0 : 1;
    if (options.json) {
        json::Writer out(json::Writer::Style::pretty);
        out.begin_object().field("layers", seen.layers).field("good", seen.findings.empty()).key("findings").begin_array();
        for (const LayerFinding& finding : seen.findings) out.begin_object().field("layer", finding.layer).field("what", finding.text).end_object();
        out.end_array().end_object();
        print(out.take() + "\n");
        return code;
    }
    for (const LayerFinding& finding : seen.findings) print(concat(finding.layer.substr(0, 12), " ", printable(finding.text), "\n"));
    print(concat(seen.layers, " layers: ", seen.findings.empty() ? "every file is as it was unpacked" : concat(seen.findings.size(), " differences"), "\n"));
    return code;
}

Result<Options> parse(int argc, char** argv) {
    static constexpr option table[] = {{"format", required_argument, nullptr, 'f'}, {"store", required_argument, nullptr, 's'}, {"help", no_argument, nullptr, 'h'},
                                       {"version", no_argument, nullptr, 'v'},      {nullptr, 0, nullptr, 0}};
    Options options;
    opterr = 0;
    for (int code; (code = ::getopt_long(argc, argv, ":h", table, nullptr)) != -1;) {
        const std::string_view value = optarg ? optarg : "";
        switch (code) {
            case 'f':
                if (value != "table" && value != "json") return Error::invalid(concat("--format ", quoted(value), ": expected table or json"));
                options.json = value == "json";
                break;
            case 's': options.store = value; break;
            case 'h': options.verb = "help"; return options;
            case 'v': options.verb = "version"; return options;
            case ':': return Error::invalid(concat(quoted(argv[optind - 1]), " needs a value"));
            default: return Error::invalid(concat("unknown option ", quoted(argv[optind - 1]))).hint("see --help");
        }
    }
    if (optind == argc) return Error::invalid("expected list, rm, gc or verify").hint("see --help");
    options.verb = argv[optind];
    for (int i = optind + 1; i < argc; ++i) options.names.emplace_back(argv[i]);
    return options;
}

Result<int> run(Options options) {
    if (options.verb == "help" || options.verb == "version") {
        print(options.verb == "help" ? usage : "casemate-images " CASEMATE_VERSION "\n");
        return 0;
    }
    if (options.store.empty()) options.store = concat(TRY(runtime::data_root({})), "/", store_layout::directory);
    // Modes of an image's files may shut out their owner; there they do not.
    if (::geteuid() != 0) TRY_IN("user namespace", sys::enter_user_namespace());
    const auto count = [&](size_t least, size_t most) { return options.names.size() >= least && options.names.size() <= most; };
    if (options.verb == "list" && count(0, 0)) return list(options);
    if (options.verb == "rm" && count(1, SIZE_MAX)) return remove(options);
    if (options.verb == "gc" && count(0, 0)) return print_removed(options, TRY(collect(options.store)));
    if (options.verb == "verify" && count(0, 1)) return verify(options);
    return Error::invalid(concat(quoted(options.verb), ": not understood, or with the wrong number of images")).hint("see --help");
}

}  // namespace

int main(int argc, char** argv) {
    auto options = parse(argc, argv);
    auto code = options ? run(std::move(options).take()) : Result<int>(std::move(options).take_error());
    if (code) return code.value();
    std::fprintf(stderr, "casemate images: %s\n", code.error().text().c_str());
    if (!code.error().hint_text().empty()) std::fprintf(stderr, "hint: %s\n", code.error().hint_text().c_str());
    return 2;
}
