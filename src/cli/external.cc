// Where a program is, is the runtime's to say: `unpack` needs the same answer.
#include "cli/external.h"

#include <limits.h>
#include <unistd.h>

#include <vector>

#include "base/text.h"
#include "runtime/directories.h"

namespace casemate::cli {

std::string own_path() {
    char path[PATH_MAX];
    const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
    return size < 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

bool is_installed(const Command& command) {
    runtime::Settings settings;
    settings.program_path = own_path();
    return static_cast<bool>(runtime::find_libexec(settings, concat("casemate-", command.name)));
}

Error become_external(const Command& command, const runtime::Settings& settings,
                      std::span<const std::string_view> arguments) {
    const std::string program = concat("casemate-", command.name);
    auto found = runtime::find_libexec(settings, program);
    if (!found) return std::move(found).take_error();
    const std::string path = std::move(found).take();
    std::vector<std::string> words(arguments.begin(), arguments.end());
    words.insert(words.begin(), program);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(path.c_str(), argv.data());
    return Error::sys(concat("execute ", quoted(path)));
}

}  // namespace casemate::cli
