// A directory that goes away, and programs run in it: what the tests of this room share.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace test {

struct Ran {
    int exit = -1;  // 128 + signal when killed
    std::string out, err;
    long peak_rss_kib = 0;
};

inline std::string slurp(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

inline void spill(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

class Scratch {
public:
    Scratch() {
        char name[] = "/tmp/casemate-image-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    ~Scratch() { run({"rm", "-rf", path_}); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

    // argv[0] is searched on PATH. With `uid` not 0, as that user without groups.
    Ran run(const std::vector<std::string>& argv, uid_t uid = 0, uint64_t file_limit = 0) const {
        // Outside of the directory, which run() may be asked to remove.
        const std::string base = "/tmp/casemate-image-run-" + std::to_string(::getpid());
        const pid_t child = ::fork();
        if (child == 0) {
            const int out = ::open((base + ".out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            const int err = ::open((base + ".err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            ::dup2(out, 1);
            ::dup2(err, 2);
            if (file_limit != 0) {
                const rlimit limit{file_limit, file_limit};
                ::setrlimit(RLIMIT_FSIZE, &limit);
            }
            if (uid != 0 && (::setgid(uid) != 0 || ::setuid(uid) != 0)) ::_exit(99);
            if (::chdir(path_.c_str()) != 0 && argv[0] != "rm") ::_exit(98);
            std::vector<char*> raw;
            for (const std::string& arg : argv) raw.push_back(const_cast<char*>(arg.c_str()));
            raw.push_back(nullptr);
            ::execvp(raw[0], raw.data());
            ::_exit(97);
        }
        Ran ran;
        int status = 0;
        rusage usage{};
        ::wait4(child, &status, 0, &usage);
        ran.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        ran.peak_rss_kib = usage.ru_maxrss;
        ran.out = slurp(base + ".out");
        ran.err = slurp(base + ".err");
        ::unlink((base + ".out").c_str());
        ::unlink((base + ".err").c_str());
        return ran;
    }

private:
    std::string path_;
};

inline const std::string unpack_program = BINARY_DIR "/casemate-unpack";
inline const std::string image_data = TEST_DATA "/image";

// Type, mode, owner, links, size, time, link text and content hash of everything below `path`.
inline std::string listing(const Scratch& scratch, const std::string& path,
                           const char* format = "%P %y %m %U:%G %n %s %T@ %l\\n") {
    const std::string script = "cd \"$1\" && find . -printf '" + std::string(format) +
                               "' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum";
    return scratch.run({"sh", "-c", script, "listing", path}).out;
}

}  // namespace test
