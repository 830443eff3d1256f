// Flags become a child profile, and nothing that was typed is lost.
#include "cli/child_profile.h"

#include <doctest/doctest.h>

#include "json/value.h"
#include "policy/profile.h"
#include "unit/cli/words.h"

using namespace casemate;

namespace {

Result<std::string> child(std::vector<std::string> options) {
    options.insert(options.begin(), "launch");
    options.push_back("app.tar");
    const test::Words words(std::move(options));
    const auto parsed = words.parse();
    REQUIRE(parsed);
    return cli::child_profile(parsed.value());
}

}  // namespace

TEST_CASE("child profile: one option, one field") {
    struct Row {
        std::vector<std::string> options;
        const char* json;
    };
    const std::vector<Row> rows = {
        {{"--memory", "2GiB"}, R"({"limits":{"memory":"2GiB"},"schemaVersion":1})"},
        {{"--memory=1048576"}, R"({"limits":{"memory":1048576},"schemaVersion":1})"},
        {{"--memory", "64MB"}, R"({"limits":{"memory":"64MB"},"schemaVersion":1})"},  // the loader says what is wrong
        {{"--swap", "0"}, R"({"limits":{"swap":0},"schemaVersion":1})"},
        {{"--cpus", "2"}, R"({"limits":{"cpu":2},"schemaVersion":1})"},
        {{"--cpus", "1.5"}, R"({"limits":{"cpu":"1500m"},"schemaVersion":1})"},
        {{"--cpus", "0.25"}, R"({"limits":{"cpu":"250m"},"schemaVersion":1})"},
        {{"--cpus", "1.2345"}, R"({"limits":{"cpu":"1.2345"},"schemaVersion":1})"},
        {{"--pids", "64"}, R"({"limits":{"pids":64},"schemaVersion":1})"},
        {{"--ulimit", "nofile=1024"}, R"({"limits":{"rlimits":{"RLIMIT_NOFILE":1024}},"schemaVersion":1})"},
        {{"--ulimit", "RLIMIT_CORE=0:4096"},
         R"({"limits":{"rlimits":{"RLIMIT_CORE":{"soft":0,"hard":4096}}},"schemaVersion":1})"},
        {{"--publish", "8000:80", "-p", "127.0.0.2:81:81/tcp"},
         R"({"network":{"publish":["8000:80","127.0.0.2:81:81"]},"schemaVersion":1})"},
        {{"--listen", "127.0.0.1:8000"}, R"({"network":{"listen":["127.0.0.1:8000"]},"schemaVersion":1})"},
        {{"--network", "published"}, R"({"network":{"mode":"published"},"schemaVersion":1})"},
        {{"--egress", "open"}, R"({"network":{"egress":"open"},"schemaVersion":1})"},
        {{"--volume", "./in:/in:ro"},
         R"({"filesystem":{"mounts":[{"destination":"/in","type":"bind","source":"./in","readonly":true}]},"schemaVersion":1})"},
        {{"-v", "/srv/out:/out"},
         R"({"filesystem":{"mounts":[{"destination":"/out","type":"bind","source":"/srv/out","readonly":false}]},"schemaVersion":1})"},
        {{"-v", "data:/d:rw"},
         R"({"filesystem":{"mounts":[{"destination":"/d","type":"bind","source":"./data","readonly":false}]},"schemaVersion":1})"},
        {{"--tmpfs", "/run"},
         R"({"filesystem":{"mounts":[{"destination":"/run","type":"tmpfs","size":"64MiB"}]},"schemaVersion":1})"},
        {{"--tmpfs", "/run:size=1MiB,inodes=10,mode=755,exec"},
         R"({"filesystem":{"mounts":[{"destination":"/run","type":"tmpfs","size":"1MiB","inodes":10,"mode":"0755","noexec":false}]},"schemaVersion":1})"},
        {{"-e", "A=b=c", "-e", "HOME"}, R"({"environment":{"pass":["HOME"],"set":{"A":"b=c"}},"schemaVersion":1})"},
        {{"-e", "a.b=\"q\""}, R"({"environment":{"set":{"a.b":"\"q\""}},"schemaVersion":1})"},
        {{"--init"}, R"({"process":{"init":true},"schemaVersion":1})"},
        {{"--no-init"}, R"({"process":{"init":false},"schemaVersion":1})"},
        {{"--hostname", "web", "--umask", "0077"},
         R"({"process":{"hostname":"web","umask":"0077"},"schemaVersion":1})"},
        {{"--oom-score-adj", "-5"}, R"({"process":{"oomScoreAdj":-5},"schemaVersion":1})"},
        {{"--read-only"}, R"({"filesystem":{"readonlyRoot":true},"schemaVersion":1})"},
        {{"--cap", "CAP_CHOWN", "--cap", "CAP_KILL"}, R"({"capabilities":["CAP_CHOWN","CAP_KILL"],"schemaVersion":1})"},
        {{"--user", "1000"}, R"({"identity":{"imageUser":"ignore","user":{"uid":1000,"gid":1000}},"schemaVersion":1})"},
        {{"-u", "999:998"}, R"({"identity":{"imageUser":"ignore","user":{"uid":999,"gid":998}},"schemaVersion":1})"},
        {{"--set", "memory.denyWriteExecute=false", "--set", "process.umask=0027", "--set", "landlock.minimumAbi=4"},
         R"({"landlock":{"minimumAbi":4},"memory":{"denyWriteExecute":false},"process":{"umask":"0027"},"schemaVersion":1})"},
        {{"--waive", "limits.memory=model in memory"},
         R"({"schemaVersion":1,"waive":[{"what":"limits.memory","because":"model in memory"}]})"},
        {{"--runtime-max", "10m", "--stop-timeout", "3s"},
         R"({"limits":{"runtimeMax":"10m"},"process":{"stopTimeout":"3s"},"schemaVersion":1})"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.json);
        const auto text = child(row.options);
        REQUIRE_MESSAGE(text, (text ? "" : text.error().text()));
        CHECK(text.value() == row.json);
        CHECK(json::Document::parse(text.value()));
    }
}

