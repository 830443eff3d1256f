// What is run: environment, umask, oom score, signals, inherited sockets, limits.
#include <csignal>

#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

size_t count(const std::vector<std::string>& list, std::string_view prefix) {
    size_t found = 0;
    for (const std::string& item : list) found += item.starts_with(prefix);
    return found;
}

}  // namespace

TEST_CASE("process: arguments, variables and directory are config.json's, byte for byte") {
    Input input;
    input.config = with_process(R"("env": ["A=b=c", "EMPTY="])");
    input.config.process->args = {"/app", "", "--x"};
    const ProcessPlan process = compiled(input).process();
    CHECK(process.args == std::vector<std::string>{"/app", "", "--x"});
    CHECK(process.env == std::vector<std::string>{"A=b=c", "EMPTY="});
    CHECK(process.cwd == "/");
    CHECK(process.new_session);
    CHECK(process.dumpable_off);
    CHECK_FALSE(process.own_init);
    CHECK_FALSE(process.parent_death_signal);
}

TEST_CASE("process: nothing to run, or nowhere to run it") {
    Input input;
    input.config.process->args.clear();
    CHECK(refusal(input) == "config.json: $.process.args: nothing to run");
    CHECK(hint_of(input) == "a process has at least one argument: its program");
    input.config.process.reset();
    CHECK(refusal(input) == "config.json: $.process.args: nothing to run");
    for (const char* cwd : {"", "srv", "./srv"}) {
        Input bad;
        bad.config.process->cwd = cwd;
        CHECK(refusal(bad) == concat("config.json: $.process.cwd: '", cwd, "' is not absolute"));
    }
}

TEST_CASE("process: a variable that the profile denies is an error, from wherever it comes") {
    Input input;
    input.profile.environment.deny = {"*SECRET", "AWS_*", "*KEY*", "EXACT"};
    const auto with = [&](const char* variable) {
        input.config.process->env = {variable};
        return refusal(input);
    };
    CHECK(with("DB_SECRET=x") == "variable 'DB_SECRET': refused by '*SECRET' of environment.deny");
    CHECK(with("SECRET=x") == "variable 'SECRET': refused by '*SECRET' of environment.deny");
    CHECK(with("AWS_REGION=x") == "variable 'AWS_REGION': refused by 'AWS_*' of environment.deny");
    CHECK(with("A_KEY_B=x") == "variable 'A_KEY_B': refused by '*KEY*' of environment.deny");
    CHECK(with("EXACT=x") == "variable 'EXACT': refused by 'EXACT' of environment.deny");
    CHECK(with("EXACT") == "variable 'EXACT': refused by 'EXACT' of environment.deny");
    for (const char* variable : {"SECRETS=x", "MY_AWS_=x", "EXACTLY=x", "A=SECRET", "PATH=/bin"})
        CHECK(with(variable) == "compiled");
    CHECK(hint_of(input) == "compiled");
    AppSource app = image();
    app.env.emplace_back("API_TOKEN=x");
    CHECK(refusal(launching(shipped("hardened"), root_facts(), app)) ==
          "variable 'API_TOKEN': refused by '*TOKEN' of environment.deny");
    CHECK(hint_of(launching(shipped("hardened"), root_facts(), app)) ==
          "mount secrets as files, or waive environment.deny");
}

TEST_CASE("process: the umask takes away what either takes away") {
    Input input;
    CHECK(compiled(input).process().umask == 0022u);  // never the engine's, which may be 0
    input.config.process->user.umask = 0;
    CHECK(compiled(input).process().umask == 0u);
    input.config.process->user.umask = 022;
    CHECK(compiled(input).process().umask == 022u);
    input.profile.process.umask = 0007;
    CHECK(compiled(input).process().umask == 0027u);
    input.config.process->user.umask.reset();
    CHECK(compiled(input).process().umask == 0027u);
    input.profile.process.umask = 0077;
    CHECK(compiled(input).process().umask == 0077u);
    CHECK_FALSE(compiled(launching(shipped("oci"), root_facts())).process().umask);  // `launch` is its caller's own program
}

TEST_CASE("process: the oom score is the higher of the two, never below the caller's without root") {
    Input input;
    CHECK_FALSE(compiled(input).process().oom_score_adj);
    input.config.process->oom_score_adj = -500;
    CHECK(compiled(input).process().oom_score_adj == -500);
    input.profile.process.oom_score_adj = 0;
    CHECK(compiled(input).process().oom_score_adj == 0);
    input.config.process->oom_score_adj = 900;
    CHECK(compiled(input).process().oom_score_adj == 900);
    HostFacts facts = user_facts();
    facts.oom_score_adj = 200;
    CHECK(compiled(launching(shipped("hardened"), facts)).process().oom_score_adj == 200);
    facts.oom_score_adj = -200;
    CHECK(compiled(launching(shipped("hardened"), facts)).process().oom_score_adj == 0);
}

