// What casemate remembers of a container, and what is left when the launcher is killed: state, list, kill, delete, gc.
#include "runtime/record.h"

#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "base/text.h"
#include "runtime/runtime.h"
#include "support/launched.h"
#include "support/temp_bundle.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::test;
using runtime::Record;
using runtime::RecordFile;

namespace {

struct Place {
    TempBundle bundle;
    runtime::Settings settings;
    Place() {
        settings.state_root = bundle.directory("state", 0700);
        settings.data_root = bundle.directory("data", 0700);
    }
};

Record record_of(const std::string& id, pid_t pid, uint64_t start) {
    Record record;
    record.id = id;
    record.pid = pid;
    record.start_time = start;
    record.created = runtime::timestamp();
    return record;
}

int entries(const std::string& directory) {
    int count = 0;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) count += std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..";
    return count;
}

void put(const Place& place, const Record& record) {
    REQUIRE(RecordFile::create(place.settings.state_root, record));
}

// The record names init before the app runs; init's child is the app.
bool app_runs(const Place& place, const std::string& id) {
    const auto file = RecordFile::open(place.settings.state_root, id);
    const auto record = file ? file.value().read() : Result<Record>(Error::invalid("none"));
    if (!record || record.value().pid <= 0) return false;
    const std::string pid = std::to_string(record.value().pid);
    const auto children = sys::read_file(AT_FDCWD, concat("/proc/", pid, "/task/", pid, "/children").c_str(), 4096);
    return children && !children.value().empty();
}

// A launch in the background: the child is the host. Waits until the app runs.
pid_t start_host(const Place& place, const std::string& id) {
    const pid_t host = ::fork();
    if (host == 0) {
        const int null = ::open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
        runtime::LaunchOptions options;
        options.source = "rootfs:" + place.bundle.rootfs();
        options.command = {"/bin/sleep", "1000"};
        options.profile = "hardened";
        options.id = id;
        const auto code = runtime::launch(place.settings, options);
        ::_exit(code ? 0 : 1);
    }
    for (int tries = 0; tries < 2000; ++tries, ::usleep(5000)) {
        if (app_runs(place, id)) break;
        if (::waitpid(host, nullptr, WNOHANG) == host) return -1;
    }
    return host;
}

}  // namespace

