// The exit report's JSON: every field is there, whatever happened.
#include "runtime/report.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "seccomp/filter.h"
#include "sys/call.h"

using namespace casemate;

namespace {

launch::ExitReport exited() {
    launch::ExitReport report;
    report.id = "web";
    report.pid = 4711;
    report.wall_ms = 12;
    report.cpu_user_ms = 3;
    report.cpu_system_ms = 4;
    report.max_rss_kib = 2048;
    return report;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("report: an app that exited") {
    CHECK(runtime::to_json(exited()) == R"({
  "schemaVersion": 1,
  "id": "web",
  "pid": 4711,
  "exitCode": 0,
  "signal": null,
  "signalName": null,
  "cause": "exited",
  "phase": null,
  "step": null,
  "error": null,
  "wallMs": 12,
  "cpuUserMs": 3,
  "cpuSystemMs": 4,
  "maxRssKiB": 2048,
  "seccomp": null
})");
}

TEST_CASE("report: the call that the filter killed for has number, name and architecture") {
    launch::ExitReport report = exited();
    report.signal = SIGSYS;
    report.cause = launch::Cause::seccomp;
    report.seccomp = launch::SeccompKill{4712, 1001, seccomp::audit_arch(seccomp::Arch::x86_64), 165};
    std::string text = runtime::to_json(report);
    CHECK(contains(text, "\"signalName\": \"SIGSYS\""));
    CHECK(contains(text, "\"syscall\": 165"));
    CHECK(contains(text, "\"name\": \"mount\""));
    CHECK(contains(text, "\"arch\": \"SCMP_ARCH_X86_64\""));
    CHECK(contains(text, "\"unknownBecause\": null"));
    report.seccomp->arch = seccomp::audit_arch(seccomp::Arch::x86);
    report.seccomp->number = 21;
    CHECK(contains(runtime::to_json(report), "\"name\": \"mount\""));
    report.seccomp->arch = 1;
    text = runtime::to_json(report);
    CHECK(contains(text, "\"name\": null"));
    CHECK(contains(text, "\"arch\": null"));
    report.seccomp.reset();
    report.seccomp_unknown = "the kernel's log cannot be read";
    text = runtime::to_json(report);
    CHECK(contains(text, "\"syscall\": null"));
    CHECK(contains(text, "\"unknownBecause\": \"the kernel's log cannot be read\""));
}

TEST_CASE("report: it replaces the file: a path that cannot be written is named") {
    char path[] = "/tmp/casemate-report-XXXXXX";
    const Fd file(::mkstemp(path));
    REQUIRE(file.valid());
    REQUIRE(sys::write_all(file, std::string(10000, 'x')));
    REQUIRE(runtime::write_report(path, exited()));
    const auto opened = sys::open(path, O_RDONLY);
    REQUIRE(opened);
    const auto text = sys::read_all(opened.value(), 1 << 20);
    REQUIRE(text);
    CHECK(text.value() == runtime::to_json(exited()) + "\n");
    ::unlink(path);
    const auto failed = runtime::write_report("/nonexistent/report.json", exited());
    REQUIRE(!failed);
    CHECK(contains(failed.error().text(), "/nonexistent/report.json"));
}
