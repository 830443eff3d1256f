// The exit report's causes, and the kernel's log: lines as kernels 6.1 and 6.18 write them, hostile ones, and a real
// kill.
#include "launch/report.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/text.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::launch;

namespace {

const std::string audit =
    "5,1234,1195683976,-;audit: type=1326 audit(1795288241.477:2): auid=4294967295 uid=1000001 gid=0 ses=4294967295 "
    "pid=11563 comm=\"sc\" exe=\"/tmp/sc\" sig=31 arch=c000003e syscall=110 compat=0 ip=0x7f51165d0829 "
    "code=0x80000000\n";
const std::string oom =
    "3,99,1,-;Memory cgroup out of memory: Killed process 77 (a b) UID:5) total-vm:1kB, anon-rss:1kB, file-rss:0kB, "
    "shmem-rss:0kB, UID:1001 pgtables:40kB oom_score_adj:0\n";

Ending ending_of(int signal) {
    Ending ending;
    ending.signal = signal;
    ending.code = 128 + signal;
    return ending;
}

ExitReport report_for(const Ending& ending) {
    KernelLog log = KernelLog::open_at_end();
    const pid_t pids[] = {1};
    return report_of("web", 1, ending, log, {pids, {}});
}

}  // namespace

TEST_CASE("kernel_log: a seccomp kill is read from the audit line") {
    const auto kill = parse_seccomp_kill(audit);
    REQUIRE(kill);
    CHECK(kill->pid == 11563);
    CHECK(kill->uid == 1000001);
    CHECK(kill->arch == 0xc000003e);
    CHECK(kill->number == 110);
}

TEST_CASE("kernel_log: nobody but the kernel is believed") {
    CHECK(!parse_seccomp_kill("13" + audit.substr(1)));       // facility 1: written to /dev/kmsg by a program
    CHECK(!parse_seccomp_kill("audit: type=1326 " + audit));  // no record
    CHECK(!parse_seccomp_kill("5,1,1,-;x " + audit.substr(audit.find(';') + 1)));  // not at the start
    CHECK(!parse_seccomp_kill("5,1,1,-;first line\n" + audit.substr(audit.find(';') + 1)));
    CHECK(!parse_seccomp_kill(""));
    CHECK(!parse_seccomp_kill(","));
    CHECK(!parse_seccomp_kill(";,"));
    std::string logged = audit;  // SECCOMP_RET_LOG is an audit line too, without a signal
    logged.replace(logged.find("sig=31"), 6, "sig=0");
    CHECK(!parse_seccomp_kill(logged));
    for (size_t size = 0; size < audit.find("syscall="); ++size) CHECK(!parse_seccomp_kill(audit.substr(0, size)));
}

TEST_CASE("kernel_log: an out-of-memory kill, with a name that tries to be another") {
    const auto kill = parse_out_of_memory_kill(oom);
    REQUIRE(kill);
    CHECK(kill->pid == 77);
    CHECK(kill->uid == 1001);
    CHECK(parse_out_of_memory_kill("3,1,1,-;Out of memory: Killed process 5 (x) total-vm:1kB, UID:0 pgtables:4kB"));
    CHECK(!parse_out_of_memory_kill("3,1,1,-;x Out of memory: Killed process 5 (x) UID:0 p"));
    CHECK(!parse_out_of_memory_kill("3,1,1,-;Out of memory: Killed process x (x) UID:0 p"));
    CHECK(!parse_out_of_memory_kill("3,1,1,-;Out of memory: Killed process 5 (x)"));
    CHECK(!parse_out_of_memory_kill(audit));
}

TEST_CASE("kernel_log: whom a line is about") {
    const pid_t pids[] = {7, 8};
    CHECK(Suspects{pids, {}}.match(8, 0));
    CHECK(!Suspects{pids, {}}.match(9, 0));
    CHECK(Suspects{pids, 1000001}.match(9, 1000001));
    CHECK(!Suspects{pids, 1000001}.match(9, 1000002));
    CHECK(!Suspects{{}, {}}.match(0, 0));
}

