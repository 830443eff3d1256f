// Errors: what they say, copied and handed on.
#include "base/result.h"

#include <doctest/doctest.h>

#include <cerrno>

using namespace casemate;

namespace {

Result<int> failing() { return Error::from_errno(ENOENT, "open"); }
Result<int> through() { return TRY_IN("'/x'", failing()) + 1; }

}  // namespace

TEST_CASE("an error: errno, context outermost first, the innermost hint, the exit code that was asked for") {
    const auto failed = through();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == ENOENT);
    CHECK(failed.error().text() == "'/x': open: No such file or directory (ENOENT)");
    CHECK(failed.error().exit_code() == 125);
    CHECK(failed.error().hint_text().empty());
    const Error more = Error(failed.error()).hint("inner").hint("outer").exit_with(127).within("step");
    CHECK(more.text() == "step: '/x': open: No such file or directory (ENOENT)");
    CHECK(more.hint_text() == "inner");
    CHECK(more.exit_code() == 127);
    CHECK(failed.error().exit_code() == 125);  // the copy's alone
    errno = EPERM;
    CHECK(Error::sys(std::string("mount")).text() == "mount: Operation not permitted (EPERM)");
}

TEST_CASE("an error that was handed on is still an error, and can be assigned again") {
    Error first = Error::with_code(EBUSY, "busy");
    const Error second = std::move(first);
    CHECK(second.code() == EBUSY);
    CHECK(first.code() == EINVAL);
    CHECK_FALSE(first.text().empty());
    CHECK(Error(first).exit_code() == 125);
    first = second;
    CHECK(first.text() == "busy");
    Result<void> result = std::move(first);
    CHECK_FALSE(result);
}
