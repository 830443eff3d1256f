// The app's terminal and the hooks, as planned.
#include "plan/expected.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

constexpr const char* devpts = R"({"destination": "/dev/pts", "type": "devpts", "source": "devpts"})";

Input with_terminal(uint32_t rows, uint32_t columns) {
    Input input;
    input.config = with_mount(devpts);
    input.config.process->terminal = true;
    input.config.process->console_size = {rows, columns};
    return input;
}

}  // namespace

TEST_CASE("terminal: made in the mount at /dev/pts, with the size that is asked for") {
    const Plan plan = compiled(with_terminal(24, 80));
    REQUIRE(plan.process().terminal);
    CHECK(plan.process().terminal->rows == 24);
    CHECK(plan.process().terminal->columns == 80);
    REQUIRE(plan.process().terminal->devpts);
    CHECK(plan.mounts().mounts[*plan.process().terminal->devpts].destination == "/dev/pts");
}

TEST_CASE("terminal: none without being asked for, whatever its size") {
    Input input = with_terminal(24, 80);
    input.config.process->terminal = false;
    CHECK_FALSE(compiled(input).process().terminal);
}

TEST_CASE("terminal: impossible ones are refused") {
    Input input;
    input.config.process->terminal = true;
    CHECK(refusal(input) == "config.json: $.process.terminal: needs a mount of type devpts at '/dev/pts'");
    CHECK(refusal(with_terminal(65536, 1)) == "config.json: $.process.consoleSize: more than 65535 rows or columns");
    CHECK(refusal(with_terminal(65535, 65535)) == "compiled");
}

TEST_CASE("terminal: under a profile it may be used, and no more is writable than that") {
    AppSource app = image();
    const Plan without = compiled(launching(shipped("hardened"), root_facts(), app));
    app.terminal = true;
    const Plan with = compiled(launching(shipped("hardened"), root_facts(), app));
    CHECK(with.process().terminal);
    CHECK(with.landlock().rules.size() == without.landlock().rules.size() + 1);
    CHECK(with.landlock().rules.back().path == "/dev/console");
}

TEST_CASE("hooks: as config.json says them under 'oci', refused by name wherever a profile has a say") {
    Input input;
    input.config.hooks.poststop.push_back({"/bin/hook", {"hook", "x"}, {"A=b"}, 3});
    CHECK(compiled(input).hooks() == input.config.hooks);
    CHECK_FALSE(holds_for_hooks(compiled(input).hooks()));
    input.config.hooks.create_container.push_back({"/bin/hook", {}, {}, {}});
    CHECK(holds_for_hooks(compiled(input).hooks()));
    input.profile.oci.hooks = policy::OciHooks::deny;
    CHECK(refusal(input) == "config.json: $.hooks.createContainer: hooks run on the host: refused by oci.hooks 'deny'");
    input.profile = silent();
    input.request.launch = true;
    CHECK(refusal(input) == "config.json: $.hooks.createContainer: hooks run on the host: refused by 'launch'");
}

TEST_CASE("hooks: without root none joins the container") {
    Input input{.config = with_linux(R"("namespaces":[{"type":"user"},{"type":"pid"},{"type":"mount"}],"uidMappings":[{"containerID":0,"hostID":1000,"size":1}],"gidMappings":[{"containerID":0,"hostID":1000,"size":1}])"), .facts = user_facts(false)};
    input.config.hooks.create_runtime.push_back({"/bin/hook", {}, {}, {}});
    CHECK(compiled(input).hooks() == input.config.hooks);
    input.config.hooks.create_container.push_back({"/bin/hook", {}, {}, {}});
    CHECK(refusal(input) == "config.json: $.hooks.createContainer: without root no program of the host can join the container");
    input.facts.nested = true;
    CHECK(compiled(input).hooks() == input.config.hooks);
}

TEST_CASE("hooks: what they mount is no surprise for verify") {
    Input input;
    input.config.root_readonly = true;
    CHECK(expected_of(compiled(input), 0).exact_mounts);
    input.config.hooks.create_runtime.push_back({"/bin/hook", {}, {}, {}});
    CHECK_FALSE(expected_of(compiled(input), 0).exact_mounts);
}