TEST_CASE("records: what was written is read, in one step each") {
    const Place place;
    Record record = record_of("web-1", 4711, 99);
    record.data = "/var/lib/casemate/web-1";
    record.sockets = {{"/run/a b\"c", 5, 6}};
    record.annotations["key"] = "value\n";
    record.waivers = {{"network.mode", "none", "host", "because", "file", ""}};
    put(place, record);
    const auto back = RecordFile::open(place.settings.state_root, "web-1").value().read();
    REQUIRE(back);
    CHECK(back.value().id == "web-1");
    CHECK(back.value().pid == 4711);
    CHECK(back.value().start_time == 99);
    CHECK(back.value().data == record.data);
    REQUIRE(back.value().sockets.size() == 1);
    CHECK(back.value().sockets[0].path == "/run/a b\"c");
    CHECK(back.value().sockets[0].inode == 6);
    CHECK(back.value().annotations == record.annotations);
    CHECK(back.value().waivers == record.waivers);
    CHECK(RecordFile::create(place.settings.state_root, record).error().code() == EEXIST);
    CHECK(entries(place.settings.state_root) == 1);  // the second attempt left nothing
    struct stat status {};
    REQUIRE(::stat((place.settings.state_root + "/web-1/state.json").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("records: what a process must look like is kept beside the record, and without its program it is broken") {
    const Place place;
    put(place, record_of("web-1", 4711, 99));
    const auto opened = RecordFile::open(place.settings.state_root, "web-1");
    REQUIRE(opened);
    const RecordFile& file = opened.value();
    CHECK(file.read_expected().error().code() == ENOENT);  // it was never started
    plan::Expected expected;
    expected.umask = 027;
    expected.seccomp_program = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
    const std::string bytes(plan::program_bytes(*expected.seccomp_program));
    REQUIRE(file.write_expected(expected));
    const auto back = file.read_expected();
    REQUIRE(back);
    CHECK(back.value().umask == 027);
    REQUIRE(back.value().seccomp_program);
    CHECK(plan::program_bytes(*back.value().seccomp_program) == bytes);
    const auto program = file.read_program(2);
    REQUIRE(program);
    CHECK(plan::program_bytes(program.value()) == bytes);
    CHECK_FALSE(file.read_program(0));  // a filter that nobody was to find is not passed over
    CHECK(entries(place.settings.state_root + "/web-1") == 3);
    for (const char* name : {"/expected.json", "/seccomp.bpf"}) {
        struct stat status {};
        REQUIRE(::stat((place.settings.state_root + "/web-1" + name).c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
    }
    const auto is_refused = [&] { return !file.read_expected() && !file.read_program(2); };
    for (const std::string& wrong : {std::string(), bytes.substr(1), bytes.substr(sizeof(sock_filter)), bytes + bytes}) {
        CAPTURE(wrong.size());
        place.bundle.file("state/web-1/seccomp.bpf", wrong);
        CHECK(is_refused());
    }
    REQUIRE(::unlink((place.settings.state_root + "/web-1/seccomp.bpf").c_str()) == 0);
    CHECK(is_refused());
    CHECK(file.read_expected().error().code() == EINVAL);  // not as if it were only being made
    REQUIRE(file.read_program(0));
    CHECK(file.read_program(0).value().empty());
    place.bundle.file("elsewhere", bytes);  // a symlink in its place is not followed
    place.bundle.link(place.bundle.path() + "/elsewhere", "state/web-1/seccomp.bpf");
    CHECK(is_refused());
    CHECK(runtime::remove(place.settings, "web-1", true));
}

TEST_CASE("records: ids that are paths, empty, long or odd are refused everywhere") {
    const Place place;
    for (const std::string& id : {std::string(".."), std::string("."), std::string(""), std::string("a/b"), std::string("/etc"), std::string("../data"), std::string("-x"), std::string(".hidden"), std::string("a b"), std::string("a\n"), std::string(129, 'a'), std::string("a\0b", 3)}) {
        INFO(id);
        CHECK_FALSE(RecordFile::create(place.settings.state_root, record_of(id, 0, 0)));
        CHECK_FALSE(RecordFile::open(place.settings.state_root, id));
        CHECK_FALSE(runtime::state(place.settings, id));
        CHECK_FALSE(runtime::kill(place.settings, id, SIGTERM, false));
        CHECK_FALSE(runtime::remove(place.settings, id, true));
    }
    CHECK(entries(place.settings.state_root) == 0);
    CHECK(RecordFile::create(place.settings.state_root, record_of(std::string(128, 'a'), 0, 0)));
    CHECK(runtime::state(place.settings, "nobody").error().text() == "container 'nobody' does not exist");
}

TEST_CASE("records: a broken file is an error for its container, and for no other: gc and delete --force remove it") {
    const Place place;
    put(place, record_of("good", 0, 0));
    for (const char* text : {"", "{", "{}", "[]", "{\"id\": \"bad\"}", "{\"id\": \"bad\", \"id\": \"bad\"}", "{\"schemaVersion\": 1, \"id\": \"../good\"}"}) {
        INFO(text);
        ::mkdir((place.settings.state_root + "/bad").c_str(), 0700);
        place.bundle.file("state/bad/state.json", text);
        CHECK_FALSE(runtime::state(place.settings, "bad"));
        CHECK_FALSE(runtime::kill(place.settings, "bad", SIGTERM, false));
        CHECK_FALSE(runtime::remove(place.settings, "bad", false));
        CHECK(runtime::list(place.settings).value().size() == 1);
        CHECK(runtime::remove(place.settings, "bad", true));
        CHECK_FALSE(RecordFile::open(place.settings.state_root, "bad"));
    }
    // A symlink in its place is not followed.
    place.bundle.file("elsewhere", runtime::to_json(record_of("bad", ::getpid(), 1)));
    ::mkdir((place.settings.state_root + "/bad").c_str(), 0700);
    place.bundle.link(place.bundle.path() + "/elsewhere", "state/bad/state.json");
    CHECK_FALSE(runtime::state(place.settings, "bad"));
    const auto removed = runtime::gc(place.settings);
    REQUIRE_MESSAGE(removed, removed.error().text());
    CHECK(removed.value().size() == 2);
    CHECK(::access((place.bundle.path() + "/elsewhere").c_str(), F_OK) == 0);
}

TEST_CASE("records: a pid that is somebody else's now is not the container") {
    const Place place;
    // Alive, and with another start time: a reused pid.
    const pid_t bystander = ::fork();
    if (bystander == 0) {
        ::pause();
        ::_exit(0);
    }
    const uint64_t start = runtime::start_time_of(bystander).value();
    put(place, record_of("reused", bystander, start + 1));
    CHECK(runtime::state(place.settings, "reused").value().status == oci::Status::stopped);
    CHECK(runtime::kill(place.settings, "reused", SIGKILL, false).error().code() == ESRCH);
    CHECK(runtime::remove(place.settings, "reused", true));
    CHECK(::kill(bystander, 0) == 0);  // alive still
    // Control: the same with the right start time is the container.
    put(place, record_of("same", bystander, start));
    CHECK(runtime::state(place.settings, "same").value().status == oci::Status::running);
    CHECK(runtime::remove(place.settings, "same", false).error().code() == EBUSY);
    CHECK(runtime::gc(place.settings).value().empty());
    CHECK(runtime::kill(place.settings, "same", SIGKILL, false));
    ::waitpid(bystander, nullptr, 0);
    CHECK(runtime::gc(place.settings).value() == std::vector<std::string>{"same"});
}

TEST_CASE("gc: a data directory of another name in the record is not touched") {
    const Place place;
    const std::string precious = place.bundle.directory("precious");
    Record record = record_of("liar", 0, 0);
    record.data = precious;
    put(place, record);
    CHECK_FALSE(runtime::gc(place.settings));
    CHECK(::access(precious.c_str(), F_OK) == 0);
}

TEST_CASE("the launcher killed: the app ends with it, and gc takes the rest away") {
    if (!needs(Need::root)) return;
    const Place place;
    struct View {
        bool came_up, app_gone, record_stays;
        int removed, again;
        Text error;
    };
    const auto view = in_child<View>([&](View& seen) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        const pid_t host = start_host(place, "orphan");
        seen.came_up = host > 0;
        if (host <= 0) return;
        const auto record = RecordFile::open(place.settings.state_root, "orphan").value().read();
        const auto app = sys::pidfd_open(record.value().pid);
        ::kill(host, SIGKILL);
        ::waitpid(host, nullptr, 0);
        seen.app_gone = app && sys::wait_readable(app.value(), 5000).operator bool();
        while (::waitpid(-1, nullptr, __WALL | WNOHANG) > 0) {
        }
        seen.record_stays = RecordFile::open(place.settings.state_root, "orphan").operator bool();
        const auto removed = runtime::gc(place.settings);
        if (removed) seen.removed = static_cast<int>(removed.value().size());
        else seen.error = removed.error().text();
        const auto again = runtime::gc(place.settings);
        seen.again = again ? static_cast<int>(again.value().size()) : -1;
    });
    REQUIRE(view);
    CHECK(view->came_up);
    CHECK(view->app_gone);
    CHECK(view->record_stays);
    CHECK_MESSAGE(view->removed == 1, view->error.str());
    CHECK(view->again == 0);
    CHECK(runtime::list(place.settings).value().empty());
}

TEST_CASE("a detached launch: the caller returns when the app runs: kill and delete end it") {
    if (!needs(Need::root)) return;
    const Place place;
    struct View {
        int code, status;
        bool killed, gone;
        Text error;
    };
    const auto view = in_child<View>([&](View& seen) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        runtime::LaunchOptions options;
        options.source = "rootfs:" + place.bundle.rootfs();
        options.command = {"/bin/sleep", "1000"};
        options.profile = "hardened";
        options.id = "detached";
        options.detach = true;
        const auto code = runtime::launch(place.settings, options);
        seen.code = code ? code.value() : -1;
        if (!code) {
            seen.error = code.error().text();
            return;
        }
        const auto state = runtime::state(place.settings, "detached");
        seen.status = state ? static_cast<int>(state.value().status) : -1;
        seen.killed = runtime::kill(place.settings, "detached", SIGKILL, false).operator bool();
        // The supervisor takes everything away: it is our child now.
        for (int tries = 0; tries < 1000 && !seen.gone; ++tries, ::usleep(5000)) {
            seen.gone = !RecordFile::open(place.settings.state_root, "detached");
            while (::waitpid(-1, nullptr, __WALL | WNOHANG) > 0) {
            }
        }
        (void)reap_leftovers();
    });
    REQUIRE(view);
    CHECK_MESSAGE(view->code == 0, view->error.str());
    CHECK(view->status == static_cast<int>(oci::Status::running));
    CHECK(view->killed);
    CHECK(view->gone);
    CHECK(runtime::list(place.settings).value().empty());

    // A failure is the caller's to see, with its code.
    runtime::LaunchOptions options;
    options.source = "rootfs:" + place.bundle.rootfs();
    options.command = {"/bin/nothing"};
    options.detach = true;
    const auto failed = runtime::launch(place.settings, options);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().exit_code() == 127);
    CHECK(runtime::list(place.settings).value().empty());
}
