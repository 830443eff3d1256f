#include "support/temp_bundle.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "runtime/facts.h"
#include "support/in_child.h"
#include "sys/call.h"
#include "sys/removal.h"

namespace casemate::test {
namespace {

constexpr const char* directories[] = {"/bin", "/dev", "/etc", "/proc", "/sys", "/tmp", "/root", "/var"};
constexpr const char* applets[] = {"sh", "true", "false", "sleep", "cat", "echo", "id", "kill", "test"};

const std::string& busybox() {
    static const std::string program = [] {
        const auto file = sys::open("/bin/busybox", O_RDONLY);
        REQUIRE_MESSAGE(file, "the kernel tests need Debian's busybox-static");
        auto bytes = sys::read_all(file.value(), size_t{16} << 20);
        REQUIRE(bytes);
        return std::move(bytes).take();
    }();
    return program;
}

template <typename T>
T required(Result<T> result) {
    REQUIRE_MESSAGE(result, (result ? std::string() : result.error().text()));
    return std::move(result).take();
}

// The caller's facts; as an unprivileged launcher with no range in /etc/subuid sees them when the mode is rootless.
plan::HostFacts facts_for(const policy::Profile& profile, plan::Mode mode) {
    plan::HostFacts facts = required(runtime::host_facts(profile, true));
    facts.cgroups.hierarchies.clear();  // nobody here would take a group away again
    if (mode != plan::Mode::rootless) return facts;
    facts.euid = facts.egid = plain_user;
    facts.groups.clear();
    facts.permitted = 0;
    facts.subuid.reset();
    facts.subgid.reset();
    return facts;
}

oci::Config engine_config(const std::string& rootfs) {
    oci::Config config;
    config.oci_version = "1.2.0";
    config.root_path = rootfs;
    oci::Process& process = config.process.emplace();
    process.args = {"/bin/true"};
    process.env = {"PATH=/bin"};
    for (const char* type : {"pid", "mount", "ipc", "uts", "network"}) config.linux_.namespaces.push_back({type, ""});
    config.mounts = {{"/proc", "proc", "proc", {"nosuid", "nodev", "noexec"}, {}, {}},
                     {"/dev", "tmpfs", "tmpfs", {"nosuid", "mode=755", "size=65536k"}, {}, {}},
                     {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}, {}, {}}};
    return config;
}

}  // namespace

TempBundle::TempBundle() {
    char name[] = "/tmp/casemate-test-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
    ::chmod(name, 0755);
    directory("rootfs");
    for (const char* name_in_root : directories) directory(concat("rootfs", name_in_root));
    file("rootfs/bin/busybox", busybox(), 0755);
    for (const char* applet : applets) link("busybox", concat("rootfs/bin/", applet));
    file("rootfs/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
}

TempBundle::~TempBundle() {
    const auto parent = sys::open("/tmp", O_RDONLY | O_DIRECTORY);
    if (parent) (void)sys::remove_scratch(parent.value(), path_.substr(sizeof "/tmp/" - 1)).operator bool();
}

std::string TempBundle::file(const std::string& name, const std::string& content, unsigned mode) const {
    const std::string path = concat(path_, "/", name);
    const Fd made = required(sys::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    REQUIRE(sys::write_all(made, content));
    REQUIRE(::fchmod(made.get(), mode) == 0);
    return path;
}

std::string TempBundle::directory(const std::string& name, unsigned mode) const {
    const std::string path = concat(path_, "/", name);
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
}

void TempBundle::link(const std::string& target, const std::string& name) const {
    REQUIRE(::symlink(target.c_str(), concat(path_, "/", name).c_str()) == 0);
}

plan::Plan TempBundle::plan(const Wanted& wanted) const {
    policy::BuiltInReader reader;
    policy::Profile profile = required(policy::load(wanted.profile, reader));
    if (wanted.mode == plan::Mode::root && profile.namespaces.private_) std::erase(*profile.namespaces.private_, "user");
    if (wanted.edit_profile) wanted.edit_profile(profile);
    plan::HostFacts facts = facts_for(profile, wanted.mode);
    if (wanted.edit_facts) wanted.edit_facts(facts);
    plan::AppSource app;
    app.root_path = rootfs();
    app.args = wanted.args;
    app.env = {"PATH=/bin"};
    oci::Config config = required(plan::synthesize(app, profile, facts));
    if (wanted.edit_config) wanted.edit_config(config);
    plan::Request request;
    request.bundle = path_;
    request.launch = true;
    if (wanted.mode == plan::Mode::root_userns) request.id_base = id_base;
    if (wanted.edit_request) wanted.edit_request(request);
    plan::Plan plan = required(plan::compile(config, profile, facts, request));
    REQUIRE(plan.ids().mode == wanted.mode);
    return plan;
}

plan::Plan TempBundle::oci_plan(const std::function<void(oci::Config&)>& edit, const std::function<void(plan::Request&)>& edit_request) const {
    policy::Profile profile;  // says nothing
    profile.name = "oci";
    oci::Config config = engine_config(rootfs());
    if (edit) edit(config);
    plan::Request request;
    request.bundle = path_;
    if (edit_request) edit_request(request);
    return required(plan::compile(config, profile, facts_for(profile, plan::Mode::root), request));
}

}  // namespace casemate::test