TEST_CASE("child profile: options of the launch itself make no profile") {
    const auto text =
        child({"--profile", "web", "--name", "x", "--detach", "--rm", "--pid-file", "p", "--cwd", "/", "-t"});
    REQUIRE(text);
    CHECK(text.value().empty());
    const auto by_name = child({"--user", "www-data"});  // the runtime asks the image
    REQUIRE(by_name);
    CHECK(by_name.value().empty());
}

TEST_CASE("child profile: wrong spellings are named with their option") {
    const std::vector<std::pair<std::vector<std::string>, const char*>> rows = {
        {{"--ulimit", "nofile"}, "option '--ulimit': 'nofile' is not TYPE=SOFT[:HARD]"},
        {{"--volume", "/a"}, "option '--volume': '/a' is not SRC:DST[:ro]"},
        {{"--volume", "/a:/b:rx"}, "option '--volume': '/a:/b:rx' ends neither in ':ro' nor in ':rw'"},
        {{"--tmpfs", "/a:bogus"}, "option '--tmpfs': '/a:bogus' is not DST[:size=SIZE,inodes=N,mode=OCTAL,exec]"},
        {{"--publish", "53:53/udp"}, "option '--publish': '53:53/udp': UDP is not relayed"},
        {{"--waive", "limits.memory"}, "option '--waive': 'limits.memory' is not FIELD=REASON"},
        {{"--set", "limits.memory"}, "option '--set': 'limits.memory' is not FIELD=JSON"},
        {{"--set", "network.publish=[]", "-p", "80:80"},
         "option '--set': 'network.publish' is also given by another option"},
    };
    for (const auto& [options, message] : rows) {
        CAPTURE(message);
        const auto text = child(options);
        REQUIRE_FALSE(text);
        CHECK(text.error().text() == message);
    }
}

TEST_CASE("child profile: a field and one below it cannot both be set unseen") {
    const auto text = child({"--set", "limits=5", "--memory", "1GiB"});
    REQUIRE(text);
    CHECK_FALSE(json::Document::parse(text.value()));  // a key given twice: the loader refuses it
}

TEST_CASE("child profile: the loader takes every flag, and judges it against the profile") {
    policy::BuiltInReader reader;
    const auto parent = policy::load("web", reader);
    REQUIRE(parent);
    const auto refined = [&](std::vector<std::string> options) {
        const auto text = child(std::move(options));
        REQUIRE(text);
        return policy::refine(parent.value(), {"the command line", text.value(), "/work"});
    };
    const auto strict = refined({"--memory",
                                 "64MiB",
                                 "--swap",
                                 "0",
                                 "--cpus",
                                 "0.5",
                                 "--pids",
                                 "32",
                                 "--ulimit",
                                 "nofile=64:128",
                                 "--runtime-max",
                                 "10m",
                                 "--stop-timeout",
                                 "3s",
                                 "-p",
                                 "8000:80",
                                 "-v",
                                 "./in:/in:ro",
                                 "--tmpfs",
                                 "/run:size=1MiB,inodes=10,mode=755",
                                 "-e",
                                 "A=1",
                                 "-e",
                                 "LANG",
                                 "--hostname",
                                 "web",
                                 "--umask",
                                 "0077",
                                 "--user",
                                 "1000:1000",
                                 "--read-only",
                                 "--init",
                                 "--oom-score-adj",
                                 "500",
                                 "--network",
                                 "published",
                                 "--egress",
                                 "closed",
                                 "--set",
                                 "landlock.minimumAbi=3"});
    REQUIRE_MESSAGE(strict, (strict ? "" : strict.error().text()));
    const policy::Profile& profile = strict.value();
    CHECK(profile.limits.memory == uint64_t{64} << 20);
    CHECK(profile.limits.cpu_milli == 500);
    CHECK(profile.limits.rlimits->at("RLIMIT_NOFILE") == policy::RlimitPair{64, 128});
    CHECK(profile.limits.runtime_max_ms == 600000);
    CHECK(profile.network.publish->at(0) == policy::Publish{"127.0.0.1", 8000, 80});
    CHECK(profile.identity.user->uid == 1000);
    CHECK(profile.environment.set->at("A") == "1");
    CHECK(profile.landlock.minimum_abi == 3);
    bool found = false;
    for (const policy::MountGrant& mount : *profile.filesystem.mounts)
        found |= mount.destination == "/in" && mount.source == "/work/in" && mount.readonly;
    CHECK(found);

    const auto weaker = refined({"--memory", "64GiB"});
    REQUIRE_FALSE(weaker);
    CHECK(weaker.error().text().find("limits.memory") != std::string::npos);
    const auto waived = refined({"--memory", "64GiB", "--waive", "limits.memory=the model is kept in memory"});
    REQUIRE_MESSAGE(waived, (waived ? "" : waived.error().text()));
    CHECK(waived.value().limits.memory == uint64_t{64} << 30);
    CHECK(waived.value().waivers.back().because == "the model is kept in memory");
}
