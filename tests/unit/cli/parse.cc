// The parser against what clients really send (podman with conmon, containerd, CRI-O, buildah: captured argv), and
// against what people mistype.
#include "cli/command.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "unit/cli/words.h"

using namespace casemate;
using cli::Opt;
using cli::Verb;

namespace {

std::string error_of(const test::Words& words) {
    const auto parsed = words.parse();
    REQUIRE_FALSE(parsed);
    return parsed.error().text();
}

}  // namespace

TEST_CASE("parse: what podman and conmon send") {
    const test::Words create(
        "--systemd-cgroup --log-format=json --log /b/oci-log create --bundle /b --pid-file /b/pidfile "
        "--no-new-keyring --preserve-fds 2 --console-socket /tmp/s ctr");
    const auto args = create.parse();
    REQUIRE(args);
    CHECK(args.value().command->verb == Verb::create);
    CHECK(args.value().has(Opt::systemd_cgroup));
    CHECK(args.value().value(Opt::log) == "/b/oci-log");
    CHECK(args.value().value(Opt::log_format) == "json");
    CHECK(args.value().value(Opt::bundle) == "/b");
    CHECK(args.value().value(Opt::preserve_fds) == "2");
    CHECK(args.value().has(Opt::no_new_keyring));
    CHECK_FALSE(args.value().has(Opt::no_pivot));
    CHECK(args.value().operands == std::vector<std::string_view>{"ctr"});

    struct Row {
        const char* line;
        Verb verb;
        std::vector<std::string_view> operands;
        std::vector<Opt> options;
    };
    const std::vector<Row> rows = {
        {"--cgroup-manager disabled create --bundle B --pid-file P --no-pivot ID",
         Verb::create,
         {"ID"},
         {Opt::cgroup_manager, Opt::no_pivot}},
        {"exec --pid-file P --process F --detach --tty --console-socket S ID",
         Verb::exec,
         {"ID"},
         {Opt::process, Opt::detach, Opt::tty}},
        {"exec --pid-file P --process F --detach --preserve-fds 1 ID", Verb::exec, {"ID"}, {Opt::preserve_fds}},
        {"start ID", Verb::start, {"ID"}, {}},
        {"kill ID 15", Verb::kill, {"ID", "15"}, {}},
        {"kill --all ID 15", Verb::kill, {"ID", "15"}, {Opt::all}},
        {"delete --force ID", Verb::delete_, {"ID"}, {Opt::force}},
        {"pause ID", Verb::pause, {"ID"}, {}},
        {"resume ID", Verb::resume, {"ID"}, {}},
        {"update --resources=/f ID", Verb::update, {"ID"}, {Opt::resources}},
        {"state ID", Verb::state, {"ID"}, {}},
        // containerd and go-runc
        {"--root /run/containerd/runc/k8s.io --log /b/log.json --log-format json create --bundle /b --pid-file "
         "/b/init.pid ID",
         Verb::create,
         {"ID"},
         {Opt::root, Opt::log}},
        {"--root R --log L --log-format json exec --process F --console-socket S --detach --pid-file P ID",
         Verb::exec,
         {"ID"},
         {Opt::console_socket}},
        {"--root R --log L --log-format json --rootless=false create --pidfd-socket S --bundle B ID",
         Verb::create,
         {"ID"},
         {Opt::rootless, Opt::pidfd_socket}},
        {"delete ID", Verb::delete_, {"ID"}, {}},
        {"ps --format json ID", Verb::ps, {"ID"}, {Opt::ps_format}},
        {"update --resources=- ID", Verb::update, {"ID"}, {Opt::resources}},
        {"features", Verb::features, {}, {}},
        {"run --bundle B -no-subreaper ID", Verb::run, {"ID"}, {Opt::no_subreaper}},
        // CRI-O
        {"--root R --systemd-cgroup kill -a ID KILL", Verb::kill, {"ID", "KILL"}, {Opt::all}},
        {"--root=R update --resources - ID", Verb::update, {"ID"}, {Opt::resources, Opt::root}},
        {"list -f json", Verb::list, {}, {Opt::list_format}},
        {"list --quiet", Verb::list, {}, {Opt::quiet}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.line);
        const test::Words words(row.line);
        const auto parsed = words.parse();
        REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().text()));
        CHECK(parsed.value().command->verb == row.verb);
        CHECK(parsed.value().operands == row.operands);
        for (const Opt id : row.options) CHECK(parsed.value().has(id));
    }
}

