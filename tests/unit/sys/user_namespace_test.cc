// What a child makes arrives, and why it could not.
#include "sys/user_namespace.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/call.h"

using namespace casemate;

TEST_CASE("made_in_child: the descriptor, or the error in the child's words") {
    const auto made = sys::made_in_child([] { return sys::open("/etc", O_PATH | O_DIRECTORY); });
    REQUIRE(made);
    struct stat wanted {};
    REQUIRE(::stat("/etc", &wanted) == 0);
    CHECK(sys::fstat(made.value()).take().st_ino == wanted.st_ino);
    const auto refused = sys::made_in_child([]() -> Result<Fd> { return Error::with_code(ENOTDIR, "no such thing"); });
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ENOTDIR);
    CHECK(refused.error().text() == "no such thing");
    const auto died = sys::made_in_child([]() -> Result<Fd> { ::_exit(0); });
    CHECK_FALSE(died);
    CHECK(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1);  // no child is left
}
