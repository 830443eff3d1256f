// Which scope a cgroupsPath means under the systemd driver, where it is, and what its unit is told.
#include <doctest/doctest.h>

#include "base/text.h"
#include "cgroup/scope.h"
#include "cgroup/settings.h"

namespace casemate::cgroup {
namespace {

std::string path_of(std::string_view cgroups_path, Manager manager = Manager::system) {
    const auto scope = parse_scope(cgroups_path, "web", manager);
    return scope ? scope.value().path(1000) : "error: " + scope.error().text();
}

bool refused(std::string_view cgroups_path, std::string_view because) {
    const auto scope = parse_scope(cgroups_path, "web", Manager::system);
    INFO(path_of(cgroups_path));
    return !scope && scope.error().text().find(because) != std::string::npos;
}

std::string text_of(const std::vector<UnitProperty>& properties) {
    std::string text;
    for (const UnitProperty& property : properties) text += (text.empty() ? "" : " ") + property.text();
    return text;
}

TEST_CASE("scope: slices become directories level by level") {
    CHECK(path_of("machine.slice:libpod:ab12") == "/machine.slice/libpod-ab12.scope");
    CHECK(path_of("a-b-c.slice:p:n") == "/a.slice/a-b.slice/a-b-c.slice/p-n.scope");
    CHECK(path_of("-.slice:p:n") == "/p-n.scope");
    CHECK(path_of("kubepods-besteffort-pod12_34.slice:cri-containerd:ff") ==
          "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod12_34.slice/cri-containerd-ff.scope");
}

TEST_CASE("scope: what is left out has a default") {
    CHECK(path_of("") == "/system.slice/casemate-web.scope");
    CHECK(path_of(":p:n") == "/system.slice/p-n.scope");
    CHECK(path_of("machine.slice::n") == "/machine.slice/n.scope");
    CHECK(path_of("", Manager::user) == "/user.slice/user-1000.slice/user@1000.service/user.slice/casemate-web.scope");
}

TEST_CASE("scope: what no unit name may hold is escaped") {
    CHECK(path_of("a.slice:p:n+1") == "/a.slice/p-n\\x2b1.scope");
    CHECK(path_of("a.slice:p q:\xc3\xa4") == "/a.slice/p\\x20q-\\xc3\\xa4.scope");
    CHECK(path_of("a.slice:p:\\x2e") == "/a.slice/p-\\x5cx2e.scope");
}

TEST_CASE("scope: bad names are refused") {
    CHECK(refused("/machine/web", "slice:prefix:name"));
    CHECK(refused("a.slice:b", "slice:prefix:name"));
    CHECK(refused("a.slice:b:c:d", "slice:prefix:name"));
    CHECK(refused("machine:p:n", "does not end with .slice"));
    CHECK(refused("-a.slice:p:n", "has no name"));
    CHECK(refused("a--b.slice:p:n", "has no name"));
    CHECK(refused("a-.slice:p:n", "has no name"));
    CHECK(refused(".slice:p:n", "has no name"));
    CHECK(refused("a/b.slice:p:n", "character"));
    CHECK(refused("../../x.slice:p:n", "character"));
    CHECK(refused("a.slice:../x:n", "holds '/'"));
    CHECK(refused("a.slice:p:../../n", "holds '/'"));
    CHECK(refused(std::string_view("a.slice:p:n\nX=1", 15), "control character"));
    CHECK(refused("a.slice:p:", "no name"));
    CHECK(refused("a.slice:p:b.slice", "not a slice"));
    CHECK(refused("a.slice:p:" + std::string(250, 'n'), "255 bytes"));
    CHECK(refused(std::string(250, 'a') + ".slice:p:n", "255 bytes"));
}

TEST_CASE("scope: limits that systemd keeps too") {
    Limits limits;
    CHECK(text_of(properties_of(limits, Version::v2)).empty());
    limits.memory.limit = 64 << 20;
    limits.memory.swap = unlimited;
    limits.memory.reservation = 4096;
    limits.cpu.shares = 1024;
    limits.cpu.quota = 25000;
    limits.cpu.period = 100000;
    limits.pids = 7;
    CHECK(text_of(properties_of(limits, Version::v2)) ==
          "MemoryMax=t:67108864 MemorySwapMax=t:18446744073709551615 MemoryLow=t:4096 CPUWeight=t:100 CPUQuotaPerSecUSec=t:250000 "
          "CPUQuotaPeriodUSec=t:100000 TasksMax=t:7");
    CHECK(text_of(properties_of(limits, Version::v1)) ==
          "MemoryLimit=t:67108864 CPUShares=t:1024 CPUQuotaPerSecUSec=t:250000 CPUQuotaPeriodUSec=t:100000 TasksMax=t:7");
    Limits odd;
    odd.cpu.quota = 12345;  // 123.45 ms a second
    CHECK(text_of(properties_of(odd, Version::v2)) == "CPUQuotaPerSecUSec=t:130000");
    Limits written;
    written.unified = {{"memory.high", "1048576"}, {"memory.min", "max\n"}, {"memory.oom.group", "1"}, {"pids.max", "5 6"}, {"cpu.weight", "7"}};
    written.io.weight = 300;
    CHECK(text_of(properties_of(written, Version::v2)) ==
          concat("IOWeight=t:", weight_of_blkio(300), " MemoryHigh=t:1048576 MemoryMin=t:18446744073709551615 CPUWeight=t:7"));
    odd.cpu.quota = unlimited;
    odd.pids = unlimited;
    CHECK(text_of(properties_of(odd, Version::v2)) == "CPUQuotaPerSecUSec=t:18446744073709551615 TasksMax=t:18446744073709551615");
}

TEST_CASE("scope: annotations say how it is stopped, and nothing else") {
    const auto from = [](const char* name, const char* value) {
        const auto properties = properties_of(std::map<std::string, std::string>{{name, value}, {"org.example", "x"}});
        return properties ? text_of(properties.value()) : "error: " + properties.error().text();
    };
    CHECK(from("org.systemd.property.KillSignal", "15") == "KillSignal=i:15");
    CHECK(from("org.systemd.property.TimeoutStopUSec", "uint64 10000000") == "TimeoutStopUSec=t:10000000");
    CHECK(from("org.systemd.property.TimeoutStopSec", "10") == "TimeoutStopUSec=t:10000000");
    CHECK(from("org.systemd.property.CollectMode", "'inactive-or-failed'") == "CollectMode=s:inactive-or-failed");
    CHECK(from("org.systemd.property.KillSignal", "0").starts_with("error: annotation org.systemd.property.KillSignal: '0' is not"));
    CHECK(from("org.systemd.property.TimeoutStopSec", "18446744073709551615").starts_with("error"));
    CHECK(from("org.systemd.property.CollectMode", "'never'").starts_with("error"));
    CHECK(from("org.systemd.property.MemoryMax", "uint64 1").find("MemoryMax: not taken from a configuration") != std::string::npos);
    CHECK(from("org.systemd.property.ExecStartPost", "'/bin/sh'").starts_with("error"));
    CHECK(from("org.example", "y").empty());
}

TEST_CASE("scope: a property's text is what it came from") {
    for (const char* text : {"MemoryMax=t:18446744073709551615", "KillSignal=i:15", "CollectMode=s:inactive", "X=s:a=b:c"}) {
        const auto property = UnitProperty::parse(text);
        REQUIRE(property);
        CHECK(property.value().text() == text);
    }
    for (const char* text : {"", "=t:1", "A", "A=", "A=t", "A=t:", "A=t:-1", "A=t:1x", "A=u:1", "A=i:4294967296", "A b=t:1", "A=t1"})
        CHECK_FALSE(UnitProperty::parse(text));
}

}  // namespace
}  // namespace casemate::cgroup
