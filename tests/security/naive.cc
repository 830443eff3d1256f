// What casemate is not: makes its mount points the way launchers used to, by looking at each component of a path and then
// using the whole path as a string. The race engine must catch it, or it would catch nobody.
//
//   security_naive ROOT PATH...: below ROOT, each PATH as a directory, and a file `made` in it. Prints "done".
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

namespace {

// Each component is looked at first, as is right; and then it is another.
bool make(const std::string& root, const std::string& path) {
    for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string so_far = root + path.substr(0, end);
        struct stat status {};
        if (::lstat(so_far.c_str(), &status) == 0 && !S_ISDIR(status.st_mode)) return false;
        if (::mkdir(so_far.c_str(), 0755) != 0 && errno != EEXIST) return false;
        if (end == std::string::npos) break;
    }
    const int made = ::open((root + path + "/made").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return made >= 0 && ::close(made) == 0;
}

}  // namespace

int main(int count, char** words) {
    for (int i = 2; i < count; ++i)
        if (!make(words[1], words[i])) {
            std::fprintf(stderr, "casemate: '%s': refused\n", words[i]);
            return 1;
        }
    std::puts("done");
    return 0;
}
