// Groups for tests, and processes that are born in them as init is: cloned into the v2 half, attached to v1, then let
// go.
#pragma once

#include <functional>
#include <string>

#include "cgroup/group.h"
#include "support/in_child.h"

namespace casemate::test {

// Which hierarchies of this host a test uses: a hybrid host can play a pure v1 one, and a v2 one without controllers.
enum class View { host, v1, v2 };

// Is this to be had here? If not, prints "SKIP: needs ...": the test then returns.
[[nodiscard]] bool needs_view(View view);
[[nodiscard]] bool needs_controller(std::string_view controller, View view = View::host);

// Those that are to be had here; a test of all of them is skipped where there is none.
std::vector<View> views();
bool has_controller(std::string_view controller, View view);

// A group of its own, /casemate-test-PID/NAME, killed and removed at the end.
class TestGroup {
public:
    explicit TestGroup(const cgroup::Limits& limits = {}, View view = View::host);
    ~TestGroup();
    TestGroup(const TestGroup&) = delete;
    TestGroup& operator=(const TestGroup&) = delete;

    cgroup::Group& operator*() { return *group_; }
    cgroup::Group* operator->() { return &*group_; }
    bool made() const { return group_.has_value(); }
    std::string error() const { return error_; }  // why it was not made

private:
    std::optional<cgroup::Group> group_;
    std::string error_;
};

// The draft behind a TestGroup, for tests of create itself. A fresh path every time.
Result<cgroup::Draft> draft_for(const cgroup::Limits& limits, View view);
// Directories that a draft would make and that are there.
int existing_directories(const cgroup::Draft& draft);

// A process in the group: `act` runs when it is in all hierarchies, and its result is the exit code.
class Member {
public:
    Member(const cgroup::Group& group, const std::function<int()>& act);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    pid_t pid() const { return pid_; }
    bool started() const { return pid_ > 0; }
    // The exit code, 128 + signal, or -1 after 20 s.
    int wait();
    bool ended(int timeout_ms) const;

private:
    pid_t pid_ = -1;
    Fd pidfd_;
};

// Memory that a Member shares with its test.
struct Shared {
    Shared();
    ~Shared();
    volatile long* value;
};

}  // namespace casemate::test
