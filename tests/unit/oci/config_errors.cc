// Wrong config.json: each fault is an error that names its place.
#include <doctest/doctest.h>

#include "oci/config.h"

using namespace casemate;
using namespace casemate::oci;

namespace {

std::string error_of(const std::string& text) {
    const Result<Config> config = parse_config(text);
    return config ? "accepted" : config.error().text();
}
// Errors of documents with one more top-level key, without their common beginning.
std::string with(const std::string& more) {
    const std::string error = error_of(R"({"ociVersion":"1.0.0","root":{"path":"r"},)" + more + "}");
    constexpr std::string_view start = "config.json: ";
    return error.starts_with(start) ? error.substr(start.size()) : error;
}
std::string with_process(const std::string& more) {
    return with(R"("process":{"user":{"uid":1,"gid":1},"cwd":"/",)" + more + "}");
}
std::string with_linux(const std::string& more) { return with(R"("linux":{)" + more + "}"); }
std::string with_user(const std::string& user) { return with(R"("process":{"cwd":"/","user":)" + user + "}"); }
std::string with_seccomp(const std::string& more) {
    return with_linux(R"("seccomp":{"defaultAction":"SCMP_ACT_ALLOW",)" + more + "}");
}

}  // namespace

TEST_CASE("config errors: the control documents are accepted") {
    CHECK(with(R"("hostname":"h")") == "accepted");
    CHECK(with_process(R"("args":["x"])") == "accepted");
    CHECK(with_linux(R"("namespaces":[])") == "accepted");
    CHECK(with_seccomp(R"("syscalls":[])") == "accepted");
}

