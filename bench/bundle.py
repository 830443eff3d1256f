#!/usr/bin/env python3
"""bundle.py DIR CGROUP PAYLOAD PROFILE: the bundles that bench/start runs, from a busybox root in DIR/plain/rootfs.

DIR/plain is what `runc spec` gives, as read-only root with the usual masks; DIR/seccomp is the same with PROFILE (the
engines' seccomp.json) for x86_64, i386 and x32. DIR/filter.bpf is that profile for x86_64 alone as ready BPF, for the
programs that take one: numbers of equal verdict merged into ranges, searched as a binary tree. A yardstick: equality and
masked equality of arguments only, low 32 bits.
"""
import ctypes
import json
import pathlib
import struct
import sys

CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
ARCH_X86_64, ALLOW, KILL_PROCESS, ERRNO = 0xC000003E, 0x7FFF0000, 0x80000000, 0x00050000
LOAD, JUMP_GE, JUMP_EQ, JUMP, RETURN, AND = 0x20, 0x35, 0x15, 0x05, 0x06, 0x54


def mount(destination, kind, source, *options):
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def config(cgroup, payload):
    mounts = [
        mount("/proc", "proc", "proc"),
        mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
        mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    ]
    if cgroup != "none":
        mounts.append(mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"))
    kinds = ["pid", "network", "ipc", "uts", "mount"] + (["cgroup"] if cgroup == "v2" else [])
    linux = {"namespaces": [{"type": kind} for kind in kinds], "maskedPaths": MASKED, "readonlyPaths": READONLY}
    if cgroup == "v1":  # on v2 crun 1.8 must raise RLIMIT_MEMLOCK to load the device program: not everyone may
        linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    sets = ("bounding", "effective", "permitted", "ambient", "inheritable")
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "args": [payload], "cwd": "/", "noNewPrivileges": True,
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "capabilities": {name: CAPABILITIES for name in sets},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
        },
        "root": {"path": "rootfs", "readonly": True}, "hostname": "bench", "mounts": mounts, "linux": linux,
    }


def rules(profile):
    """The profile's rules that hold for x86_64 and our capabilities, as linux.seccomp has them."""
    for entry in profile["syscalls"]:
        includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
        if "arches" in includes and "amd64" not in includes["arches"] or "amd64" in excludes.get("arches", []):
            continue
        if not set(includes.get("caps", [])) <= set(CAPABILITIES) or set(excludes.get("caps", [])) & set(CAPABILITIES):
            continue
        rule = {"names": entry.get("names") or [entry["name"]], "action": entry["action"]}
        if entry.get("args"):
            known = ("index", "value", "valueTwo", "op")
            rule["args"] = [{key: argument[key] for key in known if key in argument} for argument in entry["args"]]
        if "errnoRet" in entry:
            rule["errnoRet"] = entry["errnoRet"]
        yield rule


def verdicts(rule_list, default):
    """System call number -> a verdict, or a list of (arguments, verdict)."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    table = {}
    for rule in rule_list:
        action = ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else ERRNO | rule.get("errnoRet", 1)
        for name in rule["names"]:
            number = library.seccomp_syscall_resolve_name_arch(ARCH_X86_64, name.encode())
            if number < 0:
                continue
            if not rule.get("args"):
                table[number] = action
            elif not isinstance(table.get(number), int):
                table.setdefault(number, []).append((rule["args"], action))
    return [table.get(number, default) for number in range(1024)]


def leaf(verdict, default):
    if isinstance(verdict, int):
        return [(RETURN, 0, 0, verdict)]
    code = []
    for arguments, action in verdict:
        body = [(RETURN, 0, 0, action)]
        for argument in reversed(arguments):
            value, skip = argument["value"] & 0xFFFFFFFF, len(body)
            test = {
                "SCMP_CMP_EQ": [(JUMP_EQ, 0, skip, value)],
                "SCMP_CMP_NE": [(JUMP_EQ, skip, 0, value)],
                "SCMP_CMP_MASKED_EQ": [(AND, 0, 0, value), (JUMP_EQ, 0, skip, argument.get("valueTwo", 0) & 0xFFFFFFFF)],
            }[argument["op"]]
            body = [(LOAD, 0, 0, 16 + 8 * argument["index"])] + test + body
        code += body
    return code + [(RETURN, 0, 0, default)]


def tree(ranges, default):
    if len(ranges) == 1:
        return leaf(ranges[0][1], default)
    middle = len(ranges) // 2
    left, right = tree(ranges[:middle], default), tree(ranges[middle:], default)
    if len(left) <= 255:
        return [(JUMP_GE, len(left), 0, ranges[middle][0])] + left + right
    return [(JUMP_GE, 0, 1, ranges[middle][0]), (JUMP, 0, 0, len(left))] + left + right


def program(rule_list, default):
    ranges = []
    for number, verdict in enumerate(verdicts(rule_list, default)):
        if not ranges or ranges[-1][1] != verdict:
            ranges.append((number, verdict))
    head = [(LOAD, 0, 0, 4), (JUMP_EQ, 1, 0, ARCH_X86_64), (RETURN, 0, 0, KILL_PROCESS), (LOAD, 0, 0, 0)]
    return b"".join(struct.pack("<HBBI", *step) for step in head + tree(ranges, default))


def main():
    directory, cgroup, payload, profile_path = sys.argv[1:5]
    directory = pathlib.Path(directory)
    bundle = config(cgroup, payload)
    (directory / "plain/config.json").write_text(json.dumps(bundle, indent=1))
    profile = json.loads(pathlib.Path(profile_path).read_text())
    rule_list = list(rules(profile))
    errno = profile.get("defaultErrnoRet", 1)
    bundle["linux"]["seccomp"] = {
        "defaultAction": profile["defaultAction"], "defaultErrnoRet": errno,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": rule_list}
    (directory / "seccomp/config.json").write_text(json.dumps(bundle, indent=1))
    (directory / "filter.bpf").write_bytes(program(rule_list, ERRNO | errno))


main()
