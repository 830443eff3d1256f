// The four forms of a probe's report, and the exit status.
#include "proof/probe_report.h"

#include <doctest/doctest.h>

#include "json/value.h"

using namespace casemate;
using namespace casemate::proof;

namespace {

ProbeReport report() {
    return {"hardened",
            {{{"mount a tmpfs on /", "mount", "/", "EPERM"}, "EPERM", ProbeStatus::passed},
             {{"socket <AF_ALG> #1", "calls", "29", "EAFNOSUPPORT"}, "ok\x1b[2J", ProbeStatus::surprise},
             {{"a setuid copy", "setid-copy", "", "gained nothing"}, "skip: none", ProbeStatus::skipped}},
            {}};
}

}  // namespace

TEST_CASE("text shows surprises and skips, and the counts") {
    const std::string text = to_text(report(), ReportFormat::text);
    CHECK(text ==
          "  surprise  socket <AF_ALG> #1: ok\\x1b[2J (expected EAFNOSUPPORT)\n"
          "  skipped   a setuid copy: skip: none\n"
          "probe of 'hardened': 3 checks, 1 as expected, 1 surprises, 1 skipped, 0 recorded only\n");
    CHECK(to_text(report(), ReportFormat::text, true).find("  passed    mount a tmpfs on /: EPERM\n") == 0);
}

TEST_CASE("JSON parses and counts") {
    const auto document = json::Document::parse(to_text(report(), ReportFormat::json));
    REQUIRE(document);
    CHECK(document.value().root().find("surprises")->unsigned_integer() == 1);
    CHECK(document.value().root().find("results")->items().size() == 3);
}

TEST_CASE("TAP: plan, not ok with its reason, skip") {
    const std::string text = to_text(report(), ReportFormat::tap);
    CHECK(text ==
          "TAP version 14\n1..3\nok 1 - mount a tmpfs on /\nnot ok 2 - socket <AF_ALG> \\#1\n"
          "  ---\n  expected: \"EAFNOSUPPORT\"\n  seen: \"ok\\u001b[2J\"\n  ...\n"
          "ok 3 - a setuid copy # SKIP skip: none\n");
}

TEST_CASE("JUnit escapes what XML gives a meaning") {
    const std::string text = to_text(report(), ReportFormat::junit);
    CHECK(text.find("tests=\"3\" failures=\"1\" skipped=\"1\"") != std::string::npos);
    CHECK(
        text.find("name=\"socket &lt;AF_ALG&gt; #1\"><failure message=\"expected EAFNOSUPPORT, seen ok\\x1b[2J\"/>") !=
        std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("exit status: a surprise, or nothing tried at all") {
    CHECK(report().exit_status() == 1);
    ProbeReport clean = report();
    clean.results.erase(clean.results.begin() + 1);
    CHECK(clean.exit_status() == 0);
    clean.results.clear();
    CHECK(clean.exit_status() == 1);
}

TEST_CASE("formats by name") {
    CHECK(report_format("junit") == ReportFormat::junit);
    CHECK_FALSE(report_format("xml"));
}