TEST_CASE("config errors: the document itself") {
    CHECK(error_of("[]") == "config.json: $: expected an object, got an array");
    CHECK(error_of("") == "config.json: line 1, column 1: the document ends too early");
    CHECK(error_of("{}") == "config.json: $.ociVersion: missing");
    CHECK(error_of(R"({"ociVersion":"1.0.0"})") == "config.json: $.root: missing");
    CHECK(error_of(R"({"ociVersion":"1.0.0","root":{}})") == "config.json: $.root.path: missing");
    CHECK(error_of(R"({"ociVersion":"1.0.0","root":{"path":""}})") ==
          "config.json: $.root.path: must not be empty, got ''");
    CHECK(error_of(R"({"ociVersion":"1.0.0","root":{"path":"r"},"root":{"path":"s"}})") ==
          "config.json: $.root: key given twice");
    for (const char* version : {"", "1", "1.0", "1.0.x", "01.0.0", "1.0.0.0", " 1.0.0", "v1.0.0", "1..0"}) {
        CAPTURE(version);
        CHECK(error_of(std::string(R"({"ociVersion":")") + version + R"(","root":{"path":"r"}})")
                  .find("expected a semantic version") != std::string::npos);
    }
    for (const char* version : {"0.9.0", "2.0.0", "9.0.0", "11.0.0"}) {
        CAPTURE(version);
        CHECK(error_of(std::string(R"({"ociVersion":")") + version + R"(","root":{"path":"r"}})")
                  .find("expected a version 1.x") != std::string::npos);
    }
    for (const char* version : {"1.0.0", "1.0.2-dev", "1.3.0", "1.3.0+dev", "1.99.0-rc.1"}) {
        CAPTURE(version);
        CHECK(error_of(std::string(R"({"ociVersion":")") + version + R"(","root":{"path":"r"}})") == "accepted");
    }
}

TEST_CASE("config errors: wrong kinds") {
    CHECK(with(R"("hostname":1)") == "$.hostname: expected a string, got a number");
    CHECK(with(R"("mounts":{})") == "$.mounts: expected an array, got an object");
    CHECK(with(R"("mounts":["/a"])") == "$.mounts[0]: expected an object, got a string");
    CHECK(with(R"("mounts":[{"destination":"/a","options":["ro",1]}])") ==
          "$.mounts[0].options[1]: expected a string, got a number");
    CHECK(with(R"("mounts":[{"destination":"/a","options":[null]}])") ==
          "$.mounts[0].options[0]: expected a string, got null");
    CHECK(with(R"("annotations":{"a.b":1})") == "$.annotations['a.b']: expected a string, got a number");
    CHECK(with(R"("annotations":{"":"x"})") == "$.annotations['']: key: must not be empty");
    CHECK(with_process(R"("terminal":"true")") == "$.process.terminal: expected true or false, got a string");
    CHECK(with_process(R"("terminal":1)") == "$.process.terminal: expected true or false, got a number");
    CHECK(with_process(R"("noNewPrivileges":"no")") ==
          "$.process.noNewPrivileges: expected true or false, got a string");
    CHECK(with_process(R"("args":"sh")") == "$.process.args: expected an array, got a string");
    CHECK(with_linux(R"("resources":[])") == "$.linux.resources: expected an object, got an array");
    CHECK(with_linux(R"("resources":{"pids":7})") == "$.linux.resources.pids: expected an object, got a number");
}

TEST_CASE("config errors: ids never become 0 (CVE-2024-40635, CVE-2026-30892)") {
    CHECK(with_user(R"({"uid":4294967294,"gid":4294967294})") == "accepted");
    CHECK(with_user(R"({"gid":1})") == "$.process.user.uid: missing");
    CHECK(with_user(R"({"uid":1})") == "$.process.user.gid: missing");
    CHECK(with_user(R"({"uid":null,"gid":1})") == "$.process.user.uid: missing");
    CHECK(with_user(R"({"uid":"1","gid":1})") == "$.process.user.uid: expected a whole number, got a string");
    CHECK(with_user(R"({"uid":1.5,"gid":1})") == "$.process.user.uid: expected a whole number, got a fraction");
    CHECK(with_user(R"({"uid":1e3,"gid":1})") == "$.process.user.uid: expected a whole number, got a fraction");
    CHECK(with_user(R"({"uid":true,"gid":1})") == "$.process.user.uid: expected a whole number, got true or false");
    for (const char* id : {"-1", "4294967295", "4294967296", "18446744073709551615", "-9223372036854775808"}) {
        CAPTURE(id);
        CHECK(with_user(std::string(R"({"uid":)") + id + R"(,"gid":1})")
                  .starts_with("$.process.user.uid: expected a number from 0 to 4294967294, got "));
        CHECK(with_user(std::string(R"({"uid":1,"gid":)") + id + "}")
                  .starts_with("$.process.user.gid: expected a number from 0 to 4294967294, got "));
        CHECK(with_user(std::string(R"({"uid":1,"gid":1,"additionalGids":[1,)") + id + "]}")
                  .starts_with("$.process.user.additionalGids[1]: expected a number from 0 to 4294967294, got "));
    }
    CHECK(with_user(R"({"uid":18446744073709551616,"gid":1})") ==
          "$.process.user.uid: 18446744073709551616 is beyond 64 bits");
    CHECK(with_user(R"({"uid":1,"gid":1,"umask":512})") ==
          "$.process.user.umask: expected a number from 0 to 511, got 512");
    CHECK(with(R"("process":{"cwd":"/"})") == "$.process.user: missing");
}

TEST_CASE("config errors: process") {
    CHECK(with(R"("process":{"user":{"uid":1,"gid":1}})") == "$.process.cwd: missing");
    CHECK(with(R"("process":{"user":{"uid":1,"gid":1},"cwd":"tmp"})") ==
          "$.process.cwd: expected an absolute path, got 'tmp'");
    CHECK(with(R"("process":{"user":{"uid":1,"gid":1},"cwd":""})") ==
          "$.process.cwd: expected an absolute path, got ''");
    CHECK(with_process(R"("env":["A"])") == "$.process.env[0]: expected NAME=value, got 'A'");
    CHECK(with_process(R"("env":["A=1","=x"])") == "$.process.env[1]: expected NAME=value, got '=x'");
    CHECK(with_process(R"("args":["a\u0000b"])") == "$.process.args[0]: a NUL character in a string");
    CHECK(with_process(R"("oomScoreAdj":1001)") ==
          "$.process.oomScoreAdj: expected a number from -1000 to 1000, got 1001");
    CHECK(with_process(R"("oomScoreAdj":-1001)") ==
          "$.process.oomScoreAdj: expected a number from -1000 to 1000, got -1001");
    CHECK(with_process(R"("rlimits":[{"type":"RLIMIT_NOFILES","soft":1,"hard":1}])") ==
          "$.process.rlimits[0].type: unknown word 'RLIMIT_NOFILES'; did you mean 'RLIMIT_NOFILE'?");
    CHECK(with_process(
              R"("rlimits":[{"type":"RLIMIT_CPU","soft":1,"hard":1},{"type":"RLIMIT_CPU","soft":2,"hard":2}])") ==
          "$.process.rlimits[1]: RLIMIT_CPU given twice");
    CHECK(with_process(R"("rlimits":[{"type":"RLIMIT_CPU","soft":2,"hard":1}])") ==
          "$.process.rlimits[0]: soft is above hard");
    CHECK(with_process(R"("rlimits":[{"type":"RLIMIT_CPU","soft":2}])") == "$.process.rlimits[0].hard: missing");
    CHECK(with_process(R"("consoleSize":{"height":1})") == "$.process.consoleSize.width: missing");
    CHECK(
        with_process(R"("scheduler":{"policy":"SCHED_FAST"})").starts_with("$.process.scheduler.policy: unknown word"));
    CHECK(with_process(R"("scheduler":{"policy":"SCHED_OTHER","nice":20})") ==
          "$.process.scheduler.nice: expected a number from -20 to 19, got 20");
    CHECK(with_process(R"("ioPriority":{"class":"IOPRIO_CLASS_BE","priority":8})")
              .starts_with("$.process.ioPriority.priority: expected"));
}

TEST_CASE("config errors: namespaces, maps, devices, mounts") {
    CHECK(with_linux(R"("namespaces":[{"type":"pid"},{"type":"ipc"},{"type":"pid"}])") ==
          "$.linux.namespaces[2]: namespace 'pid' given twice");
    CHECK(with_linux(R"("namespaces":[{"type":"net"}])") == "$.linux.namespaces[0].type: unknown word 'net'");
    CHECK(with_linux(R"("namespaces":[{"type":"mounts"}])") ==
          "$.linux.namespaces[0].type: unknown word 'mounts'; did you mean 'mount'?");
    CHECK(with_linux(R"("namespaces":[{"type":"pid","path":"ns"}])") ==
          "$.linux.namespaces[0].path: expected an absolute path, got 'ns'");
    CHECK(with_linux(R"("namespaces":[{}])") == "$.linux.namespaces[0].type: missing");

    const auto maps = [](const std::string& list) { return with_linux(R"("uidMappings":[)" + list + "]"); };
    CHECK(maps(R"({"containerID":0,"hostID":1,"size":4294967294})") == "accepted");
    CHECK(maps(R"({"containerID":0,"hostID":0,"size":0})")
              .starts_with("$.linux.uidMappings[0].size: expected a number from 1 "));
    CHECK(maps(R"({"containerID":0,"hostID":2,"size":4294967294})") ==
          "$.linux.uidMappings[0]: reaches beyond the highest id");
    CHECK(maps(R"({"containerID":0,"hostID":1,"size":10},{"containerID":9,"hostID":100,"size":1})") ==
          "$.linux.uidMappings[1]: overlaps entry 0");
    CHECK(maps(R"({"containerID":0,"hostID":1,"size":10},{"containerID":10,"hostID":10,"size":1})") ==
          "$.linux.uidMappings[1]: overlaps entry 0");
    CHECK(maps(R"({"containerID":0,"hostID":1,"size":10},{"containerID":10,"hostID":11,"size":1})") == "accepted");
    CHECK(maps(R"({"containerID":0,"size":1})") == "$.linux.uidMappings[0].hostID: missing");

    CHECK(with_linux(R"("devices":[{"path":"/dev/x","type":"c"}])") ==
          "$.linux.devices[0]: a device needs major and minor");
    CHECK(with_linux(R"("devices":[{"path":"/dev/x","type":"p"}])") == "accepted");
    CHECK(with_linux(R"("devices":[{"path":"dev/x","type":"p"}])") ==
          "$.linux.devices[0].path: expected an absolute path, got 'dev/x'");
    CHECK(with_linux(R"("devices":[{"path":"/dev/x","type":"d"}])")
              .starts_with("$.linux.devices[0].type: unknown word 'd'"));
    CHECK(with_linux(R"("devices":[{"path":"/dev/x","type":"c","major":1,"minor":3,"fileMode":8630}])") == "accepted");
    CHECK(with_linux(R"("devices":[{"path":"/dev/x","type":"c","major":1,"minor":3,"fileMode":24576}])") ==
          "$.linux.devices[0].fileMode: is the mode of another kind of file");
    CHECK(with_linux(R"("devices":[{"path":"/dev/x","type":"c","major":1,"minor":3,"fileMode":65536}])")
              .starts_with("$.linux.devices[0].fileMode: expected"));
    CHECK(with_linux(R"("devices":[{"path":"/dev/x","type":"c","major":-1,"minor":3}])")
              .starts_with("$.linux.devices[0].major: expected"));

    CHECK(with(R"("mounts":[{"type":"tmpfs"}])") == "$.mounts[0].destination: missing");
    CHECK(with(R"("mounts":[{"destination":""}])") == "$.mounts[0].destination: must not be empty, got ''");
    CHECK(with(R"("mounts":[{"destination":"/a","uidMappings":[{"containerID":0,"hostID":1,"size":1}]}])") ==
          "$.mounts[0]: uidMappings and gidMappings go together");
    CHECK(with_linux(R"("maskedPaths":["proc/kcore"])") ==
          "$.linux.maskedPaths[0]: expected an absolute path, got 'proc/kcore'");
    CHECK(with_linux(R"("readonlyPaths":[""])") == "$.linux.readonlyPaths[0]: expected an absolute path, got ''");
    CHECK(with_linux(R"("rootfsPropagation":"privat")") ==
          "$.linux.rootfsPropagation: unknown word 'privat'; did you mean 'private'?");
    CHECK(with(R"("hostname":")" + std::string(65, 'h') + "\"") == "$.hostname: longer than 64 bytes");
    CHECK(with(R"("hooks":{"poststop":[{"path":"bin/x"}]})") ==
          "$.hooks.poststop[0].path: expected an absolute path, got 'bin/x'");
    CHECK(with(R"("hooks":{"prestart":[{"path":"/x","timeout":0}]})")
              .starts_with("$.hooks.prestart[0].timeout: expected a number from 1 "));
}

TEST_CASE("config errors: seccomp") {
    CHECK(with_linux(R"("seccomp":{})") == "$.linux.seccomp.defaultAction: missing");
    CHECK(with_linux(R"("seccomp":{"defaultAction":"SCMP_ACT_ALOW"})") ==
          "$.linux.seccomp.defaultAction: unknown word 'SCMP_ACT_ALOW'; did you mean 'SCMP_ACT_ALLOW'?");
    CHECK(with_seccomp(R"("defaultErrnoRet":1)") ==
          "$.linux.seccomp.defaultErrnoRet: the action SCMP_ACT_ALLOW has no errno");
    CHECK(with_seccomp(R"("syscalls":[{"names":[],"action":"SCMP_ACT_ERRNO"}])") ==
          "$.linux.seccomp.syscalls[0].names: must name a system call");
    CHECK(with_seccomp(R"("syscalls":[{"names":[""],"action":"SCMP_ACT_ERRNO"}])") ==
          "$.linux.seccomp.syscalls[0].names[0]: must not be empty, got ''");
    CHECK(with_seccomp(R"("syscalls":[{"names":["a"],"action":"SCMP_ACT_KILL","errnoRet":1}])") ==
          "$.linux.seccomp.syscalls[0].errnoRet: the action SCMP_ACT_KILL has no errno");
    CHECK(with_seccomp(R"("syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":4096}])") ==
          "$.linux.seccomp.syscalls[0].errnoRet: above the highest errno, 4095");
    CHECK(
        with_seccomp(
            R"("syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}])") ==
        "$.linux.seccomp.syscalls[0].args[0].index: expected a number from 0 to 5, got 6");
    CHECK(with_seccomp(
              R"("syscalls":[{"names":["a"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":0,"op":"EQ"}]}])") ==
          "$.linux.seccomp.syscalls[0].args[0].op: unknown word 'EQ'");
    CHECK(with_seccomp(R"("architectures":["x86_64"])")
              .starts_with("$.linux.seccomp.architectures[0]: unknown word 'x86_64'"));
    CHECK(with_seccomp(R"("flags":["LOG"])").starts_with("$.linux.seccomp.flags[0]: unknown word 'LOG'"));
    CHECK(with_seccomp(R"("listenerMetadata":"x")") == "$.linux.seccomp.listenerMetadata: needs a listenerPath");
    CHECK(with_seccomp(R"("listenerPath":"x")") == "$.linux.seccomp.listenerPath: expected an absolute path, got 'x'");
}

