#include "runtime/directories.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

std::string variable(const char* name) {
    const char* value = ::getenv(name);
    return value ? value : "";
}

// Makes the last component only: its parents are the system's or the user's business.
Result<void> make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST) {
        const int why = errno;
        return Error::from_errno(why, "mkdir").within(quoted(path)).hint(
            why == EROFS || why == EACCES ? "use --root with a directory that you may write" : "does its parent directory exist?");
    }
    return {};
}

// What leads to a --root, as runc makes it: containerd's shim names one whose parents nobody has made yet.
Result<void> make_parents(const std::string& path) {
    for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
        TRY(make_directory(path.substr(0, slash)));
    return {};
}

}  // namespace

Result<Fd> open_private_directory(const std::string& path, bool make) {
    if (make) TRY(make_directory(path));
    auto opened = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!opened)
        return std::move(opened).take_error().within(quoted(path)).hint("use --root with a directory that you may write");
    Fd directory = std::move(opened).take();
    const struct stat status = TRY_IN(quoted(path), sys::fstat(directory));
    if (status.st_uid != ::geteuid())
        return Error::with_code(EPERM, concat(quoted(path), ": belongs to uid ", status.st_uid)).hint("remove it, or use --root");
    if (status.st_mode & 077) {
        if (::fchmod(directory.get(), 0700) < 0) return Error::sys("fchmod").within(quoted(path));
    }
    return directory;
}

Result<std::string> state_root(const Settings& settings) {
    std::string root = settings.state_root;
    if (root.empty()) {
        // Rootless podman calls as uid 0 of its user namespace: the host's /run is not its own.
        if (::geteuid() == 0 && sys::in_initial_user_namespace()) {
            root = "/run/casemate";
        } else {
            // An empty XDG_RUNTIME_DIR means unset (CONTRACT 1.5).
            const std::string runtime = variable("XDG_RUNTIME_DIR");
            if (runtime.empty())
                return Error::invalid("XDG_RUNTIME_DIR is not set").hint("log in with a session that sets it, or use --root with a directory of your own");
            root = runtime + "/casemate";
        }
    } else {
        TRY(make_parents(root));
    }
    TRY(open_private_directory(root, true));
    return root;
}

Result<std::string> data_root(const Settings& settings) {
    std::string root = settings.data_root;
    if (root.empty()) {
        if (::geteuid() == 0) {
            root = "/var/lib/casemate";
        } else if (const std::string data = variable("XDG_DATA_HOME"); !data.empty()) {
            root = data + "/casemate";
        } else if (const std::string home = variable("HOME"); !home.empty()) {
            for (const char* part : {"/.local", "/.local/share"}) TRY(make_directory(home + part));
            root = home + "/.local/share/casemate";
        } else {
            return Error::invalid("neither XDG_DATA_HOME nor HOME is set").hint("set XDG_DATA_HOME");
        }
    }
    TRY(open_private_directory(root, true));
    return root;
}

Result<void> check_id(std::string_view id) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
    bool good = !id.empty() && id.size() <= 128 && letter(id.front());
    for (const char c : id) good = good && (letter(c) || c == '_' || c == '+' || c == '.' || c == '-');
    if (!good) return Error::invalid(concat("invalid container id ", quoted(id.substr(0, 128)))).hint("ids are letters, digits and _+.-, beginning with a letter or digit, at most 128");
    return {};
}

Result<std::string> random_id() {
    unsigned char bytes[6];
    if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return Error::sys("getrandom");
    static constexpr char digits[] = "0123456789abcdef";
    std::string id;
    for (const unsigned char byte : bytes) id += {digits[byte >> 4], digits[byte & 15]};
    return id;
}

Result<std::string> find_libexec(const Settings& settings, const std::string& name) {
    const std::string directory = settings.program_path.substr(0, settings.program_path.rfind('/'));
    std::string places;
    for (const std::string& place : {directory + "/" + name, directory + "/../libexec/casemate/" + name, "/usr/libexec/casemate/" + name}) {
        if (::access(place.c_str(), X_OK) == 0) return place;
        places += (places.empty() ? "" : ", ") + place;
    }
    return Error::with_code(ENOENT, concat(quoted(name), " is not installed")).hint(concat("looked for ", places)).exit_with(125);
}

}  // namespace casemate::runtime
