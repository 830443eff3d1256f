#include "runtime/pull.h"

#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "runtime/libexec.h"

namespace casemate::runtime {
namespace {

constexpr const char* reference = "image";
// Who we are to registries, and the way to them. Nothing else of the caller's environment.
constexpr const char* passed[] = {"HOME", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
                                  "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"};

Result<std::string> find_skopeo() {
    const char* path = ::getenv("PATH");
    for (const std::string_view directory : split(path ? path : "/usr/local/bin:/usr/bin:/bin", ':')) {
        if (!directory.starts_with('/')) continue;
        const std::string candidate = concat(directory, "/skopeo");
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return Error::with_code(ENOENT, "skopeo, which fetches images from registries, is not installed")
        .hint("install it (apt install skopeo), or give an OCI layout or an archive of the image");
}

// skopeo's own words: of its log lines the message, else the last line.
std::string what_it_said(std::string_view output) {
    std::string_view last;
    for (const std::string_view line : split(output, '\n')) {
        if (trimmed(line).empty()) continue;
        last = line;
        constexpr std::string_view mark = "msg=\"";
        const size_t at = line.find(mark);
        if (at != std::string_view::npos) last = line.substr(at + mark.size(), line.rfind('"') - at - mark.size());
    }
    return printable(last);
}

}  // namespace

Result<std::string> pull(const std::string& source, const std::string& layout) {
    const std::string program = TRY(find_skopeo());
    const LibexecAnswer answer =
        TRY(run_libexec({program, {"skopeo", "copy", "--quiet", source, concat("oci:", layout, ":", reference)}, -1, {std::begin(passed), std::end(passed)}}));
    if (answer.code == 0) return concat(layout, ":", reference);
    const std::string said = answer.complaints.empty() ? concat("ended with code ", answer.code) : what_it_said(answer.complaints);
    return Error::with_code(EHOSTUNREACH, concat(printable(source), ": skopeo: ", said))
        .hint("nothing was fetched: is the name right, and the registry reachable? An image that is here already is given as its layout or archive");
}

}  // namespace casemate::runtime