TEST_CASE("config errors: resources, and keys that become names of files") {
    const auto resources = [](const std::string& more) { return with_linux(R"("resources":{)" + more + "}"); };
    CHECK(resources(R"("memory":{"limit":-2})")
              .starts_with("$.linux.resources.memory.limit: expected a number from -1 "));
    CHECK(resources(R"("memory":{"limit":"64m"})") ==
          "$.linux.resources.memory.limit: expected a whole number, got a string");
    CHECK(resources(R"("cpu":{"shares":-1})").starts_with("$.linux.resources.cpu.shares: expected a number from 0 "));
    CHECK(resources(R"("blockIO":{"weight":65536})")
              .starts_with("$.linux.resources.blockIO.weight: expected a number from 0 to 65535"));
    CHECK(resources(R"("devices":[{"type":"c"}])") == "$.linux.resources.devices[0].allow: missing");
    CHECK(resources(R"("devices":[{"allow":true,"access":"rx"}])") ==
          "$.linux.resources.devices[0].access: expected letters of 'rwm', got 'rx'");
    for (const char* size : {"", "MB", "0MB", "2", "2mb", "2TB", "../2MB", "2MB/x", "-2MB"}) {
        CAPTURE(size);
        CHECK(resources(std::string(R"("hugepageLimits":[{"pageSize":")") + size + R"(","limit":1}])")
                  .starts_with("$.linux.resources.hugepageLimits[0].pageSize: "));
    }
    for (const char* key : {"", ".", "..", "../cgroup.procs", "a/b"}) {
        CAPTURE(key);
        CHECK(resources(std::string(R"("unified":{")") + key + R"(":"1"})").find("key: expected one path component") !=
              std::string::npos);
        CHECK(resources(std::string(R"("rdma":{")") + key + R"(":{}})").find("key: expected one path component") !=
              std::string::npos);
        CHECK(
            with_linux(std::string(R"("netDevices":{")") + key + R"(":{}})").find("key: expected one path component") !=
            std::string::npos);
    }
    CHECK(with_linux(R"("netDevices":{"sixteen-bytes-xx":{}})") ==
          "$.linux.netDevices.sixteen-bytes-xx: not a name of a network device");
    CHECK(with_linux(R"("netDevices":{"eth0":{"name":"a b"}})") ==
          "$.linux.netDevices.eth0.name: not a name of a network device: 'a b'");
    CHECK(with_linux(R"("intelRdt":{"closID":".."})") ==
          "$.linux.intelRdt.closID: expected one path component, got '..'");
    CHECK(with_linux(R"("timeOffsets":{"realtime":{"secs":1}})") == "$.linux.timeOffsets.realtime: unknown clock");
    CHECK(with_linux(R"("timeOffsets":{"boottime":{"nanosecs":1000000000}})")
              .starts_with("$.linux.timeOffsets.boottime.nanosecs: expected"));
}