TEST_CASE("process: signals, times and the init are the profile's") {
    Input input = launching(child_of(
        "hardened",
        R"("process": {"stopSignal": "SIGQUIT", "stopTimeout": "3s", "dieWithParent": true}, "limits": {"runtimeMax": "1m"})"));
    const ProcessPlan process = compiled(input).process();
    CHECK(process.stop_signal == SIGQUIT);
    CHECK(process.stop_timeout_ms == 3000);
    CHECK(process.runtime_max_ms == 60000u);
    CHECK(process.parent_death_signal);
    CHECK(process.own_init);
    input.profile.process.stop_signal = "SIGNONE";
    CHECK(refusal(input) == "process.stopSignal: 'SIGNONE' is not a signal");

    Input silent_profile;
    silent_profile.profile.process.init = true;
    CHECK_FALSE(compiled(silent_profile).process().own_init);  // of launch only
    CHECK(compiled({}).process().stop_signal == SIGTERM);
}

TEST_CASE("process: the image's stop signal, unless the profile names one") {
    AppSource app = image();
    app.stop_signal = "SIGINT";
    CHECK(compiled(launching(shipped("hardened"), root_facts(), app)).process().stop_signal == SIGINT);
    const policy::Profile quits = child_of("hardened", R"("process": {"stopSignal": "SIGQUIT"})");
    CHECK(compiled(launching(quits, root_facts(), app)).process().stop_signal == SIGQUIT);
    // Image data: judged, never a crash, and nothing but a signal comes of it.
    app.stop_signal = "SIGNONE";
    CHECK(refusal(launching(shipped("hardened"), root_facts(), app)) ==
          "the image's stop signal: 'SIGNONE' is not a signal");
}

TEST_CASE("process: no init without a pid namespace of the container's own") {
    const policy::Profile shared = child_of(
        "hardened",
        R"("namespaces": {"private": ["mount", "ipc", "uts", "network", "user", "cgroup"]}, "waive": [{"what": "namespaces.private", "because": "a debugger"}])");
    const Plan plan = compiled(launching(shared));
    CHECK_FALSE(plan.process().own_init);
    CHECK(has_note(plan, "process.init is off: there is no own pid namespace to be PID 1 of"));
}

TEST_CASE("process: inherited sockets are announced once, whatever the image says") {  // sd_listen_fds(3)
    AppSource app = image();
    app.env.insert(app.env.end(), {"LISTEN_FDS=99", "LISTEN_PID=1", "LISTEN_FDNAMES=a:b", "LISTEN_FDSX=1"});
    Input input = launching(shipped("web"), root_facts(), app);
    input.request.inherited_fds = 2;
    const ProcessPlan process = compiled(input).process();
    CHECK(process.inherited_fds == 2);
    CHECK(count(process.env, "LISTEN_FDS=") == 1);
    CHECK(count(process.env, "LISTEN_FDS=2") == 1);
    CHECK(count(process.env, "LISTEN_PID=") == 1);
    CHECK(count(process.env, "LISTEN_PID=2") == 1);  // PID 1 is the init
    CHECK(count(process.env, "LISTEN_FDNAMES=") == 0);
    CHECK(count(process.env, "LISTEN_FDSX=1") == 1);
    input.profile.process.init = false;
    CHECK(count(compiled(input).process().env, "LISTEN_PID=1") == 1);

    Input without;
    without.request.inherited_fds = 1;
    CHECK(refusal(without) == "inherited sockets need an own pid namespace");
}

