// Root::resolve against a chroot once more, in 10^5 small random trees: many shapes instead of many paths. One process
// stays in the chroot and answers for every tree. Four test cases, so that they run beside each other.
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <random>

#include "base/text.h"
#include "support/in_child.h"
#include "unit/sys/trees.h"

using namespace casemate;
using namespace casemate::test;

namespace {

constexpr int trees_in_a_case = 25000, paths_in_a_tree = 6, entries_in_a_tree = 7;

struct Question {
    char paths[paths_in_a_tree][64] = {};
};
struct Answer {
    int error = 0;
    ino_t inode = 0;
    bool operator==(const Answer&) const = default;
};
using Answers = std::array<Answer, paths_in_a_tree>;

class Oracle {
public:
    explicit Oracle(const std::string& root) {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return;
        child_ = ::fork();
        if (child_ == 0) {
            ::close(pair[0]);  // else it would not hear that nobody asks any more
            answer(pair[1], root.c_str());
        }
        ::close(pair[1]);
        channel_ = Fd(pair[0]);
    }
    ~Oracle() {
        channel_.reset();
        if (child_ > 0) ::waitpid(child_, nullptr, 0);
    }
    bool ask(const Question& question, Answers& answers) const {
        return ::send(channel_.get(), &question, sizeof question, MSG_NOSIGNAL) == sizeof question &&
               ::recv(channel_.get(), &answers, sizeof answers, 0) == sizeof answers;
    }

private:
    [[noreturn]] static void answer(int channel, const char* root) {
        if (::chroot(root) != 0 || ::chdir("/") != 0) ::_exit(1);
        Question question;
        while (::recv(channel, &question, sizeof question, 0) == sizeof question) {
            Answers answers;
            for (int i = 0; i < paths_in_a_tree; ++i) {
                const int fd = ::open(question.paths[i], O_PATH | O_CLOEXEC);
                struct stat status {};
                if (fd < 0 || ::fstat(fd, &status) != 0) answers[i].error = errno;
                answers[i].inode = status.st_ino;
                if (fd >= 0) ::close(fd);
            }
            if (::send(channel, &answers, sizeof answers, MSG_NOSIGNAL) != sizeof answers) ::_exit(1);
        }
        ::_exit(0);
    }
    pid_t child_ = -1;
    Fd channel_;
};

class Dice {
public:
    explicit Dice(uint32_t seed) : engine_(seed) {}
    size_t below(size_t count) { return engine_() % count; }
    std::string path() {
        static constexpr const char* parts[] = {"a", "b", "c", "..", ".", ""};
        std::string text = below(2) ? "/" : "";
        for (size_t i = 0, count = 1 + below(5); i < count; ++i) text += concat(i ? "/" : "", parts[below(6)]);
        return text.empty() ? "." : text;
    }

private:
    std::mt19937 engine_;
};

// Makes and removes the entries of one tree below the current directory.
class Grown {
public:
    explicit Grown(Dice& dice) {
        static constexpr const char* names[] = {"a", "b", "c"};
        std::vector<std::string> directories = {"."};
        for (int i = 0; i < entries_in_a_tree; ++i) {
            const std::string name = concat(directories[dice.below(directories.size())], "/", names[dice.below(3)]);
            const size_t kind = dice.below(8);
            if (kind == 0) {
                const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                if (fd < 0) continue;
                ::close(fd);
            } else if (kind < 5) {
                if (::symlink(dice.path().c_str(), name.c_str()) != 0) continue;
            } else {
                if (::mkdir(name.c_str(), 0755) != 0) continue;
                directories.push_back(name);
            }
            made_.push_back(name);
        }
    }
    ~Grown() {
        for (auto name = made_.rbegin(); name != made_.rend(); ++name)
            if (::unlink(name->c_str()) != 0) ::rmdir(name->c_str());
    }

private:
    std::vector<std::string> made_;
};

void compare(uint32_t first_seed) {
    if (!needs(Need::root)) return;
    const TempTree tree("/dev/shm");  // memory: 10^5 trees would wear a disk's journal
    const std::string place = tree.path("root");
    const Fd before(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Oracle oracle(place);
    REQUIRE(::chdir(place.c_str()) == 0);
    const sys::Root root = tree.root();
    int different = 0, reached = 0, refused = 0;
    for (uint32_t seed = first_seed; seed < first_seed + trees_in_a_case; ++seed) {
        Dice dice(seed);
        const Grown grown(dice);
        Question question;
        Answers expected;
        for (auto& path : question.paths) std::strncpy(path, dice.path().c_str(), sizeof path - 1);
        REQUIRE(oracle.ask(question, expected));
        for (int i = 0; i < paths_in_a_tree; ++i) {
            Answer seen;
            auto found = root.resolve(question.paths[i], true);
            // Somebody who renames all the time, as another test does, can hold up a walk through forty links.
            for (int again = 0; again < 1000 && !found && found.error().code() == EAGAIN; ++again) found = root.resolve(question.paths[i], true);
            if (found)
                seen.inode = inode_of(found.value());
            else
                seen.error = found.error().code();
            if (!(seen == expected[i])) {
                ++different;
                MESSAGE("seed ", seed, " path ", question.paths[i], ": ", seen.error, ", the kernel ", expected[i].error);
            }
            ++(found ? reached : refused);
        }
    }
    CHECK(::fchdir(before.get()) == 0);
    CHECK(different == 0);
    CHECK(reached > trees_in_a_case / 2);
    CHECK(refused > trees_in_a_case / 2);
}

}  // namespace

TEST_CASE("Root::resolve does what a chroot does: small trees 1") { compare(0); }
TEST_CASE("Root::resolve does what a chroot does: small trees 2") { compare(trees_in_a_case); }
TEST_CASE("Root::resolve does what a chroot does: small trees 3") { compare(2 * trees_in_a_case); }
TEST_CASE("Root::resolve does what a chroot does: small trees 4") { compare(3 * trees_in_a_case); }