TEST_CASE("report: how it ended decides the cause") {
    Ending exited;
    exited.code = 3;
    CHECK(report_for(exited).cause == Cause::exited);
    CHECK(report_for(exited).exit_code == 3);
    CHECK(report_for(ending_of(SIGTERM)).cause == Cause::signal);
    CHECK(report_for(ending_of(SIGTERM)).exit_code == 143);
    CHECK(report_for(ending_of(SIGXCPU)).cause == Cause::limit);
    CHECK(report_for(ending_of(SIGXFSZ)).cause == Cause::limit);
    CHECK(report_for(ending_of(SIGKILL)).cause == Cause::signal);  // the log has no line of it
    Ending late = ending_of(SIGKILL);
    late.timed_out = true;
    CHECK(report_for(late).cause == Cause::timeout);
    Ending lost;
    lost.helper_lost = "relay";
    CHECK(report_for(lost).cause == Cause::launcher);
    CHECK(report_for(lost).exit_code == 125);
    CHECK(report_for(lost).error == "relay ended before the app: the app was stopped");
}

TEST_CASE("report: times and memory in their units") {
    Ending ending;
    ending.usage.ru_utime = {2, 345678};
    ending.usage.ru_stime = {0, 999};
    ending.usage.ru_maxrss = 4096;
    ending.wall_ms = 5000;
    const ExitReport report = report_for(ending);
    CHECK(report.cpu_user_ms == 2345);
    CHECK(report.cpu_system_ms == 0);
    CHECK(report.max_rss_kib == 4096);
    CHECK(report.wall_ms == 5000);
}

TEST_CASE("report: a launch that failed names phase and step") {
    const ExitReport report =
        report_of("web", 0, Error::invalid("launch 'web': phase mounts: mount /proc: fsmount: no"));
    CHECK(report.cause == Cause::launcher);
    CHECK(report.exit_code == 125);
    CHECK(report.phase == "mounts");
    CHECK(report.step == "mount /proc");
    CHECK(report_of("web", 0, Error::invalid("phase exec: x").exit_with(127)).phase == "exec");
    CHECK(report_of("web", 0, Error::invalid("phase exec: x").exit_with(127)).exit_code == 127);
    CHECK(report_of("web", 0, Error::invalid("phase exec")).step.empty());
    CHECK(report_of("web", 0, Error::invalid("config.json: a phase of the moon")).phase.empty());
}

TEST_CASE("report: processes_of names init and its children") {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    const std::vector<pid_t> pids = processes_of(::getpid());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(pids.front() == ::getpid());
    CHECK(pids.back() == child);
    CHECK(processes_of(0) == std::vector<pid_t>{0});
}

TEST_CASE("report: a real seccomp kill is found in the kernel's log, or the report says why not") {
    KernelLog log = KernelLog::open_at_end();
    const pid_t child = ::fork();
    if (child == 0) {
        const sock_filter kill_getppid[] = {
            {0x20, 0, 0, 0}, {0x15, 0, 1, SYS_getppid}, {0x06, 0, 0, 0x80000000}, {0x06, 0, 0, 0x7fff0000}};
        if (!sys::set_no_new_privs() || !sys::load_seccomp(kill_getppid, 0)) ::_exit(1);
        ::syscall(SYS_getppid);
        ::_exit(2);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(WTERMSIG(status) == SIGSYS);
    const pid_t pids[] = {child};
    const ExitReport report = report_of("web", child, ending_of(SIGSYS), log, {pids, {}});
    CHECK(report.cause == Cause::seccomp);
    CHECK(report.seccomp.has_value() == report.seccomp_unknown.empty());
    if (report.seccomp) {
        CHECK(report.seccomp->pid == child);
        CHECK(report.seccomp->number == SYS_getppid);
        MESSAGE("found in the kernel's log");
    } else {
        MESSAGE("not found: ", report.seccomp_unknown);
    }
}
