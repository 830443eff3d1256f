// Where the programs of libexec are: see external.h.
#include "cli/external.h"

#include <limits.h>
#include <unistd.h>

#include <vector>

#include "base/text.h"

namespace casemate::cli {

std::string own_path() {
    char path[PATH_MAX];
    const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
    return size < 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

Result<std::string> external_program(std::string_view name) {
    const std::string self = own_path();
    if (self.empty()) return Error::sys("readlink '/proc/self/exe'");
    const std::string directory = self.substr(0, self.rfind('/'));
    const std::string beside = concat(directory, "/casemate-", name);
    if (::access(beside.c_str(), X_OK) == 0) return beside;
    const std::string prefix = directory.substr(0, directory.rfind('/'));
    const std::string installed = concat(prefix, "/libexec/casemate/casemate-", name);
    if (::access(installed.c_str(), X_OK) == 0) return installed;
    return Error::with_code(ENOENT, concat("'", name, "' is a program of its own and not installed: neither ",
                                           quoted(beside), " nor ", quoted(installed), " can be executed"));
}

Error become_external(std::string_view name, std::span<const std::string_view> arguments) {
    auto found = external_program(name);
    if (!found) return std::move(found).take_error();
    const std::string path = std::move(found).take();
    std::vector<std::string> words(arguments.begin(), arguments.end());
    words.insert(words.begin(), concat("casemate-", name));
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(path.c_str(), argv.data());
    return Error::sys(concat("execute ", quoted(path)));
}

}  // namespace casemate::cli