TEST_CASE("parse: every spelling of an option") {
    for (const char* line : {"run -b DIR x", "run -bDIR x", "run -b=DIR x", "run --bundle DIR x", "run --bundle=DIR x",
                             "run -bundle DIR x", "run -bundle=DIR x", "run x --bundle DIR", "run -d -b DIR x",
                             "run -db DIR x", "run -dbDIR x"}) {
        CAPTURE(line);
        const test::Words words(line);
        const auto parsed = words.parse();
        REQUIRE(parsed);
        CHECK(parsed.value().value(Opt::bundle) == "DIR");
        CHECK(parsed.value().operands == std::vector<std::string_view>{"x"});
    }
    const test::Words off("run --detach --detach=false x");
    const auto parsed = off.parse();
    REQUIRE(parsed);
    CHECK_FALSE(parsed.value().has(Opt::detach));
}

TEST_CASE("parse: the program to run is not read as options") {
    const test::Words exec("exec -t ID ps -ef --no-headers");
    const auto in_exec = exec.parse();
    REQUIRE(in_exec);
    CHECK(in_exec.value().operands == std::vector<std::string_view>{"ID"});
    CHECK(in_exec.value().tail == std::vector<std::string_view>{"ps", "-ef", "--no-headers"});

    const test::Words launch("launch --profile web app.tar --publish 80:80 -- uvicorn app:app --fd 3");
    const auto in_launch = launch.parse();
    REQUIRE(in_launch);
    CHECK(in_launch.value().value(Opt::publish) == "80:80");
    CHECK(in_launch.value().tail == std::vector<std::string_view>{"uvicorn", "app:app", "--fd", "3"});

    const test::Words audit("--color never audit --fail-on warn x");
    const auto in_audit = audit.parse();
    REQUIRE(in_audit);
    CHECK(in_audit.value().tail == std::vector<std::string_view>{"--fail-on", "warn", "x"});
}

TEST_CASE("parse: mistakes are named, with the word that was meant") {
    CHECK(error_of("lanch x") == "unknown verb 'lanch'; did you mean 'launch'?");
    CHECK(error_of("launch --pubish 80:80 x") == "launch: unknown option '--pubish'; did you mean '--publish'?");
    CHECK(error_of("--lgo f run x") == "unknown option '--lgo'; did you mean '--log'?");
    CHECK(error_of("run -Z x") == "run: unknown option '-Z'");
    CHECK(error_of("run x --bundle") == "run: option '--bundle' requires an argument");
    CHECK(error_of("run --detach=maybe x") == "run: option '--detach' takes no value but true or false, not 'maybe'");
    CHECK(error_of("--log-format jsn run x") ==
          "option '--log-format' is one of text|json, not 'jsn'; did you mean 'json'?");
    CHECK(error_of("start") == "start: an operand is missing: casemate start ID");
    CHECK(error_of("start a b") == "start: unexpected operand 'b'");
    CHECK(error_of("-- run x") == "a verb is missing before '--'");
    const test::Words no_dashes("launch app.tar sh");
    const auto parsed = no_dashes.parse();
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().hint_text() == "the command to run stands after '--'");
}

TEST_CASE("parse: a wrong command line ends with the verb's own exit code") {
    const std::vector<std::pair<const char*, int>> rows = {
        {"launch --nope x", 125},  {"start", 1},   {"exec --nope x", 255},
        {"verify --nope", 2},      {"nope", 125},  {"run --nope x", 125},
        {"probe --format xml", 2}, {"--nope", 125}};
    for (const auto& [line, code] : rows) {
        CAPTURE(line);
        const test::Words words(line);
        const auto parsed = words.parse();
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().exit_code() == code);
    }
}

TEST_CASE("parse: --help needs no operands") {
    for (const char* line : {"--help", "-h", "launch --help", "start -h", "--version", "-v"}) {
        CAPTURE(line);
        const test::Words words(line);
        CHECK(words.parse());
    }
    const test::Words volume("launch -v a:/b x");  // a verb's own letter comes before the global one
    const auto parsed = volume.parse();
    REQUIRE(parsed);
    CHECK(parsed.value().value(Opt::volume) == "a:/b");
    CHECK_FALSE(parsed.value().has(Opt::version));
}
