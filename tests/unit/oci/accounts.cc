// Whom an image's User means: the tables of SECURITY 3.F. No wrong form ever ends as uid 0.
#include <doctest/doctest.h>

#include "oci/conversion.h"

using namespace casemate;
using namespace casemate::oci;

namespace {

constexpr std::string_view passwd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a comment: with: colons: in: it: and: more\n"
    "1000:x:0:0:named like a number:/evil:/bin/sh\n"
    "short:x:5:5\n"
    "bad:x:-1:0::/:/bin/sh\n"
    "hex:x:0x0:0::/:/bin/sh\n"
    "huge:x:4294967296:4294967296::/:/bin/sh\n"
    "last:x:4294967295:0::/:/bin/sh\n"
    "app:x:1001:1002:App,,,:/home/app:/usr/sbin/nologin\n"
    "app:x:0:0:again:/root:/bin/sh\n"
    "relative:x:1003:1003::home/../..:/bin/sh\n"
    "newline:x:1004:1004::/home\rx:/bin/sh\n"
    ":x:1005:1005::/:/bin/sh\n"
    "unterminated:x:1006:1006::/u:/bin/sh";
constexpr std::string_view group =
    "root:x:0:\n"
    "app:x:1002:app\n"
    "audio:x:29:pulse,app\n"
    "audio2:x:29:app\n"
    "video:x:28:apple,app\n"
    "apples:x:30:apple\n"
    "27:x:0:app2\n"
    "broken:x:x:app\n"
    "wheel:x:10:\n";

Result<ResolvedUser> resolved(std::string_view text, std::string_view passwd_text = passwd,
                              std::string_view group_text = group) {
    return resolve_user(TRY(parse_user(text)), passwd_text, group_text);
}
std::string ids(std::string_view text, std::string_view passwd_text = passwd, std::string_view group_text = group) {
    const Result<ResolvedUser> user = resolved(text, passwd_text, group_text);
    if (!user) return "error";
    std::string out = std::to_string(user.value().uid) + ":" + std::to_string(user.value().gid);
    for (const uint32_t gid : user.value().additional_gids) out += "+" + std::to_string(gid);
    return out;
}

}  // namespace

TEST_CASE("user: forms, and their text again") {
    for (const char* text : {"", "0", "1", "1:2", "app", "app:29", "1001:app", "app:audio", "4294967294",
                             "4294967294:4294967294", "user.name", "a_b-c", "0x1", "_apt", "1a"}) {
        CAPTURE(text);
        const Result<UserRequest> request = parse_user(text);
        REQUIRE(request);
        CHECK(to_text(request.value()) == text);
        CHECK(parse_user(to_text(request.value())).value() == request.value());
    }
    for (uint64_t number = 0; number <= max_id; number = number * 3 + 1) {
        const Result<UserRequest> request = parse_user(std::to_string(number) + ":" + std::to_string(max_id - number));
        REQUIRE(request);
        CHECK(request.value().user->id == number);
        CHECK(request.value().group->id == max_id - number);
    }
}

TEST_CASE("user: wrong forms are errors (CVE-2026-30892, CVE-2024-40635)") {
    for (const std::string text : {":",
                                   "1:",
                                   ":1",
                                   "app:",
                                   ":app",
                                   "1:1:1",
                                   "a:b:c",
                                   "::",
                                   " 1",
                                   "1 ",
                                   "1\n",
                                   "\t",
                                   "-1",
                                   "+1",
                                   "1:-1",
                                   "1:+0",
                                   "-",
                                   "+",
                                   "00",
                                   "01",
                                   "1:00",
                                   "4294967295",
                                   "4294967296",
                                   "1:4294967295",
                                   "2147483648000",
                                   "18446744073709551616",
                                   "99999999999999999999999999",
                                   "a b",
                                   "a,b",
                                   "a\x01",
                                   "app\n",
                                   "\x7f"}) {
        CAPTURE(text);
        const Result<UserRequest> request = parse_user(text);
        REQUIRE_FALSE(request);
        CHECK(request.error().code() == EINVAL);
    }
    CHECK_FALSE(parse_user(std::string(257, 'a')));
}

TEST_CASE("user: looked up in the image's own files") {
    CHECK(ids("") == "0:0");
    CHECK(ids("0") == "0:0");
    CHECK(ids("root") == "0:0");
    CHECK(ids("app") == "1001:1002+28+29");
    CHECK(ids("app:wheel") == "1001:10");
    CHECK(ids("app:77") == "1001:77");
    CHECK(ids("1001") == "1001:1002");
    CHECK(ids("1001:audio") == "1001:29");
    CHECK(ids("77") == "77:0");
    CHECK(ids("77:88") == "77:88");
    CHECK(ids("unterminated") == "1006:1006");
}

TEST_CASE("user: all digits is a number, never a name (CVE-2016-3697)") {
    CHECK(ids("1000") == "1000:0");
    CHECK(resolved("1000").value().name.empty());
    CHECK(ids("1:27") == "1:27");
}

TEST_CASE("user: hostile rows are skipped, and an unknown user is an error") {
    for (const char* text :
         {"nobody", "short", "bad", "hex", "huge", "last", "# a comment", "app2", "APP", "ap", "0x0"}) {
        CAPTURE(text);
        CHECK(ids(text) == "error");
    }
    CHECK(resolved("nobody").error().code() == ENOENT);
    CHECK(ids("app:nogroup") == "error");
    CHECK(ids("app:broken") == "error");
    CHECK(ids("app", "") == "error");
    CHECK(ids("app:29", passwd, "") == "1001:29");
    CHECK(ids("app", passwd, "") == "1001:1002");

    const std::string long_line = "app:x:0:0:" + std::string(5000, 'x') + ":/:/bin/sh\napp:x:7:8::/:/bin/sh\n";
    CHECK(ids("app", long_line, "") == "7:8");
    const std::string large(max_account_file_bytes + 1, '\n');
    CHECK(resolved("1", large).error().code() == EFBIG);
    CHECK(resolved("1", passwd, large).error().code() == EFBIG);
    CHECK(ids("1", large.substr(1)) == "1:0");
    const std::string nul("app:x:0:0\0::/:/bin/sh\napp:x:7:8::/:/bin/sh\n", 44);
    CHECK(ids("app", nul, "") == "7:8");

    std::string many;
    for (int gid = 100; many.size() < max_account_file_bytes - 20; ++gid)
        many += "g:x:" + std::to_string(gid) + ":app\n";
    const Result<ResolvedUser> crowded = resolved("app", passwd, many);
    REQUIRE_FALSE(crowded);
    CHECK(crowded.error().code() == E2BIG);
}

TEST_CASE("user: where a value came from") {
    CHECK(resolved("").value().unnamed);
    CHECK_FALSE(resolved("0").value().unnamed);
    CHECK(resolved("77").value().group_defaulted);
    CHECK_FALSE(resolved("77:0").value().group_defaulted);
    CHECK_FALSE(resolved("1001").value().group_defaulted);
    CHECK_FALSE(resolved("").value().group_defaulted);
    CHECK(resolved("").value().home == "/root");
    CHECK(resolved("app").value().home == "/home/app");
    CHECK(resolved("app").value().shell == "/usr/sbin/nologin");
    CHECK(resolved("1001").value().name == "app");
    CHECK(resolved("relative").value().home.empty());
    CHECK(resolved("newline").value().home.empty());
    CHECK(resolved("77").value().home.empty());
}
