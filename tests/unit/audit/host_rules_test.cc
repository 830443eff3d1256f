// HOST and units: each rule finds what it is for, and is quiet about what looks like it.
#include "audit/host_facts.h"

#include "audit/network_tables.h"
#include "rule_support.h"

using namespace test;

namespace {

HostFacts clean_host() {
    HostFacts facts;
    facts.files = {{"/", 0, 0755}, {"/run", 0, 01777}, {"/var/lib/casemate", 0, 0700}};
    for (const char* name : {"kernel.kptr_restrict", "kernel.dmesg_restrict", "fs.protected_symlinks"}) facts.sysctls[name] = "1";
    facts.sysctls["user.max_user_namespaces"] = "1000";
    facts.kernel_major = 6;
    facts.kernel_minor = 1;
    facts.landlock_abi = 2;
    facts.seccomp_filter = facts.cgroup_v2 = true;
    return facts;
}

const char* const hardened_unit =
    "[Unit]\nStartLimitBurst=5\nStartLimitIntervalSec=60\n# a comment\n[Service]\nRestart=on-failure\n"
    "ProtectSystem=strict\nProtectHome=read-only\nPrivateTmp=true\nProtectKernelModules=yes\nLockPersonality=yes\n"
    "SystemCallArchitectures=native\nRestrictAddressFamilies=AF_UNIX \\\n  AF_INET\n"
    "CapabilityBoundingSet=CAP_SYS_ADMIN\nUMask=0077\n";

template <typename Facts>
std::vector<Finding> found_by(std::span<const Check<Facts>> checks, const Facts& facts) {
    std::vector<Finding> findings;
    run_checks(checks, facts, findings);
    return findings;
}
std::vector<Finding> judge_host(const HostFacts& facts) { return found_by(host_checks(), facts); }
std::vector<Finding> judge_unit(const UnitFacts& facts) { return found_by(unit_checks(), facts); }

const std::vector<Row<HostFacts>> host_found = {
    {"HOST-01", [](HostFacts& f) { f.files[2].mode = 0770; }, "/var/lib/casemate"},
    {"HOST-01", [](HostFacts& f) { f.files[2].uid = 1000; }},
    {"HOST-01", [](HostFacts& f) { f.files[0].mode = 0777; }},
    {"HOST-02", [](HostFacts& f) { f.kernel_major = 5; }, "kernel"},
    {"HOST-02", [](HostFacts& f) { f.kernel_minor = 0; }},
    {"HOST-02", [](HostFacts& f) { f.landlock_abi = 0; }, "landlock"},
    {"HOST-02", [](HostFacts& f) { f.seccomp_filter = false; }, "seccomp"},
    {"HOST-02", [](HostFacts& f) { f.cgroup_v2 = false; }, "cgroup"},
    {"HOST-02", [](HostFacts& f) { f.sysctls["user.max_user_namespaces"] = "0"; }},
    {"HOST-03", [](HostFacts& f) { f.sysctls["kernel.kptr_restrict"] = "0"; }, "kernel.kptr_restrict"},
    {"HOST-03", [](HostFacts& f) { f.sysctls["kernel.randomize_va_space"] = "1"; }}};
const std::vector<Row<HostFacts>> host_quiet = {
    {"HOST-01", [](HostFacts& f) { f.files.push_back({"/tmp", 0, 01777}); }},
    {"HOST-02", [](HostFacts& f) { f.kernel_major = 7, f.kernel_minor = 0; }},
    {"HOST-03", [](HostFacts& f) { f.sysctls["kernel.kptr_restrict"] = "2"; }},
    {"HOST-03", [](HostFacts& f) { f.sysctls.erase("kernel.kptr_restrict"); }}};

std::function<void(UnitFacts&)> sets(const char* key, const char* value) {
    return [key, value](UnitFacts& facts) { facts.values[key] = value; };
}
const std::vector<Row<UnitFacts>> unit_found = {
    {"HOST-04", sets("Service.ProtectSystem", "full"), "ProtectSystem"},
    {"HOST-04", [](UnitFacts& f) { f.values.erase("Service.CapabilityBoundingSet"); }},
    {"HOST-04", sets("Service.PrivateTmp", "no")},
    {"RUN-45", sets("Unit.StartLimitBurst", "0")},
    {"RUN-45", [](UnitFacts& f) { f.values.erase("Unit.StartLimitIntervalSec"); }}};
const std::vector<Row<UnitFacts>> unit_quiet = {
    {"HOST-04", sets("Service.ProtectHome", "tmpfs")},
    {"RUN-45", [](UnitFacts& f) { f.values.erase("Unit.StartLimitBurst"), f.values["Service.Restart"] = "no"; }}};

}  // namespace

TEST_CASE("host rules: nothing is found on a good host") { CHECK(told(judge_host(clean_host())) == ""); }
TEST_CASE("host rules: each finds what it is for") {
    expect_found(host_found, clean_host(), judge_host);
    expect_all_tried(host_checks(), host_found);
}
TEST_CASE("host rules: near misses") {
    expect_quiet(host_quiet, clean_host(), judge_host);
    expect_all_tried(host_checks(), host_quiet);
}

TEST_CASE("unit rules: nothing is found in a hardened unit") { CHECK(told(judge_unit(parse_unit(hardened_unit))) == ""); }
TEST_CASE("unit rules: each finds what it is for") {
    expect_found(unit_found, parse_unit(hardened_unit), judge_unit);
    expect_all_tried(unit_checks(), unit_found);
}
TEST_CASE("unit rules: near misses") {
    expect_quiet(unit_quiet, parse_unit(hardened_unit), judge_unit);
    expect_all_tried(unit_checks(), unit_quiet);
}

TEST_CASE("unit: the last value counts, lines continue, sections are told apart") {
    const UnitFacts facts = parse_unit("[Unit]\nA=1\n[Service]\nA = 2\\\n 3 \nA=4\n;B=5\nnonsense\n");
    CHECK(facts.values.at("Unit.A") == "1");
    CHECK(facts.values.at("Service.A") == "4");
    CHECK(facts.values.size() == 2);
}

TEST_CASE("network tables: what waits, where, and what leads everywhere") {
    const char* const tcp =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100\n"
        "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 100\n"
        "   2: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 4244 1 0 100\n";
    const auto ports = parse_open_ports(tcp, false);
    REQUIRE(ports);
    REQUIRE(ports.value().size() == 2);
    CHECK(ports.value()[0].port == 8080);
    CHECK_FALSE(ports.value()[0].wildcard);
    CHECK(ports.value()[1].port == 80);
    CHECK(ports.value()[1].wildcard);
    CHECK(ports.value()[1].inode == 4243);
    CHECK_FALSE(parse_open_ports("header\nnonsense\n", false));
    CHECK_FALSE(parse_open_ports("h\n 0: 0100007F:1F9G 0:0 0A 0:0 0:0 0 0 0 1\n", false));

    const char* const route = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
    CHECK_FALSE(has_default_route(route, false));
    CHECK(has_default_route(std::string(route) + "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", false));
    CHECK_FALSE(has_default_route(std::string(route) + "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", false));
    const std::string zero(32, '0');
    CHECK(has_default_route(zero + " 00 " + zero + " 00 " + zero + " 0 0 0 0 eth0\n", true));
    CHECK_FALSE(has_default_route(zero + " 00 " + zero + " 00 " + zero + " 0 0 0 0 lo\n", true));
}
