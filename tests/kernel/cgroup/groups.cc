#include "kernel/cgroup/groups.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "sys/call.h"

namespace casemate::test {
namespace {

std::string parent_path() { return concat("/casemate-test-", ::getpid()); }

bool in_view(const cgroup::Hierarchy& hierarchy, View view) {
    return view == View::host || (hierarchy.version == cgroup::Version::v1) == (view == View::v1);
}

cgroup::Layout layout_of(View view) {
    auto layout = cgroup::Layout::discover();
    if (!layout) return {};
    std::erase_if(layout.value().hierarchies,
                  [&](const cgroup::Hierarchy& hierarchy) { return !in_view(hierarchy, view); });
    return std::move(layout).take();
}

void remove_parent() {
    for (const cgroup::Hierarchy& hierarchy : layout_of(View::host).hierarchies)
        ::rmdir((hierarchy.mount_point + parent_path()).c_str());
}

}  // namespace

bool needs_view(View view) {
    const bool present = ::geteuid() == 0 && !layout_of(view).hierarchies.empty();
    if (!present)
        MESSAGE("SKIP: needs root and cgroup ", std::string(view == View::v1   ? "v1"
                                                            : view == View::v2 ? "v2"
                                                                               : "of any kind"));
    return present;
}

std::vector<View> views() {
    std::vector<View> present;
    for (const View view : {View::host, View::v1, View::v2})
        if (::geteuid() == 0 && !layout_of(view).hierarchies.empty()) present.push_back(view);
    if (present.empty()) MESSAGE("SKIP: needs root and a cgroup hierarchy");
    return present;
}

bool has_controller(std::string_view controller, View view) { return layout_of(view).holding(controller) != nullptr; }

bool needs_controller(std::string_view controller, View view) {
    const bool present = ::geteuid() == 0 && has_controller(controller, view);
    if (!present)
        MESSAGE("SKIP: needs root and the cgroup controller ", std::string(controller),
                std::string(view == View::v2 ? " on v2" : ""));
    return present;
}

Result<cgroup::Draft> draft_for(const cgroup::Limits& limits, View view) {
    static int number = 0;
    cgroup::Request request;
    request.path = concat(parent_path(), "/", ++number);
    request.limits = limits;
    if (view == View::host) return cgroup::prepare(request);
    // What prepare() decides, for a part of the host's hierarchies.
    request.limits = {};
    cgroup::Draft draft = TRY(cgroup::prepare(request));
    draft.layout = layout_of(view);
    draft.settings = TRY(cgroup::settings_for(limits, draft.layout));
    draft.request.limits = limits;
    return draft;
}

int existing_directories(const cgroup::Draft& draft) {
    int count = 0;
    for (const cgroup::Path& path : draft.paths()) count += ::access(path.directory.c_str(), F_OK) == 0 ? 1 : 0;
    return count;
}

TestGroup::TestGroup(const cgroup::Limits& limits, View view) {
    auto draft = draft_for(limits, view);
    auto group = draft ? cgroup::Group::create(draft.value()) : Result<cgroup::Group>(draft.error());
    if (group)
        group_ = std::move(group).take();
    else
        error_ = group.error().text();
}

TestGroup::~TestGroup() {
    if (group_) {
        const auto killed = group_->kill_all();
        const auto removed = group_->remove();
        CHECK_MESSAGE(killed, (killed ? "" : killed.error().text()));
        CHECK_MESSAGE(removed, (removed ? "" : removed.error().text()));
    }
    remove_parent();
}

Member::Member(const cgroup::Group& group, const std::function<int()>& act) {
    int gate[2];
    if (::pipe(gate) != 0) return;
    const auto directory = group.directory_fd();
    auto cloned = sys::clone3(0, directory ? directory->get() : -1);
    if (cloned && cloned.value().pid == 0) {
        ::close(gate[1]);
        char go = 0;
        ::_exit(::read(gate[0], &go, 1) == 1 ? act() : 99);
    }
    ::close(gate[0]);
    if (cloned) {
        pid_ = cloned.value().pid;
        pidfd_ = std::move(cloned.value().pidfd);
        const auto attached = group.attach(pid_);
        CHECK_MESSAGE(attached, (attached ? "" : attached.error().text()));
        if (attached) CHECK(::write(gate[1], "g", 1) == 1);
    }
    ::close(gate[1]);
}

bool Member::ended(int timeout_ms) const { return bool(sys::wait_readable(pidfd_, timeout_ms)); }

int Member::wait() {
    if (!started() || !ended(20000)) return -1;
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | __WALL) != 0) return -1;
    pid_ = -1;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

Member::~Member() {
    if (!started()) return;
    if (sys::pidfd_send_signal(pidfd_, SIGKILL)) wait();
}

Shared::Shared()
    : value(static_cast<volatile long*>(
          ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
Shared::~Shared() { ::munmap(const_cast<long*>(value), 4096); }

}  // namespace casemate::test
