// Log lines as engines parse them, and text as people read it.
#include "cli/output.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "base/rfc3339.h"
#include "json/value.h"

using namespace casemate;

TEST_CASE("log: a JSON line is one object of runc's three members") {
    const std::string line = cli::log_line(LogLevel::error, "a \"b\"\nc", true, 1000000000);
    CHECK(line.find('\n') == std::string::npos);
    const auto parsed = json::Document::parse(line);
    REQUIRE(parsed);
    REQUIRE(parsed.value().root().members().size() == 3);
    CHECK(parsed.value().root().find("level")->string() == "error");
    CHECK(parsed.value().root().find("msg")->string() == "a \"b\"\nc");
    CHECK(parsed.value().root().find("time")->string() == "2001-09-09T01:46:40Z");
    CHECK(cli::log_line(LogLevel::warning, "x", false, 0) == "time=\"1970-01-01T00:00:00Z\" level=warning msg=\"x\"");
}

TEST_CASE("time: leap days and the ends of years") {
    CHECK(rfc3339(951782400) == "2000-02-29T00:00:00Z");
    CHECK(rfc3339(1709251199) == "2024-02-29T23:59:59Z");
    CHECK(rfc3339(1735689599) == "2024-12-31T23:59:59Z");
    CHECK(rfc3339(4107542400) == "2100-03-01T00:00:00Z");
}

TEST_CASE("text: lines are wrapped and indented, and a long word stands alone") {
    CHECK(cli::wrapped("one two three", 0, 8) == "one two\nthree");
    CHECK(cli::wrapped("one two three", 2, 8) == "one\n  two\n  three");
    CHECK(cli::wrapped("a extraordinarily b", 0, 6) == "a\nextraordinarily\nb");
}

TEST_CASE("table: cells of outsiders cannot drive the terminal") {
    const std::vector<std::vector<std::string>> rows = {{"id", "status"}, {"a\x1b[31m", "running"}};
    CHECK(cli::table(rows, cli::Paint(false)) == "id         status\na\\x1b[31m  running\n");
}

TEST_CASE("colour: always, never, and the environment's wish") {
    CHECK(cli::paint_for(1, "always").on());
    CHECK_FALSE(cli::paint_for(1, "never").on());
    ::setenv("NO_COLOR", "1", 1);
    CHECK_FALSE(cli::paint_for(1, "auto").on());
    CHECK(cli::paint_for(1, "always").on());
    ::unsetenv("NO_COLOR");
}