TEST_CASE("process: labels of security modules, where the host has the module") {
    struct Row {
        const char *member, *refused;
        bool HostFacts::*module;
        std::string ProcessPlan::*label;
    };
    const Row rows[] = {
        {R"("apparmorProfile": "acme")", "apparmorProfile: config provided but apparmor not supported", &HostFacts::apparmor, &ProcessPlan::apparmor_profile},
        {R"("selinuxLabel": "acme")", "selinux label is specified in config, but selinux is disabled or not supported", &HostFacts::selinux, &ProcessPlan::selinux_label}};
    for (const Row& row : rows) {
        CAPTURE(row.member);
        Input by_profile = launching(child_of("hardened", concat(R"("process": {)", row.member, "}")));
        Input by_config;
        by_config.config = with_process(row.member);
        for (Input* input : {&by_profile, &by_config}) {
            CHECK(refusal(*input) == row.refused);
            input->facts.*row.module = true;
            CHECK(compiled(*input).process().*row.label == "acme");
        }
    }
    Input unconfined;
    unconfined.config = with_process(R"("apparmorProfile": "unconfined")");
    CHECK(compiled(unconfined).process().apparmor_profile.empty());
    Input mounts;
    mounts.config = with_linux(R"("mountLabel": "a:b:c:d")");
    CHECK(compiled(mounts).notes() == std::vector<std::string>{"linux.mountLabel is not used: SELinux is off"});
    mounts.config.process->apparmor_profile = "two\nlines";
    CHECK(contains(refusal(mounts), "a control character in the label"));
}

TEST_CASE("rlimits: config.json's exactly, the profile's at most") {
    Input input;
    input.config = with_process(
        R"("rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096}, {"type": "RLIMIT_CORE", "soft": 5, "hard": 18446744073709551615}])");
    input.facts.hard_limits = {{*rlimit_number("RLIMIT_NOFILE"), 512}};
    const Plan exact = compiled(input);
    CHECK(find_limit(exact, "RLIMIT_NOFILE")->hard == 4096);  // raised from outside, or the launch fails
    CHECK(find_limit(exact, "RLIMIT_CORE")->hard == UINT64_MAX);
    input.profile.limits.rlimits = {{"RLIMIT_NOFILE", {2048, 2048}}, {"RLIMIT_CORE", {0, 0}}, {"RLIMIT_STACK", {1, 2}}};
    const Plan bounded = compiled(input);
    CHECK(find_limit(bounded, "RLIMIT_NOFILE")->soft == 1024);
    CHECK(find_limit(bounded, "RLIMIT_NOFILE")->hard == 2048);
    CHECK(find_limit(bounded, "RLIMIT_CORE")->hard == 0);
    CHECK(find_limit(bounded, "RLIMIT_STACK")->hard == 2);
    CHECK(bounded.process().rlimits.size() == 3);
}

TEST_CASE("rlimits: under launch a lower limit of the caller's own stands") {
    HostFacts facts = root_facts();
    facts.hard_limits = {{*rlimit_number("RLIMIT_NOFILE"), 1000}, {*rlimit_number("RLIMIT_CORE"), UINT64_MAX}};
    const Plan plan = compiled(launching(shipped("hardened"), facts));
    CHECK(find_limit(plan, "RLIMIT_NOFILE")->soft == 1000);
    CHECK(find_limit(plan, "RLIMIT_NOFILE")->hard == 1000);
    CHECK(find_limit(plan, "RLIMIT_CORE")->hard == 0);
}

TEST_CASE("rlimits: the number of processes only where it is the container's own") {
    CHECK(find_limit(compiled(launching(shipped("hardened"))), "RLIMIT_NPROC")->hard == 1024);
    const policy::Profile shared = child_of(
        "hardened",
        R"("namespaces": {"private": ["mount", "pid", "ipc", "uts", "network", "cgroup"]}, "waive": [{"what": "namespaces.private", "because": "host ids"}])");
    const Plan plan = compiled(launching(shared));
    CHECK_FALSE(find_limit(plan, "RLIMIT_NPROC"));
    CHECK(has_note(plan,
                   "limits.rlimits.RLIMIT_NPROC is not applied: without an own user namespace it counts the uid's "
                   "processes on the whole host"));
    // config.json's own number is config.json's to answer for.
    Input input;
    input.config = with_process(R"("rlimits": [{"type": "RLIMIT_NPROC", "soft": 9, "hard": 9}])");
    CHECK(find_limit(compiled(input), "RLIMIT_NPROC")->hard == 9);
}

TEST_CASE("rlimits: what is wrong in config.json") {
    Input input;
    input.config.process->rlimits = {{"RLIMIT_FILES", 1, 1}};
    CHECK(refusal(input) == "config.json: $.process.rlimits: unknown type 'RLIMIT_FILES'");
    input.config.process->rlimits = {{"RLIMIT_CORE", 2, 1}};
    CHECK(refusal(input) == "config.json: $.process.rlimits: RLIMIT_CORE: soft is above hard");
    CHECK_FALSE(rlimit_number("rlimit_core"));
    CHECK(rlimit_number("RLIMIT_STACK") == 3);
}
